import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { deriveTemporarySecret, stretchOpaqueSecret } from '../../../agent/contract/derivation.ts'
import type { AgentConfig } from '../../../config/config.ts'
import { loadConfig } from '../../../config/load.ts'
import { flashedSecret } from '../../fakes/flashed-secret.ts'
import {
  CA_PEM,
  eap,
  GOOD,
  hotspot,
  KEY_BYTES,
  load,
  makeRoot,
  PROVISIONING_TEXT,
  problemsOf,
  put,
  SECRET_TEXT,
  SIGNING_KEYS,
} from './sample.ts'

function configOf(content: unknown, environment: Readonly<Record<string, string>> = {}): AgentConfig {
  const { loaded } = load({ 'ca.json': content }, environment)
  if (!loaded.ok) throw new Error(loaded.problems.join('\n'))
  return loaded.config
}

const secretsOf = (config: AgentConfig): readonly string[] =>
  config.credentials.map((credential) => Buffer.from(flashedSecret(credential)).toString('hex'))
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

describe('loading a CA config', () => {
  it('fills in every default', () => {
    const config = configOf(GOOD)
    expect(config).toMatchObject({
      identity: { account: 'acme', device: 'SN-000123', realm: 'zipkey.invalid' },
      permanentCredential: 'secret',
      cloud: { url: 'https://api.zipkey.example', issuer: 'https://api.zipkey.example', caPem: CA_PEM, signingKeys: SIGNING_KEYS },
      wifi: { interface: 'auto', country: null, address: 'system', skipWhenWired: true },
      state: { directory: '/var/lib/zipkey' },
      timers: { joinMs: 20_000, addressMs: 15_000, cloudCallMs: 10_000, scanMs: 15_000, backoffBaseMs: 2_000, backoffCapMs: 300_000 },
      log: { level: 'info' },
    })
    expect(config.hotspots).toEqual([
      {
        security: 'wpa-eap',
        ssid: new Uint8Array(Buffer.from('ZipKey')),
        hidden: false,
        frequenciesMhz: [],
        eap: {
          methods: ['TTLS'],
          inner: 'PAP',
          caPem: CA_PEM,
          tlsMaxVersion: '1.2',
          serverName: 'aaa.zipkey.example',
          aaaDomain: 'zipkey.invalid',
        },
      },
    ])
  })

  it('keeps what is given', () => {
    const given = {
      ...GOOD,
      realm: 'zipkey.example',
      cloud: { ...GOOD.cloud, url: 'https://api.zipkey.example/', issuer: 'urn:cloud' },
      wifi: { backend: 'wpa_supplicant', interface: 'wlan1', country: 'DE', address: 'udhcpc', skipWhenWired: false },
      state: { directory: '/data/zipkey' },
      timers: { joinMs: 1000, backoffCapMs: 5000 },
      log: { level: 'debug' },
      hotspots: [
        {
          security: 'wired-eap',
          eap: { ...eap, inner: 'MSCHAPV2', methods: ['TLS', 'TTLS'], tlsMaxVersion: '1.3', aaaDomain: 'op.example' },
        },
      ],
    }
    const config = configOf(given)
    expect(config.cloud).toMatchObject({ url: 'https://api.zipkey.example', issuer: 'urn:cloud' })
    expect(config.wifi).toEqual({ interface: 'wlan1', country: 'DE', address: 'udhcpc', skipWhenWired: false })
    expect(config.timers).toMatchObject({ joinMs: 1000, backoffCapMs: 5000, scanMs: 15_000 })
    expect(config.state.directory).toBe('/data/zipkey')
    expect(config.log.level).toBe('debug')
    expect(config.hotspots).toEqual([
      {
        security: 'wired-eap',
        eap: {
          methods: ['TLS', 'TTLS'],
          inner: 'MSCHAPV2',
          caPem: CA_PEM,
          tlsMaxVersion: '1.3',
          serverName: 'aaa.zipkey.example',
          aaaDomain: 'op.example',
        },
      },
    ])
  })

  it('reads plain hotspots, with a passphrase from wherever secrets may stand', () => {
    const root = makeRoot()
    put(root, 'psk', 'from a file\n')
    put(root, 'credentials/psk', `${'0f'.repeat(32)}\n`)
    const configFile = put(root, 'ca.json', {
      ...GOOD,
      hotspots: [
        { ssid: 'a', security: 'sae', passphrase: 'schlüssel', hidden: true, channels: [6] },
        { ssid: 'b', security: 'psk', passphrase: { file: 'psk' } },
        { ssid: 'c', security: 'psk', passphrase: { credential: 'psk' } },
        { ssid: 'd', security: 'owe' },
        { ssid: 'e', security: 'open' },
      ],
    })
    const loaded = loadConfig({ environment: { CREDENTIALS_DIRECTORY: join(root, 'credentials') }, configFile })
    if (!loaded.ok) throw new Error(loaded.problems.join('\n'))
    const shown = loaded.config.hotspots.map((each) => [each.security, 'passphrase' in each ? each.passphrase.reveal() : null])
    expect(shown).toEqual([
      ['sae', 'schlüssel'],
      ['psk', 'from a file'],
      ['psk', '0f'.repeat(32)],
      ['owe', null],
      ['open', null],
    ])
    expect(loaded.config.hotspots[0]).toMatchObject({ hidden: true, frequenciesMhz: [2437] })
    expect(JSON.stringify(loaded.config.hotspots)).not.toContain('schlüssel')
  })

  it('asks for a certificate where it is told to, by the file or by the environment, and one hotspot of several is enough', () => {
    const hotspots = [hotspot, { ...hotspot, ssid: 'Other', eap: { ...eap, methods: ['TLS'] } }]
    expect(configOf({ ...GOOD, hotspots, permanentCredential: 'certificate' }).permanentCredential).toBe('certificate')
    const { loaded } = load({ 'ca.json': { ...GOOD, hotspots } }, { ZIPKEY_PERMANENT_CREDENTIAL: 'certificate' })
    expect(loaded).toMatchObject({ ok: true, config: { permanentCredential: 'certificate' } })
  })

  it('turns each kind of credential into the secret it stands for, in order', () => {
    const name = { account: 'acme', device: 'SN-000123' }
    const config = configOf({
      ...GOOD,
      credentials: [
        { kind: 'temporary', keyId: 'line-7', provisioningKey: `${PROVISIONING_TEXT}\n`, keepProvisioningKey: true },
        { kind: 'temporary', keyId: 'line-8', secret: SECRET_TEXT },
        { kind: 'shared-secret', secret: SECRET_TEXT },
        { kind: 'shared-secret', format: 'opaque', secret: 'correct horse\n' },
      ],
    })
    expect(config.credentials.map(({ kind, id }) => [kind, id])).toEqual([
      ['temporary-secret', { kind: 'temporary', keyId: 'line-7' }],
      ['temporary-secret', { kind: 'temporary', keyId: 'line-8' }],
      ['shared-secret', { kind: 'flashed' }],
      ['shared-secret', { kind: 'flashed' }],
    ])
    expect(secretsOf(config)).toEqual([
      hex(deriveTemporarySecret(KEY_BYTES, name)),
      hex(KEY_BYTES),
      hex(KEY_BYTES),
      hex(stretchOpaqueSecret('correct horse', name)),
    ])
  })

  it.each([
    [{ channels: [1, 6, 14, 36, 165] }, [2412, 2437, 2484, 5180, 5825]],
    [{ channels: [1], frequenciesMhz: [2412, 5955] }, [2412, 5955]],
  ])('turns channels %j into frequencies, each once', (channels, frequenciesMhz) => {
    expect(configOf({ ...GOOD, hotspots: [{ ...hotspot, ...channels }] }).hotspots[0]).toMatchObject({ frequenciesMhz })
  })

  it('reads an SSID as bytes', () => {
    const { hotspots } = configOf({
      ...GOOD,
      hotspots: [
        { ...hotspot, ssid: { hex: '00FF' } },
        { ...hotspot, ssid: 'Zürich' },
      ],
    })
    expect(hotspots.map((each) => ('ssid' in each ? hex(each.ssid) : null))).toEqual(['00ff', '5ac3bc72696368'])
  })

  it('takes contents from files beside the config and from systemd credentials', () => {
    const root = makeRoot()
    put(root, 'run/credentials/key', PROVISIONING_TEXT)
    put(root, 'etc/keys/secret', `${SECRET_TEXT}\n`)
    put(root, 'etc/ca.pem', CA_PEM)
    put(root, 'etc/jwks.json', SIGNING_KEYS)
    const file = put(root, 'etc/ca.json', {
      ...GOOD,
      credentials: [
        { kind: 'temporary', keyId: 'line-7', secret: { file: 'keys/secret' } },
        { kind: 'temporary', keyId: 'line-7', provisioningKey: { credential: 'key' } },
      ],
      cloud: { ...GOOD.cloud, ca: { file: join(root, 'etc/ca.pem') }, signingKeys: { file: 'jwks.json' } },
    })
    const loaded = loadConfig({ environment: { CREDENTIALS_DIRECTORY: join(root, 'run/credentials') }, configFile: file })
    if (!loaded.ok) throw new Error(loaded.problems.join('\n'))
    expect(secretsOf(loaded.config)).toEqual([hex(KEY_BYTES), hex(deriveTemporarySecret(KEY_BYTES, loaded.config.identity))])
    expect(loaded.config.cloud).toMatchObject({ caPem: CA_PEM, signingKeys: SIGNING_KEYS })
    expect(loaded.warnings).toEqual([])
  })

  it('lays drop-ins over the file in name order, and the environment over both', () => {
    const files = {
      'ca.json': { ...GOOD, wifi: { interface: 'wlan0', country: 'DE' }, timers: { joinMs: 1000 } },
      'ca.d/20-b.json': { wifi: { interface: 'wlan2' }, hotspots: [{ security: 'wired-eap', eap }] },
      'ca.d/10-a.json': { wifi: { interface: 'wlan1', country: 'FR' }, cloud: { ca: { file: 'ca.pem' } } },
      'ca.d/ca.pem': CA_PEM,
      'ca.d/notes.txt': 'not a config',
    }
    const { loaded } = load(files, { ZIPKEY_TIMERS_JOIN_MS: '3000', ZIPKEY_LOG_LEVEL: 'trace', ZIPKEY_WIFI_BACKEND: '' })
    if (!loaded.ok) throw new Error(loaded.problems.join('\n'))
    expect(loaded.config.wifi).toEqual({ interface: 'wlan2', country: 'FR', address: 'system', skipWhenWired: true })
    expect(loaded.config.hotspots.map(({ security }) => security)).toEqual(['wired-eap'])
    expect(loaded.config.timers.joinMs).toBe(3000)
    expect(loaded.config.log.level).toBe('trace')
  })

  it('finds the config by ZIPKEY_CONFIG', () => {
    const file = put(makeRoot(), 'else.json', GOOD)
    expect(loadConfig({ environment: { ZIPKEY_CONFIG: file } }).ok).toBe(true)
  })

  it('does not print a secret when the config is printed', () => {
    const printed = JSON.stringify(configOf(GOOD))
    expect(printed).toContain('[secret]')
    expect(printed).not.toContain(SECRET_TEXT.slice(4, 20))
  })

  it('warns of secrets that everyone can read, once per file', () => {
    const root = makeRoot()
    const secret = put(root, 'secret', SECRET_TEXT)
    const credentials = [
      { kind: 'shared-secret', secret: SECRET_TEXT },
      ...GOOD.credentials,
      { kind: 'shared-secret', secret: { file: 'secret' } },
    ]
    const file = put(root, 'ca.json', { ...GOOD, credentials })
    expect(loadConfig({ environment: {}, configFile: file }).warnings).toEqual([])
    chmodSync(file, 0o644)
    chmodSync(secret, 0o604)
    expect(loadConfig({ environment: {}, configFile: file }).warnings).toEqual([
      `${file}: credentials[0].secret: holds a secret and everyone can read it: chmod o-rwx ${file}`,
      `${file}: credentials[2].secret.file: ${secret}: holds a secret and everyone can read it: chmod o-rwx ${secret}`,
    ])
  })
})

describe('a config with problems', () => {
  const credential = (entry: object): unknown => ({ ...GOOD, credentials: [entry] })
  const mistyped = `${SECRET_TEXT.slice(0, -1)}${SECRET_TEXT.endsWith('A') ? 'E' : 'A'}`

  it.each<[string, unknown, string]>([
    [
      'a missing key',
      { ...GOOD, account: undefined },
      'ca.json: account: missing: The account: the product company, as registered in the cloud.',
    ],
    ['a mistyped section', { ...GOOD, wifi: 'wlan0' }, 'ca.json: wifi: expected an object in { }'],
    ['an unknown section', { ...GOOD, hotspot: [] }, 'ca.json: hotspot: unknown key: did you mean "hotspots"?'],
    ['an unknown key', { ...GOOD, wifi: { inteface: 'wlan0' } }, 'ca.json: wifi.inteface: unknown key: did you mean "interface"?'],
    ['a key like no other', { ...GOOD, log: { colour: 1 } }, 'ca.json: log.colour: unknown key: remove it; known here: level'],
    ['__proto__', JSON.stringify(GOOD).replace('{', '{"__proto__":{"a":1},'), 'ca.json: __proto__: unknown key'],
    [
      'an unknown key in a list',
      { ...GOOD, hotspots: [{ ...hotspot, chanels: [1] }] },
      'ca.json: hotspots[0].chanels: unknown key: did you mean "channels"?',
    ],
    [
      'an unknown key deep in a list',
      { ...GOOD, hotspots: [hotspot, { ...hotspot, eap: { ...eap, servername: 'x' } }] },
      'ca.json: hotspots[1].eap.servername: unknown key: did you mean "serverName"?',
    ],
    ['a number as text', { ...GOOD, timers: { joinMs: '20x' } }, 'ca.json: timers.joinMs: expected a whole number from 10 to 3600000'],
    [
      'an object for a word',
      { ...GOOD, log: { level: { a: 1 } } },
      'ca.json: log.level: expected one of "trace", "debug", "info", "warn", "error"',
    ],
    ['a wrong account', { ...GOOD, account: 'ACME' }, 'ca.json: account: an account id is'],
    ['a wrong device id', { ...GOOD, device: { id: '-x' } }, 'ca.json: device.id: a device id is'],
    ['no device', { ...GOOD, device: {} }, 'ca.json: device: missing: give device.id, or device.idFrom'],
    ['two device ids', { ...GOOD, device: { id: 'a', idFrom: 'dmi' } }, 'ca.json: device: give id or idFrom, not both'],
    [
      'an unknown idFrom',
      { ...GOOD, device: { idFrom: 'bios' } },
      'ca.json: device.idFrom: expected one of "device-tree-serial", "dmi", "machine-id", or {"file": "…"}',
    ],
    ['no credential', { ...GOOD, credentials: [] }, 'ca.json: credentials: expected at least 1 in the list'],
    ['credentials that are no list', { ...GOOD, credentials: 'x' }, 'ca.json: credentials: expected a list in [ ]'],
    [
      'a certificate without its key',
      { ...GOOD, credentials: [{ kind: 'certificate', certificate: CA_PEM }] },
      'ca.json: credentials[0].privateKey: missing: The private key of the certificate, in PEM',
    ],
    ['an unknown kind', credential({ kind: 'token' }), 'ca.json: credentials[0].kind: expected one of "temporary", "shared-secret"'],
    [
      'a mistyped secret',
      credential({ kind: 'shared-secret', secret: mistyped }),
      'ca.json: credentials[0].secret: the zks_ text is mistyped: its checksum does not match; flash it again',
    ],
    [
      'a truncated secret',
      credential({ kind: 'shared-secret', secret: SECRET_TEXT.slice(0, -6) }),
      'ca.json: credentials[0].secret: the zks_ text is truncated',
    ],
    [
      'a mistyped secret called opaque',
      credential({ kind: 'shared-secret', format: 'opaque', secret: mistyped.toUpperCase() }),
      'ca.json: credentials[0].secret: expected a text that starts with zks_',
    ],
    [
      'an unknown format',
      credential({ kind: 'shared-secret', format: 'plain', secret: 'correct horse' }),
      'ca.json: credentials[0].format: expected "opaque"',
    ],
    [
      'a short opaque secret',
      credential({ kind: 'shared-secret', format: 'opaque', secret: 'short' }),
      'ca.json: credentials[0].secret: shorter than 8 characters',
    ],
    [
      'a secret where a key belongs',
      credential({ kind: 'temporary', keyId: 'a', provisioningKey: SECRET_TEXT }),
      'ca.json: credentials[0].provisioningKey: expected a text that starts with zkp_',
    ],
    [
      'both secret and key',
      credential({ kind: 'temporary', keyId: 'a', provisioningKey: PROVISIONING_TEXT, secret: SECRET_TEXT }),
      'ca.json: credentials[0].secret: unknown key: remove it',
    ],
    [
      'a missing secret file',
      credential({ kind: 'shared-secret', secret: { file: 'gone' } }),
      'ca.json: credentials[0].secret.file: gone: no such file',
    ],
    [
      'a file and more',
      credential({ kind: 'shared-secret', secret: { file: 'a', mode: 1 } }),
      'ca.json: credentials[0].secret.mode: unknown key',
    ],
    [
      'a systemd credential without systemd',
      credential({ kind: 'shared-secret', secret: { credential: 'a' } }),
      'ca.json: credentials[0].secret.credential: no systemd credentials here: add LoadCredential=a:<path>',
    ],
    ['a secret in the wrong place', { ...GOOD, account: SECRET_TEXT }, 'ca.json: account: a zks_ or zkp_ text does not belong here'],
    ['a plain URL', { ...GOOD, cloud: { ...GOOD.cloud, url: 'http://a' } }, 'ca.json: cloud.url: expected an https:// URL'],
    ['a CA that is none', { ...GOOD, cloud: { ...GOOD.cloud, ca: 'x' } }, 'ca.json: cloud.ca: holds no PEM certificate'],
    [
      'a damaged CA',
      { ...GOOD, cloud: { ...GOOD.cloud, ca: CA_PEM.replace('MII', 'AAA') } },
      'ca.json: cloud.ca: holds a PEM certificate that is damaged',
    ],
    [
      'a private signing key',
      { ...GOOD, cloud: { ...GOOD.cloud, signingKeys: { keys: [{ kty: 'EC', kid: 'a', d: 'x' }] } } },
      'ca.json: cloud.signingKeys: a signing key is private',
    ],
    [
      'nested nonsense as signing keys',
      { ...GOOD, cloud: { ...GOOD.cloud, signingKeys: { keys: { a: { b: 1 } } } } },
      'ca.json: cloud.signingKeys: expected a JWKS',
    ],
    [
      'a hotspot of no kind that exists',
      { ...GOOD, hotspots: [{ ssid: 'a', security: 'wep', passphrase: 'b' }] },
      'ca.json: hotspots[0].security: expected one of "wpa-eap", "passpoint", "wired-eap", "sae", "psk", "owe", "open"',
    ],
    [
      'a passphrase that is too short',
      { ...GOOD, hotspots: [{ ssid: 'a', security: 'sae', passphrase: '7 bytes' }] },
      'ca.json: hotspots[0].passphrase: expected 8 to 63 bytes of text',
    ],
    [
      'a WPA2 passphrase outside ASCII',
      { ...GOOD, hotspots: [{ ssid: 'a', security: 'psk', passphrase: 'schlüssel' }] },
      'ca.json: hotspots[0].passphrase: expected 8 to 63 printable ASCII characters, or the key itself as 64 hex digits',
    ],
    [
      'a passphrase for a hotspot that has none',
      { ...GOOD, hotspots: [{ ssid: 'a', security: 'open', passphrase: 'a passphrase' }] },
      'ca.json: hotspots[0].passphrase: unknown key',
    ],
    [
      'no hotspot that takes a secret',
      { ...GOOD, hotspots: [{ ...hotspot, eap: { ...eap, methods: ['TLS'] } }] },
      'ca.json: credentials: a secret joins by TTLS, PEAP, PWD, which no hotspot offers: add "TTLS" to eap.methods of one that does',
    ],
    [
      'a certificate to be asked for, and no hotspot that takes one',
      { ...GOOD, permanentCredential: 'certificate' },
      'ca.json: permanentCredential: a certificate joins by TLS, which no hotspot offers: add "TLS" to eap.methods of one that does',
    ],
    [
      'another kind of permanent credential',
      { ...GOOD, permanentCredential: 'key' },
      'ca.json: permanentCredential: expected one of "secret", "certificate"',
    ],
    [
      'an EAP method of later versions',
      { ...GOOD, hotspots: [{ ...hotspot, eap: { ...eap, methods: ['LEAP'] } }] },
      'ca.json: hotspots[0].eap.methods[0]: expected one of "TLS", "TTLS", "PEAP", "PWD"',
    ],
    [
      'a hotspot without any EAP method',
      { ...GOOD, hotspots: [{ ...hotspot, eap: { ...eap, methods: [] } }] },
      'ca.json: hotspots[0].eap.methods: expected at least 1 in the list',
    ],
    [
      'a hotspot without a CA',
      { ...GOOD, hotspots: [{ ...hotspot, eap: { ...eap, ca: undefined } }] },
      'ca.json: hotspots[0].eap.ca: missing',
    ],
    [
      'a hotspot without a server name',
      { ...GOOD, hotspots: [{ ...hotspot, eap: { ...eap, serverName: undefined } }] },
      'ca.json: hotspots[0].eap.serverName: missing',
    ],
    [
      'a wildcard server name',
      { ...GOOD, hotspots: [{ ...hotspot, eap: { ...eap, serverName: '*.example' } }] },
      'ca.json: hotspots[0].eap.serverName: expected a DNS name',
    ],
    [
      'an SSID that is too long',
      { ...GOOD, hotspots: [{ ...hotspot, ssid: 'ü'.repeat(17) }] },
      'ca.json: hotspots[0].ssid: an SSID is 1 to 32 bytes',
    ],
    [
      'an SSID of odd hex',
      { ...GOOD, hotspots: [{ ...hotspot, ssid: { hex: '123' } }] },
      'ca.json: hotspots[0].ssid: expected a text in quotes, or {"hex": "…"}',
    ],
    ['a list as config', [], 'ca.json: expected an object in { }'],
    ['broken JSON', '{\n  "account": "acme"\n  "realm": "x"\n}', 'ca.json: line 3, column 3: expected , or }'],
  ])('tells %s in one line', (_, content, expected) => {
    const problems = problemsOf({ 'ca.json': content })
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain(expected)
    expect(problems[0]).not.toContain('\n')
  })

  it('tells every problem in one go, each under the source that gave the key', () => {
    const problems = problemsOf(
      {
        'ca.json': { ...GOOD, acount: 'acme', wifi: { country: 'de' }, cloud: { ...GOOD.cloud, ca: { file: 'gone.pem' } } },
        'ca.d/10.json': { wifi: { adress: 'system' }, timers: { joinMs: 0 }, cloud: { signingKeys: { file: 'gone.json' } } },
        'ca.d/20.json': '{',
      },
      { ZIPKEY_TIMERS_SCAN_MS: '1e3', ZIPKEY_CREDENTIALS_0_SECRET: 'x', ZIPKEY_REALM: SECRET_TEXT },
    )
    expect(problems.toSorted()).toEqual([
      'ca.d/10.json: cloud.signingKeys.file: ca.d/gone.json: no such file: put it there or correct the name',
      'ca.d/10.json: timers.joinMs: expected a whole number from 10 to 3600000',
      'ca.d/10.json: wifi.adress: unknown key: did you mean "address"?',
      'ca.d/20.json: line 1, column 2: the text ends too early: expected a text in quotes, with \\ before a quote or a backslash inside',
      'ca.json: acount: unknown key: did you mean "account"?',
      'ca.json: cloud.ca.file: gone.pem: no such file: put it there or correct the name',
      'ca.json: wifi.country: expected two capital letters',
      'environment variable ZIPKEY_CREDENTIALS_0_SECRET: the environment never holds a secret: unset it and put the secret into a file',
      'environment variable ZIPKEY_REALM: the environment never holds a secret: unset it and put the secret into a file',
      'environment variable ZIPKEY_TIMERS_SCAN_MS: timers.scanMs: expected a whole number from 10 to 3600000',
    ])
  })

  it('warns of an unknown ZIPKEY_ variable, and goes on', () => {
    const { loaded } = load({ 'ca.json': GOOD }, { ZIPKEY_WIFI_INTERFCE: 'wlan0', ZIPKEY_SHOE: '1' })
    expect(loaded.ok).toBe(true)
    expect(loaded.warnings).toEqual([
      'environment variable ZIPKEY_WIFI_INTERFCE: unknown, not used: did you mean ZIPKEY_WIFI_INTERFACE?',
      'environment variable ZIPKEY_SHOE: unknown, not used',
    ])
  })

  it('says that the config is missing', () => {
    expect(problemsOf({})).toEqual(['ca.json: no such file: put it there or correct the name'])
  })

  it('never quotes a secret, wherever it was put', () => {
    const places = [
      { ...GOOD, log: { level: SECRET_TEXT } },
      { ...GOOD, wifi: { backend: SECRET_TEXT, country: SECRET_TEXT } },
      { ...GOOD, device: { idFrom: SECRET_TEXT } },
      { ...GOOD, timers: { joinMs: SECRET_TEXT } },
      credential({ kind: SECRET_TEXT, secret: SECRET_TEXT }),
      credential({ kind: 'shared-secret', format: SECRET_TEXT, secret: SECRET_TEXT }),
      `{"credentials": [{"secret": "${SECRET_TEXT}" x`,
      `{"credentials": [{"secret": ${SECRET_TEXT}`,
    ]
    for (const content of places) {
      const problems = problemsOf({ 'ca.json': content })
      expect(problems.length).toBeGreaterThan(0)
      expect(problems.join('\n')).not.toContain(SECRET_TEXT.slice(4, 12))
    }
  })
})
