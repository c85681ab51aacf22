import { execFileSync } from 'node:child_process'
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { objectIdentifier, octetString, sequence, utf8String } from '../../../../agent/contract/der.ts'
import { CertificateIssuer, validityOf } from '../../../../scripts/factory/certificate/device-certificate.ts'
import { DeviceKeyMaker, privateKeyInfo, subjectPublicKeyInfo } from '../../../../scripts/factory/certificate/device-key.ts'
import { readIssuingCa } from '../../../../scripts/factory/certificate/issuing-ca.ts'
import { Layout } from '../../../../scripts/factory/certificate/layout.ts'
import { base64, pem } from '../../../../scripts/factory/certificate/pem.ts'
import { faultOfValues } from '../../../../scripts/factory/certificate/template.ts'
import { readTemplate } from '../../../../scripts/factory/certificate/template-file.ts'
import { makeRoot, put } from '../../config/sample.ts'

const openssl = (...parameters: readonly string[]): string => execFileSync('openssl', parameters, { encoding: 'utf8', stdio: 'pipe' })
const NAMES = ['id', 'account', 'batch', 'model']
const VALUES = { id: 'SN-1', account: 'acme', batch: 'b7', model: 'größer' }

const KEYS: Readonly<Record<string, readonly string[]>> = {
  'P-256': ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'],
  'P-384': ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:secp384r1'],
  RSA: ['-newkey', 'rsa:2048'],
  Ed25519: ['-newkey', 'ed25519'],
}
const CA = ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign']

function makeCa(root: string, kind = 'P-256', extra: readonly string[] = [...CA, '-days', '30']): readonly [string, string] {
  const [certificate, key] = [join(root, 'ca.pem'), join(root, 'ca.key')]
  openssl('req', '-x509', ...(KEYS[kind] ?? []), '-nodes', '-subj', '/O=Acme/CN=Line 7', ...extra, '-keyout', key, '-out', certificate)
  chmodSync(key, 0o600)
  return [certificate, key]
}

async function issue(root: string, template: unknown, kind = 'P-256', values: Readonly<Record<string, string>> = VALUES) {
  const [caFile, keyFile] = makeCa(root, kind)
  const ca = await readIssuingCa({ certificateFile: caFile, key: keyFile, pinFile: null }, Date.now())
  const read = readTemplate(template === null ? null : put(root, 'template.json', template), NAMES)
  const { point, scalar } = new DeviceKeyMaker().make()
  const der = new CertificateIssuer(ca, read, validityOf(read, Date.now())).issue(values, subjectPublicKeyInfo(point), point)
  const [file, key] = [join(root, 'device.pem'), join(root, 'device.key')]
  writeFileSync(file, pem('CERTIFICATE', base64(der)))
  writeFileSync(key, pem('PRIVATE KEY', base64(privateKeyInfo(scalar, point))))
  return { caFile, file, key }
}

describe('a device certificate', () => {
  it.each(Object.keys(KEYS))('of a CA with a key of %s is good in the eyes of openssl, and its key is its key', async (kind) => {
    const { caFile, file, key } = await issue(makeRoot(), null, kind)
    expect(openssl('verify', '-x509_strict', '-purpose', 'sslclient', '-CAfile', caFile, file)).toContain('device.pem: OK')
    expect(openssl('pkey', '-in', key, '-check', '-noout')).toContain('Key is valid')
    expect(openssl('pkey', '-in', key, '-pubout')).toBe(openssl('x509', '-in', file, '-noout', '-pubkey'))
    expect(openssl('x509', '-in', file, '-noout', '-subject')).toBe('subject=O = acme, CN = SN-1\n')
    expect(openssl('x509', '-in', file, '-noout', '-enddate')).toBe('notAfter=Dec 31 23:59:59 9999 GMT\n')
  })

  it('says what the template says', async () => {
    const { file } = await issue(makeRoot(), {
      validity: { notBefore: '2026-01-02T03:04:05Z', days: 365 },
      subject: { C: 'DE', O: 'Acme {{Ltd}}', serialNumber: '{id}', CN: '{model} {id}', '1.2.3.4': 'x' },
      subjectAltName: { dns: ['{id}.acme.example'], uri: ['urn:acme:{batch}:{id}'] },
      keyUsage: ['digitalSignature', 'keyAgreement'],
      extendedKeyUsage: ['clientAuth', '1.3.6.1.4.1.99999.7'],
      extensions: [
        { oid: '1.3.6.1.4.1.99999.1', utf8: '{model}' },
        { oid: '1.3.6.1.4.1.99999.2', critical: true, der: '0101ff' },
      ],
    })
    const text = openssl('x509', '-in', file, '-noout', '-text', '-nameopt', 'utf8,sep_comma_plus')
    for (const part of [
      'Not Before: Jan  2 03:04:05 2026 GMT',
      'Not After : Jan  2 03:04:05 2027 GMT',
      'Subject: C=DE,O=Acme {Ltd},serialNumber=SN-1,CN=größer SN-1,1.2.3.4=x',
      'DNS:SN-1.acme.example, URI:urn:acme:b7:SN-1',
      'Digital Signature, Key Agreement\n',
      'TLS Web Client Authentication, 1.3.6.1.4.1.99999.7',
      '1.3.6.1.4.1.99999.2: critical',
    ])
      expect(text).toContain(part)
    const der = new X509Certificate(readFileSync(file)).raw.toString('hex')
    expect(der).toContain(Buffer.from(octetString(utf8String('größer'))).toString('hex'))
    expect(der).toContain('04030101ff')
  })

  it('has its own serial number and key every time', async () => {
    const [one, two] = [await issue(makeRoot(), null), await issue(makeRoot(), null)]
    const [a, b] = [one, two].map(({ file }) => new X509Certificate(readFileSync(file)))
    expect(a?.serialNumber).toMatch(/^[4-7][0-9A-F]{31}$/)
    expect(a?.serialNumber).not.toBe(b?.serialNumber)
    expect(a?.publicKey.equals(b?.publicKey ?? createPublicKey(readFileSync(one.key)))).toBe(false)
  })
})

describe('a device key', () => {
  it('is another each time, and of full length even where its number is small', () => {
    const keys = new DeviceKeyMaker()
    const made = Array.from({ length: 2000 }, () => keys.make())
    expect(new Set(made.map(({ scalar }) => Buffer.from(scalar).toString('hex'))).size).toBe(2000)
    // One in 256 starts with a zero byte.
    expect(made.filter(({ scalar }) => scalar[0] === 0).length).toBeGreaterThan(0)
    for (const { scalar, point } of made.filter(({ scalar }) => scalar[0] === 0)) {
      const key = createPrivateKey({ key: Buffer.from(privateKeyInfo(scalar, point)), format: 'der', type: 'pkcs8' })
      const spki = createPublicKey(key).export({ format: 'der', type: 'spki' })
      expect(Buffer.from(subjectPublicKeyInfo(point))).toEqual(spki)
    }
  })
})

describe('a certificate template', () => {
  it.each<[string, unknown, string]>([
    ['an unknown member', { subjet: {} }, 'subjet: unknown key: did you mean "subject"?'],
    [
      'an unknown attribute',
      { subject: { cn: 'x' } },
      'subject.cn: unknown attribute: there are CN, serialNumber, C, L, ST, O, OU, title, or a dotted OID',
    ],
    ['no subject', { subject: {} }, 'subject: expected at least one attribute'],
    [
      'an unknown variable',
      { subject: { CN: '{color}' } },
      'subject.CN: there is no variable {color}: there are {id}, {account}, {batch}, {model}',
    ],
    ['two ends', { validity: { days: 1, notAfter: '2030-01-01' } }, 'validity: give notAfter or days, not both'],
    ['no date', { validity: { notAfter: 'soon' } }, 'validity.notAfter: expected a time in ISO 8601, such as 2026-01-31T00:00:00Z'],
    ['no DER', { extensions: [{ oid: '1.2.3', der: 'xyz' }] }, 'extensions[0].der: expected DER in hex'],
    ['no value', { extensions: [{ oid: '1.2.3' }] }, 'extensions[0]: give utf8 or der'],
    ['no OID', { extensions: [{ oid: 'mine', utf8: 'x' }] }, 'extensions[0].oid: expected a dotted OID, such as 1.3.6.1.4.1.1'],
  ])('is refused by file and key: %s', (_, template, problem) => {
    const file = put(makeRoot(), 'template.json', template)
    expect(() => readTemplate(file, NAMES)).toThrow(`${file}: ${problem}`)
  })

  it.each<[unknown, Readonly<Record<string, string>>, string | null]>([
    [{ subject: { CN: '{id}' } }, VALUES, null],
    [{ subject: { CN: '{model}' } }, { ...VALUES, model: '' }, "the certificate's subject would have an empty CN"],
    [{ subject: { CN: '{model}' } }, { ...VALUES, model: 'x'.repeat(65) }, "the certificate's CN would be longer than 64 characters"],
    [{ subject: { C: '{model}' } }, VALUES, "the certificate's country (C) has two letters"],
    [{ subject: { serialNumber: '{model}' } }, VALUES, "the certificate's serialNumber may hold letters, digits and '()+,-./:=? only"],
    [
      { subjectAltName: { dns: ['{model}'] } },
      VALUES,
      'a DNS name or URI of the certificate would be empty or hold more than printable ASCII',
    ],
  ])('%j is held against the values of a device', (template, values, fault) => {
    expect(faultOfValues(readTemplate(put(makeRoot(), 'template.json', template), NAMES), values)).toBe(fault)
  })
})

describe('an issuing CA', () => {
  it.each<[string, (root: string) => readonly [string, string], RegExp]>([
    ['no CA', (root) => makeCa(root, 'P-256', ['-addext', 'basicConstraints=CA:FALSE']), /ca\.pem: is not a CA/],
    [
      'no right to sign',
      (root) => makeCa(root, 'P-256', ['-addext', 'basicConstraints=CA:TRUE', '-addext', 'keyUsage=cRLSign']),
      /ca\.pem: is not a CA: basic constraints or key usage/,
    ],
    ['another key', (root) => [makeCa(root)[0], makeCa(makeRoot())[1]], /ca\.key: is not the key of/],
    [
      'a key that others can read',
      (root) => {
        const files = makeCa(root)
        chmodSync(files[1], 0o640)
        return files
      },
      /ca\.key: others than its owner can read this key: chmod 600/,
    ],
    ['no key', (root) => [makeCa(root)[0], put(root, 'none', 'x')], /none: holds no private key/],
    ['no certificate', (root) => [put(root, 'none.pem', 'x'), makeCa(root)[1]], /none\.pem: there is no PEM certificate/],
    ['nothing', (root) => [join(root, 'gone.pem'), makeCa(root)[1]], /gone\.pem: cannot be read/],
  ])('is refused before anything is issued: %s', async (_, files, message) => {
    const [certificate, key] = files(makeRoot())
    await expect(readIssuingCa({ certificateFile: certificate, key, pinFile: null }, Date.now())).rejects.toThrow(message)
  })

  it('is refused outside its dates', async () => {
    const [certificate, key] = makeCa(makeRoot())
    await expect(readIssuingCa({ certificateFile: certificate, key, pinFile: null }, Date.now() + 31 * 86_400_000)).rejects.toThrow(
      /ca\.pem: expired on .*: renew the CA's certificate/,
    )
    await expect(readIssuingCa({ certificateFile: certificate, key, pinFile: null }, Date.now() - 86_400_000)).rejects.toThrow(
      /ca\.pem: is valid from .* only: check the clock/,
    )
  })
})

describe('DER with holes', () => {
  it('gives what encoding would give, for values of every length and used more than once', () => {
    const encode = ([one = new Uint8Array(), two = new Uint8Array()]: readonly Uint8Array[]): Uint8Array =>
      sequence(objectIdentifier('2.5.4.3'), utf8String(one), sequence(utf8String(two), utf8String(one)))
    const layout = new Layout(encode)
    for (const [one, two] of [
      ['a', 'b'],
      ['a', ''],
      ['abcdef', 'x'.repeat(300)],
      ['b', 'a'],
      ['aaa', 'aaa'],
    ] as const) {
      const values = [Buffer.from(one), Buffer.from(two)]
      expect(Buffer.from(layout.fill(values))).toEqual(Buffer.from(encode(values)))
    }
  })
})
