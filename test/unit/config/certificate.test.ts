import { createPrivateKey, X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { certificateFingerprint } from '../../../agent/contract/certificate.ts'
import type { LoadedConfig } from '../../../config/config.ts'
import { loadConfig } from '../../../config/load.ts'
import { OpensslFolder } from '../../fakes/openssl-certificates.ts'
import { eap, GOOD, hotspot, SECRET_TEXT } from './sample.ts'

const PASSPHRASE = 'correct horse'
const BUILT = Date.parse('2026-06-01T00:00:00Z')

let folder: OpensslFolder

beforeAll(() => {
  folder = new OpensslFolder(mkdtempSync(join(tmpdir(), 'zipkey-certificates-')))
  for (const name of ['root', 'upper', 'lower', 'p256', 'expired', 'future', 'other']) folder.key(name, 'P-256')
  folder.key('p384', 'P-384')
  folder.key('p521', 'P-521')
  folder.key('rsa', 'RSA-2048')
  folder.key('weak', 'RSA-1024')
  folder.key('edwards', 'Ed25519')
  folder.certificate('root', { issuer: null, isCa: true })
  folder.certificate('upper', { issuer: 'root', isCa: true })
  folder.certificate('lower', { issuer: 'upper', isCa: true })
  for (const name of ['p256', 'p384', 'p521', 'rsa', 'weak', 'edwards']) folder.certificate(name, { issuer: 'lower', isCa: false })
  folder.certificate('expired', { issuer: 'lower', isCa: false, dates: ['20200101000000Z', '20260101000000Z'] })
  folder.certificate('future', { issuer: 'lower', isCa: false, dates: ['20300101000000Z', '20491231235959Z'] })
  const put = (file: string, ...parts: readonly string[]): void => writeFileSync(join(folder.path, file), parts.join(''), { mode: 0o600 })
  const [lower, upper, root] = [folder.read('lower.pem'), folder.read('upper.pem'), folder.read('root.pem')]
  for (const name of ['p256', 'rsa']) put(`${name}.chain`, folder.read(`${name}.pem`), lower, upper)
  put('shuffled.chain', root, upper, folder.read('p256.pem'), lower)
  put('gap.chain', folder.read('p256.pem'), upper, root)
  put('passphrase', `${PASSPHRASE}\n`)
  put('wrong', 'battery staple\n')
  put('umlaut', 'schlüssel\n')
  put('torn.key', folder.read('p256.key').replace(/\n.{20}/, '\n'))
  folder.openssl('ec', '-in', 'p256.key', '-out', 'p256.sec1')
  put('p256.params', '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n', folder.read('p256.sec1'))
  folder.openssl('rsa', '-traditional', '-in', 'rsa.key', '-out', 'rsa.pkcs1')
  folder.openssl('pkcs8', '-topk8', '-in', 'p256.key', '-passout', 'file:passphrase', '-out', 'p256.pkcs8')
  folder.openssl('rsa', '-traditional', '-aes256', '-in', 'rsa.key', '-passout', 'file:passphrase', '-out', 'rsa.encrypted')
  for (const name of ['p256', 'rsa']) {
    const bag = ['-inkey', `${name}.key`, '-in', `${name}.chain`, '-passout', 'file:passphrase']
    folder.openssl('pkcs12', '-export', ...bag, '-out', `${name}.p12`)
    const rc2 = ['-legacy', '-certpbe', 'PBE-SHA1-RC2-40', '-keypbe', 'PBE-SHA1-3DES']
    folder.openssl('pkcs12', '-export', ...bag, ...rc2, '-out', `${name}.legacy.p12`)
  }
  folder.openssl('pkcs12', '-export', '-nokeys', '-in', 'p256.chain', '-passout', 'file:passphrase', '-out', 'keyless.p12')
})

afterAll(() => rmSync(folder.path, { recursive: true }))

const TAKES_BOTH = [{ ...hotspot, eap: { ...eap, methods: ['TLS', 'TTLS'] } }]

function load(credentials: readonly object[], nowMs = BUILT, hotspots: readonly object[] = TAKES_BOTH): LoadedConfig {
  const configFile = join(folder.path, 'ca.json')
  writeFileSync(configFile, JSON.stringify({ ...GOOD, hotspots, credentials }), { mode: 0o600 })
  return loadConfig({ environment: {}, configFile, time: { nowMs, buildTimeMs: BUILT } })
}

const pem = (certificate: string, privateKey: string, passphrase?: string) => ({
  kind: 'certificate',
  certificate: { file: certificate },
  privateKey: { file: privateKey },
  ...(passphrase === undefined ? {} : { passphrase: { file: passphrase } }),
})

const p12 = (file: string, passphrase: string) => ({ kind: 'certificate', pkcs12: { file }, passphrase: { file: passphrase } })

const plain = (lines: readonly string[]): readonly string[] => lines.map((line) => line.replaceAll(`${folder.path}/`, ''))
const fingerprintOf = (file: string): string => certificateFingerprint(new X509Certificate(readFileSync(join(folder.path, file))).raw)

describe('a certificate flashed at manufacture', () => {
  it.each([
    ['P-256 in PKCS#8', pem('p256.pem', 'p256.key'), 'p256.pem', 1],
    ['P-384 in PKCS#8', pem('p384.pem', 'p384.key'), 'p384.pem', 1],
    ['RSA-2048 in PKCS#8', pem('rsa.pem', 'rsa.key'), 'rsa.pem', 1],
    ['P-256 in SEC1, with its issuers', pem('p256.chain', 'p256.sec1'), 'p256.pem', 3],
    ['SEC1 behind the parameters of its curve', pem('p256.pem', 'p256.params'), 'p256.pem', 1],
    ['RSA in PKCS#1', pem('rsa.chain', 'rsa.pkcs1'), 'rsa.pem', 3],
    ['encrypted PKCS#8', pem('p256.pem', 'p256.pkcs8', 'passphrase'), 'p256.pem', 1],
    ['encrypted PKCS#1', pem('rsa.pem', 'rsa.encrypted', 'passphrase'), 'rsa.pem', 1],
    ['a passphrase that is not needed', pem('p256.pem', 'p256.key', 'passphrase'), 'p256.pem', 1],
    ['a chain in any order', pem('shuffled.chain', 'p256.key'), 'p256.pem', 4],
    ['PKCS#12 of P-256', p12('p256.p12', 'passphrase'), 'p256.pem', 3],
    ['PKCS#12 of RSA', p12('rsa.p12', 'passphrase'), 'rsa.pem', 3],
    ['legacy PKCS#12 of P-256', p12('p256.legacy.p12', 'passphrase'), 'p256.pem', 3],
    ['legacy PKCS#12 of RSA', p12('rsa.legacy.p12', 'passphrase'), 'rsa.pem', 3],
  ])('is read from %s', (_, entry, own, certificates) => {
    const loaded = load([entry])
    expect(loaded).toMatchObject({ ok: true, warnings: [], unusable: [] })
    const [credential] = loaded.ok ? loaded.config.credentials : []
    if (credential?.kind !== 'certificate') throw new Error('it is none')
    expect(credential.id).toEqual({ kind: 'certificate', fingerprint: fingerprintOf(own) })
    const chain = credential.chainPem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/g) ?? []
    expect(chain.length).toBe(certificates)
    const subjects = chain.map((each) => new X509Certificate(each))
    for (const [index, issuer] of subjects.slice(1).entries()) expect(subjects[index]?.checkIssued(issuer)).toBe(true)
    expect(credential.privateKeyPem.reveal()).toMatch(/^-----BEGIN PRIVATE KEY-----/)
    expect(subjects[0]?.checkPrivateKey(createPrivateKey(credential.privateKeyPem.reveal()))).toBe(true)
  })

  it('may stand in the config itself, before a secret', () => {
    const entry = { kind: 'certificate', certificate: folder.read('p256.chain'), privateKey: folder.read('p256.key') }
    const loaded = load([entry, { kind: 'shared-secret', secret: SECRET_TEXT }])
    expect(loaded.ok && loaded.config.credentials.map(({ kind }) => kind)).toEqual(['certificate', 'shared-secret'])
    expect(JSON.stringify(loaded)).not.toMatch(/PRIVATE KEY/)
  })

  it.each([
    [
      'the key of another',
      pem('p256.pem', 'other.key'),
      'privateKey.file: other.key: not the private key of the certificate: flash the two that belong together',
    ],
    [
      'an issuer missing between',
      pem('gap.chain', 'p256.key'),
      'certificate.file: gap.chain: the chain is incomplete: add the certificate of "CN=lower", which issued "CN=p256"',
    ],
    [
      'a wrong passphrase',
      pem('p256.pem', 'p256.pkcs8', 'wrong'),
      'passphrase.file: wrong: wrong for this private key: correct it, or flash the key again',
    ],
    [
      'a wrong passphrase of PKCS#1',
      pem('rsa.pem', 'rsa.encrypted', 'wrong'),
      'passphrase.file: wrong: wrong for this private key: correct it, or flash the key again',
    ],
    [
      'no passphrase',
      pem('p256.pem', 'p256.pkcs8'),
      'passphrase: missing: the private key is encrypted: name the file that holds its passphrase',
    ],
    [
      'no such passphrase file',
      pem('p256.pem', 'p256.pkcs8', 'none'),
      'passphrase.file: none: no such file: put it there or correct the name',
    ],
    ['a damaged key', pem('p256.pem', 'torn.key'), 'privateKey.file: torn.key: the private key is damaged: flash it again'],
    ['files swapped', pem('p256.key', 'p256.pem'), 'certificate.file: p256.key: there is no PEM certificate: flash it again'],
    [
      'no key',
      pem('p256.pem', 'p256.pem'),
      'privateKey.file: p256.pem: holds no private key in PEM (-----BEGIN PRIVATE KEY-----): flash it again',
    ],
    [
      'RSA-1024',
      pem('weak.pem', 'weak.key'),
      'privateKey.file: weak.key: a key of RSA with 1024 bits is not supported: use RSA of 2048 bits or more, P-256 or P-384',
    ],
    [
      'P-521',
      pem('p521.pem', 'p521.key'),
      'privateKey.file: p521.key: a key of secp521r1 is not supported: use RSA of 2048 bits or more, P-256 or P-384',
    ],
    [
      'Ed25519',
      pem('edwards.pem', 'edwards.key'),
      'privateKey.file: edwards.key: a key of ed25519 is not supported: use RSA of 2048 bits or more, P-256 or P-384',
    ],
    [
      'a wrong passphrase of PKCS#12',
      p12('rsa.p12', 'wrong'),
      'passphrase.file: wrong: does not open the PKCS#12 file: correct it, or export the file again',
    ],
    [
      'a passphrase of PKCS#12 that is not ASCII',
      p12('rsa.p12', 'umlaut'),
      'passphrase.file: umlaut: expected printable ASCII for PKCS#12: export the file again with such a passphrase',
    ],
    [
      'PKCS#12 without a key',
      p12('keyless.p12', 'passphrase'),
      "pkcs12.file: keyless.p12: holds 0 private keys: export it again with the device's own alone",
    ],
    [
      'PKCS#12 that is none',
      p12('p256.pem', 'passphrase'),
      'pkcs12.file: p256.pem: not a PKCS#12 file: export it again with its certificates and its key',
    ],
    [
      'PKCS#12 in the config itself',
      { kind: 'certificate', pkcs12: 'MIIK', passphrase: 'x' },
      'pkcs12: expected {"file": "…"} or {"credential": "…"}',
    ],
  ])('is refused with %s, in one line', (_, entry, problem) => {
    const loaded = load([{ kind: 'shared-secret', secret: SECRET_TEXT }, entry])
    expect(loaded.ok ? [] : plain(loaded.problems)).toEqual([`ca.json: credentials[1].${problem}`])
  })

  it('may have its key in a token, with a PIN or without', () => {
    const entry = { kind: 'certificate', certificate: { file: 'shuffled.chain' }, privateKey: 'pkcs11:token=chip;object=dev' }
    for (const [more, pin] of [[{ pin: { file: 'passphrase' } }, PASSPHRASE] as const, [{}, undefined] as const]) {
      const loaded = load([{ ...entry, ...more }])
      const [credential] = loaded.ok ? loaded.config.credentials : []
      if (credential?.kind !== 'token-certificate') throw new Error('no token')
      expect([credential.keyUri, credential.pin?.reveal()]).toEqual(['pkcs11:token=chip;object=dev;type=private', pin])
      const own = new X509Certificate(folder.read('p256.pem'))
      expect(credential.id.fingerprint).toBe(certificateFingerprint(own.raw))
      expect(new X509Certificate(credential.chainPem).fingerprint256).toBe(own.fingerprint256)
    }
  })

  it.each<[string, object, string]>([
    [
      'a PIN in the URI',
      { privateKey: 'pkcs11:object=a?pin-value=12' },
      'privateKey: holds a PIN or where it is: give that as pin beside privateKey',
    ],
    [
      'a passphrase beside it',
      { passphrase: { file: 'passphrase' } },
      'passphrase.file: passphrase: a key in a token has a pin: give that instead',
    ],
    ['a PIN of two lines', { pin: '12\n34' }, 'pin: expected one line'],
    [
      'a PIN for a file',
      { privateKey: { file: 'p256.key' }, pin: '12' },
      'pin: only a key in a token (pkcs11:) has one: a PEM file has a passphrase',
    ],
    ['an issuer missing', { certificate: { file: 'gap.chain' } }, 'certificate.file: gap.chain: the chain is incomplete'],
    [
      'a key that nobody signs with',
      { certificate: { file: 'p521.pem' } },
      'certificate.file: p521.pem: a key of secp521r1 is not supported',
    ],
  ])('with its key in a token is refused with %s', (_, changes, problem) => {
    const entry = { kind: 'certificate', certificate: { file: 'p256.pem' }, privateKey: 'pkcs11:token=chip;object=dev', ...changes }
    const loaded = load([{ kind: 'shared-secret', secret: SECRET_TEXT }, entry])
    expect(loaded.ok ? [] : plain(loaded.problems)).toEqual([expect.stringContaining(`ca.json: credentials[1].${problem}`)])
  })

  it('joins by TLS, so that a hotspot must offer it', () => {
    const loaded = load([pem('p256.pem', 'p256.key')], BUILT, [hotspot])
    expect(loaded.ok ? [] : plain(loaded.problems)).toEqual([
      'ca.json: credentials: a certificate joins by TLS, which no hotspot offers: add "TLS" to eap.methods of one that does',
    ])
  })
})

describe('the dates of a flashed certificate', () => {
  const secret = { kind: 'shared-secret', secret: SECRET_TEXT }
  const kinds = (loaded: LoadedConfig): readonly string[] => (loaded.ok ? loaded.config.credentials.map(({ kind }) => kind) : [])

  it('that ended before the program was built take it off the list, and nothing else', () => {
    const loaded = load([pem('expired.pem', 'expired.key'), secret], 0)
    expect(loaded.ok && plain(loaded.unusable)).toEqual([
      'ca.json: credentials[0]: the certificate "CN=expired" expired at Jan  1 00:00:00 2026 GMT, before this program was built: flash a new one',
    ])
    expect(kinds(loaded)).toEqual(['shared-secret'])
  })

  it('do not keep a device from what it was issued, where there is nothing else on the list', () => {
    expect(kinds(load([pem('expired.pem', 'expired.key')]))).toEqual(['certificate'])
  })

  it.each([
    [
      'that a clock ahead finds ended',
      'p256',
      '2050-02-01',
      'expired at Dec 31 23:59:59 2049 GMT by the clock of this device: flash a new one, unless the clock is wrong',
    ],
    [
      'that did not begin by a clock behind',
      'future',
      '1970-01-01',
      'is not valid before Jan  1 00:00:00 2030 GMT: check it, unless the clock is wrong',
    ],
  ])('%s are a warning', (_, name, now, problem) => {
    const loaded = load([pem(`${name}.pem`, `${name}.key`), secret], Date.parse(now))
    expect(loaded.ok && [plain(loaded.warnings), loaded.unusable]).toEqual([
      [`ca.json: credentials[0]: the certificate "CN=${name}" ${problem}`],
      [],
    ])
    expect(kinds(loaded)).toEqual(['certificate', 'shared-secret'])
  })

  it('that ended since the program was built do not count while the clock is behind', () => {
    expect(load([pem('p256.pem', 'p256.key')], 0)).toMatchObject({ ok: true, warnings: [], unusable: [] })
  })
})
