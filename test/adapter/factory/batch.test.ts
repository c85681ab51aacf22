/** `zipkey-factory batch create` on a real disk; what it makes is checked by openssl, sha256sum and the agent's own loader. */
import { execFileSync } from 'node:child_process'
import { createHash, X509Certificate } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { certificateFingerprint } from '../../../agent/contract/certificate.ts'
import { deriveTemporarySecret } from '../../../agent/contract/derivation.ts'
import { formatSecretText, parseSecretText } from '../../../agent/contract/secret-text.ts'
import { loadConfig } from '../../../config/load.ts'
import { flashedSecret } from '../../fakes/flashed-secret.ts'
import { openssl, PROVISIONING_KEY, ProductionLine } from './production-line.ts'

const derived = (device: string): string => formatSecretText('zks_', deriveTemporarySecret(PROVISIONING_KEY, { account: 'acme', device }))

async function line(): Promise<ProductionLine> {
  const made = new ProductionLine()
  await made.makeFactoryKey()
  return made
}

/** Name, mode, time and content of every file below. */
function snapshot(folder: string): ReadonlyMap<string, string> {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => statSync(join(folder, name)).isFile())
  return new Map(
    files.map((name) => {
      const { mode, mtimeMs } = statSync(join(folder, name))
      return [
        name,
        `${mode.toString(8)} ${mtimeMs} ${createHash('sha256')
          .update(readFileSync(join(folder, name)))
          .digest('hex')}`,
      ]
    }),
  )
}

const lines = (text: string): readonly string[] => text.trimEnd().split('\n')

describe('a batch of certificates', () => {
  it('has a config, a manifest row and a Product Cloud row for each device, all of one key and good in the eyes of openssl', async () => {
    const at = await line()
    const template = { subject: { O: 'Acme', CN: '{id}' }, subjectAltName: { uri: ['urn:acme:{batch}:{id}'] } }
    at.put('template.json', JSON.stringify(template))
    const command = at.batch('b', '--count', '1003', '--pattern', 'SN-{0001..}', ...at.certificates, '--template', 'template.json')
    const ended = await at.run([...command, '--json', '--batch', 'reel-9'])
    expect(ended).toMatchObject({ code: 0, stderr: '' })
    expect(JSON.parse(ended.stdout)).toEqual({ ok: true, exit: 0, folder: at.path('b'), batch: 'reel-9', devices: 1003, before: 0 })

    const names = readdirSync(at.path('b/configs')).sort()
    expect([names.length, names[0], names.at(-1)]).toEqual([1003, 'SN-0001.json', 'SN-1003.json'])
    const rows = at.readManifest('b/registration.ndjson.jwe').flatMap(({ text }) => lines(text).map((row) => JSON.parse(row)))
    const certs = lines(at.read('b/certificates.ndjson')).map((row) => JSON.parse(row))
    const log = lines(at.read('b/run-log.ndjson')).map((row) => JSON.parse(row))
    const logged = new Map(log.filter((row) => 'id' in row).map((row) => [row.id, row]))
    for (const [index, name] of names.entries()) {
      const id = name.replace('.json', '')
      const text = at.read(`b/configs/${name}`)
      const [credential] = JSON.parse(text).credentials
      const certificate = new X509Certificate(credential.certificate)
      expect(rows[index]).toEqual({ id, kind: 'certificate', fingerprint: certificateFingerprint(certificate.raw) })
      expect(certs[index].ref).toBe(id)
      expect(credential.certificate.startsWith(Buffer.from(certs[index].cert, 'base64').toString())).toBe(true)
      expect(logged.get(id)).toEqual({
        id,
        file: `configs/${name}`,
        sha256: createHash('sha256').update(text).digest('hex'),
        credential: certificateFingerprint(certificate.raw),
      })
    }
    expect(logged.size).toBe(1003)

    const loaded = loadConfig({ environment: {}, configFile: at.path('b/configs/SN-0042.json') })
    expect(loaded.ok && loaded.config.credentials[0]?.id).toEqual({ kind: 'certificate', fingerprint: rows[41].fingerprint })
    for (const [index, { cert }] of certs.entries()) writeFileSync(at.path(`${index}.pem`), Buffer.from(cert, 'base64'))
    const files = certs.map((_, index) => at.path(`${index}.pem`))
    const trust = ['-x509_strict', '-purpose', 'sslclient', '-CAfile', at.path('root.pem'), '-untrusted', at.path('ca.pem')]
    expect(openssl('verify', ...trust, ...files).match(/: OK$/gm)).toHaveLength(1003)
    expect(openssl('x509', '-in', at.path('41.pem'), '-noout', '-ext', 'subjectAltName')).toContain('URI:urn:acme:reel-9:SN-0042')

    const [{ certificate, privateKey }] = JSON.parse(at.read('b/configs/SN-0042.json')).credentials
    expect(lines(certificate).filter((row) => row.startsWith('-----BEGIN'))).toHaveLength(2)
    at.put('key.pem', privateKey)
    expect(openssl('pkey', '-in', at.path('key.pem'), '-pubout')).toBe(openssl('x509', '-in', at.path('41.pem'), '-noout', '-pubkey'))
    expect(execFileSync('sha256sum', ['--check', '--strict', '--quiet', 'SHA256SUMS'], { cwd: at.path('b'), encoding: 'utf8' })).toBe('')
    expect(lines(at.read('b/SHA256SUMS'))).toHaveLength(1003 + 3)
  })
})

describe('a batch of certificate requests', () => {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'] as const
  const request = (at: ProductionLine, name: string, kind: readonly string[] = key): string => {
    const out = ['-keyout', at.path(`${name}.key`), '-out', at.path(`${name}.csr`)]
    openssl('req', '-new', ...kind, '-subj', '/CN=chip 4711', '-addext', 'basicConstraints=CA:TRUE', ...out)
    return at.path(`${name}.csr`)
  }
  const signed = (at: ProductionLine, requests: string, ...more: readonly string[]) =>
    at.run(at.batch('b', '--requests', requests, ...at.certificates, ...more))

  it('from a folder has certificates for the keys of the chips, named as the factory says, and no private key', async () => {
    const at = await line()
    mkdirSync(at.path('requests'))
    request(at, 'requests/SN-1')
    request(at, 'requests/SN-2', ['-newkey', 'rsa:2048', '-nodes'])
    openssl('req', '-in', request(at, 'SN-3'), '-outform', 'DER', '-out', at.path('requests/SN-3.der'))
    expect(await signed(at, 'requests', '--device-key', 'device.key')).toMatchObject({ code: 0, stderr: '' })
    for (const [id, keyFile] of [
      ['SN-1', 'requests/SN-1.key'],
      ['SN-2', 'requests/SN-2.key'],
      ['SN-3', 'SN-3.key'],
    ] as const) {
      const config = at.read(`b/configs/${id}.json`)
      const [{ certificate, privateKey }] = JSON.parse(config).credentials
      expect([privateKey, config.includes('PRIVATE KEY')]).toEqual([{ file: 'device.key' }, false])
      const file = at.put(`${id}.pem`, certificate)
      expect(openssl('x509', '-in', file, '-noout', '-pubkey')).toBe(openssl('pkey', '-in', at.path(keyFile), '-pubout'))
      expect(openssl('x509', '-in', file, '-noout', '-subject', '-ext', 'basicConstraints')).toMatch(
        /subject=O = acme, CN = SN-\d\n.*\n *CA:FALSE/,
      )
      expect(openssl('verify', '-x509_strict', '-CAfile', at.path('root.pem'), '-untrusted', at.path('ca.pem'), file)).toContain('OK')
    }
  })

  it('from NDJSON, with the key in a file on the device', async () => {
    const at = await line()
    const rows = ['A', 'B'].map((id) => JSON.stringify({ id, csr: readFileSync(request(at, id), 'utf8') }))
    at.put('requests.ndjson', `${rows.join('\n')}\n`)
    expect(await signed(at, 'requests.ndjson', '--device-key', '/data/device.key')).toMatchObject({ code: 0, stderr: '' })
    expect(JSON.parse(at.read('b/configs/B.json')).credentials[0].privateKey).toEqual({ file: '/data/device.key' })
  })

  it('is refused, each with its place: damaged, of a weak key, of one key twice, of a wrong id', async () => {
    const at = await line()
    const [good, other, weak] = [request(at, 'good'), request(at, 'other'), request(at, 'weak', ['-newkey', 'rsa:1024', '-nodes'])]
    const csr = (file: string): string => readFileSync(file, 'utf8')
    const der = Buffer.from(csr(other).replace(/-----.*-----/g, ''), 'base64')
    der.write('4712', der.indexOf('4711'), 'ascii')
    const rows = [
      { id: 'SN-1', csr: csr(good) },
      { id: 'SN-2', csr: csr(good) },
      { id: 'SN-3', csr: csr(weak) },
      { id: 'SN 4', csr: csr(other) },
      { id: 'SN-5', csr: der.toString('base64') },
      { id: 'SN-6', csr: 'x' },
      { id: 'SN-7' },
    ]
    at.put('requests.ndjson', rows.map((row) => JSON.stringify(row)).join('\n'))
    const ended = await signed(at, 'requests.ndjson', '--device-key', 'k')
    expect(ended.code).toBe(65)
    expect(lines(ended.stderr).map((each) => each.replace('requests.ndjson: ', ''))).toEqual([
      'row 2: asks for the same key as requests.ndjson: row 1: one of the two devices is a copy',
      'row 3: its key is none of P-256, P-384 and RSA of at least 2048 bits',
      expect.stringMatching(/^row 4: "SN 4": a device id is/),
      'row 5: is not signed by its own key',
      'row 6: is no certificate request (PKCS#10, PEM or DER)',
      'row 7: expected {"id": "…", "csr": "…"}',
    ])
  })
})

describe('a batch of secrets', () => {
  it('has configs that the agent takes, each with a secret of its own, and the cloud is told the same', async () => {
    const at = await line()
    at.put('ids.csv', 'id;model\nA-1;X\nB.2;Y\nc_3;Z\n')
    const ended = await at.run(at.batch('b', '--ids', 'ids.csv', '--credential', 'shared-secret'))
    expect(ended).toMatchObject({ code: 0, stderr: '' })
    const [part, ...more] = at.readManifest('b/registration.ndjson.jwe')
    const rows = lines(part?.text ?? '').map((row) => JSON.parse(row))
    expect([rows.length, more]).toEqual([3, []])
    for (const { id, kind, secret } of rows) {
      const loaded = loadConfig({ environment: {}, configFile: at.path(`b/configs/${id}.json`) })
      if (!loaded.ok) throw new Error(loaded.problems.join('\n'))
      const bytes = parseSecretText('zks_', secret)
      expect([kind, loaded.config.identity.device, loaded.warnings]).toEqual(['shared-secret', id, []])
      expect(flashedSecret(loaded.config.credentials[0])).toEqual(bytes.ok && bytes.value)
    }
    expect(new Set(rows.map(({ secret }) => secret)).size).toBe(3)
    for (const name of ['b', 'b/configs']) expect(statSync(at.path(name)).mode & 0o777).toBe(0o700)
    for (const name of readdirSync(at.path('b')))
      if (name !== 'configs') expect([name, statSync(at.path(`b/${name}`)).mode & 0o077]).toEqual([name, 0])
    for (const name of readdirSync(at.path('b/configs'))) expect(statSync(at.path(`b/configs/${name}`)).mode & 0o777).toBe(0o600)
    const log = at.read('b/run-log.ndjson') + at.read('b/SHA256SUMS') + at.read('issued-ids.csv')
    expect(log).not.toMatch(/zk[sp]_/)
  })

  it('derived from a provisioning key leave the key at the factory, unless it is asked for', async () => {
    const at = await line()
    const key = ['--credential', 'provisioning-key', '--key-id', 'line-7', '--provisioning-key-file', 'line-7.key']
    expect(await at.run(at.batch('b', '--count', '2', '--pattern', 'SN-{1..}', ...key))).toMatchObject({ code: 0, stderr: '' })
    const [{ keyId, secret }] = JSON.parse(at.read('b/configs/SN-2.json')).credentials
    expect([keyId, secret]).toEqual(['line-7', derived('SN-2')])
    expect(at.readManifest('b/registration.csv.jwe').map(({ text }) => text)).toEqual([
      'id,kind,secret,key_id,fingerprint\nSN-1,temporary,,line-7,\nSN-2,temporary,,line-7,\n',
    ])
    expect(await at.run(at.batch('c', '--count', '1', '--pattern', 'SN-{3..}', ...key, '--with-provisioning-key'))).toMatchObject({
      code: 0,
    })
    const loaded = loadConfig({ environment: {}, configFile: at.path('c/configs/SN-3.json') })
    expect(at.read('c/configs/SN-3.json')).toContain(formatSecretText('zkp_', PROVISIONING_KEY))
    expect(loaded.ok && formatSecretText('zks_', flashedSecret(loaded.config.credentials[0]))).toBe(derived('SN-3'))
  })
})

describe('a golden config', () => {
  const golden = ['--count', '2', '--pattern', 'SN-{1..}', '--id-from', 'device-tree-serial'] as const
  const key = ['--credential', 'provisioning-key', '--key-id', 'line-7', '--provisioning-key-file', 'line-7.key'] as const
  const load = (at: ProductionLine) => {
    at.put('b/credentials/serial-number', '')
    execFileSync('mkdir', ['-p', at.path('device/sys/firmware/devicetree/base')])
    at.put('device/sys/firmware/devicetree/base/serial-number', 'SN-2\0')
    return loadConfig({ environment: {}, configFile: at.path('b/golden.json'), systemRoot: at.path('device') })
  }

  it('with the provisioning key is all that a device needs', async () => {
    const at = await line()
    expect(await at.run(at.batch('b', ...golden, ...key, '--with-provisioning-key'))).toMatchObject({ code: 0, stderr: '' })
    expect(readdirSync(at.path('b/credentials'))).toEqual([])
    const loaded = load(at)
    expect(loaded.ok && loaded.config.identity.device).toBe('SN-2')
    expect(loaded.ok && formatSecretText('zks_', flashedSecret(loaded.config.credentials[0]))).toBe(derived('SN-2'))
  })

  it.each([
    ['a shared secret', ['--credential', 'shared-secret']],
    ['the derived secret', key],
  ])('with %s finds it in a file beside itself', async (_, credential) => {
    const at = await line()
    expect(await at.run(at.batch('b', ...golden, ...credential))).toMatchObject({ code: 0, stderr: '' })
    expect(readdirSync(at.path('b/credentials'))).toEqual(['SN-1.secret', 'SN-2.secret'])
    at.put('b/device.secret', at.read('b/credentials/SN-2.secret'))
    const loaded = load(at)
    expect(loaded.ok && [loaded.config.identity.device, loaded.warnings]).toEqual(['SN-2', []])
  })

  it('with a certificate finds it and its key in one file beside itself', async () => {
    const at = await line()
    expect(await at.run(at.batch('b', ...golden, ...at.certificates))).toMatchObject({ code: 0, stderr: '' })
    const [credential] = JSON.parse(at.read('b/golden.json')).credentials
    expect(credential).toEqual({ kind: 'certificate', certificate: { file: 'device.pem' }, privateKey: { file: 'device.pem' } })
    const file = at.path('b/credentials/SN-2.pem')
    at.put('b/device.pem', readFileSync(file))
    const loaded = load(at)
    expect(loaded.ok && loaded.config.credentials[0]?.kind).toBe('certificate')
    expect(openssl('pkey', '-in', file, '-pubout')).toBe(openssl('x509', '-in', file, '-noout', '-pubkey'))
  })
})

describe('the same command again', () => {
  it('changes nothing', async () => {
    const at = await line()
    const command = at.batch('b', '--count', '20', '--pattern', 'SN-{01..}', ...at.certificates)
    await at.run(command)
    const before = snapshot(at.folder)
    const ended = await at.run([...command, '--json'])
    expect(JSON.parse(ended.stdout)).toMatchObject({ ok: true, devices: 20, before: 20 })
    expect(snapshot(at.folder)).toEqual(before)
  })

  it.each<[string, readonly string[], string]>([
    ['other ids', ['--count', '3', '--pattern', 'SN-{1..}', '--credential', 'shared-secret'], 'ids'],
    [
      'another credential',
      ['--count', '2', '--pattern', 'SN-{1..}', '--credential', 'certificate', '--ca-file', 'ca.pem', '--ca-key-file', 'ca.key'],
      'credential, ca',
    ],
    ['another profile', ['--count', '2', '--pattern', 'SN-{1..}', '--credential', 'shared-secret', '--wifi-country', 'FR'], 'profile'],
  ])('with %s is refused, and changes nothing', async (_, other, names) => {
    const at = await line()
    await at.run(at.batch('b', '--count', '2', '--pattern', 'SN-{1..}', '--credential', 'shared-secret'))
    const before = snapshot(at.path('b'))
    const ended = await at.run(at.batch('b', ...other))
    expect(ended.code).toBe(65)
    expect(lines(ended.stderr)).toEqual([expect.stringContaining(`holds a run with other inputs (${names})`)])
    expect(snapshot(at.path('b'))).toEqual(before)
  })
})

describe('an id', () => {
  it('that an earlier run gave out, in whatever case, is not given out again, and nothing is written', async () => {
    const at = await line()
    await at.run(at.batch('b', '--batch', 'first', '--count', '3', '--pattern', 'SN-{1..}', '--credential', 'shared-secret'))
    at.put('ids.csv', 'id\nSN-9\nsn-2\nSN-3\n')
    const command = at.batch('c', '--ids', 'ids.csv', '--credential', 'shared-secret')
    for (const more of [['--dry-run'], []]) {
      const ended = await at.run([...command, ...more])
      expect([ended.code, lines(ended.stderr)]).toEqual([
        65,
        ['SN-2', 'SN-3'].map((id) => `${at.path('issued-ids.csv')}: ${id} was given out before, by batch first`),
      ])
    }
    expect(readdirSync(at.folder)).not.toContain('c')
  })
})

describe('a dry run', () => {
  it('checks and writes nothing', async () => {
    const at = await line()
    const before = snapshot(at.folder)
    const ended = await at.run(at.batch('b', '--count', '5', '--pattern', 'SN-{1..}', ...at.certificates, '--dry-run'))
    expect(ended).toEqual({ code: 0, stdout: `${at.path('b')}: would hold 5 devices; nothing was written\n`, stderr: '' })
    expect(snapshot(at.folder)).toEqual(before)
  })
})

describe('bad input', () => {
  const secrets = ['--credential', 'shared-secret'] as const
  const some = ['--count', '2', '--pattern', 'SN-{1..}'] as const
  let at: ProductionLine
  beforeAll(async () => {
    at = new ProductionLine(afterAll)
    await at.makeFactoryKey()
    at.put('bad.csv', 'id\nSN 1\n')
    at.put('long.csv', `id,name\nSN-1,a\nSN-2,${'x'.repeat(65)}\n`)
    at.put('long.json', JSON.stringify({ subject: { CN: '{name}' } }))
    at.put('private.json', JSON.stringify({ kty: 'EC', crv: 'P-256', x: 'a', y: 'b', d: 'c' }))
  })

  it.each<[string, readonly string[], number, RegExp]>([
    ['no ids', secrets, 65, /^give --count and --pattern, or --ids, or --requests$/],
    ['a wrong pattern', ['--count', '2', '--pattern', 'SN', ...secrets], 65, /^--pattern: expected one counter in braces/],
    ['a wrong list', ['--ids', 'bad.csv', ...secrets], 65, /^bad\.csv: row 2, column id: "SN 1": a device id is/],
    ['no CA', [...some, '--credential', 'certificate'], 65, /^--credential certificate needs --ca-file$/],
    [
      'a template that does not fit a row',
      ['--ids', 'long.csv', '--credential', 'certificate', '--ca-file', 'ca.pem', '--ca-key-file', 'ca.key', '--template', 'long.json'],
      65,
      /^long\.csv: row 3, column id: the certificate's CN would be longer than 64 characters$/,
    ],
    [
      'a private registration key',
      [...some, ...secrets, '--registration-key', 'private.json'],
      65,
      /^private\.json: holds a private key, which must not leave the cloud/,
    ],
    ['no factory key', [...some, ...secrets, '--factory-key', 'gone.key'], 65, /^gone\.key: cannot be read$/],
    [
      'a config that the agent would refuse',
      [...some, ...secrets, '--wifi-country', 'deutsch'],
      65,
      /^the config of SN-1: wifi\.country: expected two capital letters$/,
    ],
    ['an id source that is none', [...some, ...secrets, '--id-from', 'nowhere'], 65, /^--id-from: expected one of "device-tree-serial"/],
    ['an unknown option', [...some, ...secrets, '--colour'], 64, /unknown option '--colour'/],
    ['a count that is none', ['--count', '0', '--pattern', 'SN-{1..}', ...secrets], 64, /a whole number from 1/],
  ])('is told in one line with its place, and nothing is written: %s', async (_, parameters, code, line_) => {
    const ended = await at.run(at.batch('b', ...parameters))
    expect([ended.code, ended.stdout]).toEqual([code, ''])
    expect(lines(ended.stderr)[0]).toMatch(line_)
    expect(lines(ended.stderr).filter((each) => each !== '')).toHaveLength(1)
    expect(readdirSync(at.folder)).not.toContain('b')
  })

  it('is told in JSON, with row and column apart', async () => {
    const ended = await at.run([...at.batch('b', '--ids', 'bad.csv', ...secrets), '--json'])
    expect([ended.code, ended.stderr]).toEqual([65, ''])
    expect(JSON.parse(ended.stdout)).toMatchObject({ ok: false, exit: 65, problems: [{ file: 'bad.csv', row: 2, column: 'id' }] })
  })
})
