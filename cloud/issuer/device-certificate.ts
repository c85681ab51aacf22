/** What a device's certificate and a CA's look like (RFC 5280), written with @peculiar/x509. */
import { KeyObject, randomBytes, webcrypto } from 'node:crypto'
import type { X509Certificate as WrittenCertificate } from '@peculiar/x509'
import type { DeviceName } from '../../agent/contract/names.ts'
import { formatPlaceUri } from './certificate-place.ts'

const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' } as const
const CURVE = { name: 'ECDSA', namedCurve: 'P-256' } as const
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2'
const SERIAL_BYTES = 16
const DAY_MS = 86_400_000

/** RFC 5280 §4.1.2.5: no good date to end. A device that is offline for years must not be locked out by one; revocation is online. */
const NO_END = new Date('9999-12-31T23:59:59Z')

/** A CA that can sign: its certificate and private key. */
export type SigningCa = { readonly certificate: Uint8Array; readonly privateKey: KeyObject }

/** From when and how long. A day back, since a hotspot's clock may be behind; `days` null: without end. */
function validity(nowMs: number, days: number | null) {
  const second = nowMs - (nowMs % 1000)
  return { notBefore: new Date(second - DAY_MS), notAfter: days === null ? NO_END : new Date(second + days * DAY_MS) }
}

/** A positive serial number of full length that nobody can guess. */
function serialNumber(): string {
  const serial = randomBytes(SERIAL_BYTES)
  serial.writeUInt8((serial.readUInt8(0) & 0x3f) | 0x40)
  return serial.toString('hex')
}

const pem = (certificate: WrittenCertificate): string => `${certificate.toString('pem')}\n`

/** Makes a CA: a new P-256 key and its certificate, as PEM. */
export async function makeCa(nowMs: number): Promise<{ readonly certificatePem: string; readonly keyPem: string }> {
  const x509 = await import('@peculiar/x509')
  const keys = await webcrypto.subtle.generateKey(CURVE, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: new x509.Name([{ CN: [{ utf8String: 'ZipKey Device CA' }] }]),
    ...validity(nowMs, null),
    keys,
    signingAlgorithm: SIGNATURE,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { certificatePem: pem(certificate), keyPem: KeyObject.from(keys.privateKey).export({ format: 'pem', type: 'pkcs8' }).toString() }
}

/** Signs a device's certificate (PEM): for TLS clients, by this key, called by its device id. */
export async function signDeviceCertificate(
  ca: SigningCa,
  { account, device }: DeviceName,
  publicKey: KeyObject,
  { nowMs, days, placeId }: { readonly nowMs: number; readonly days: number | null; readonly placeId: string },
): Promise<string> {
  const x509 = await import('@peculiar/x509')
  const issuer = new x509.X509Certificate(new Uint8Array(ca.certificate))
  const key = new x509.PublicKey(new Uint8Array(publicKey.export({ format: 'der', type: 'spki' })))
  const pkcs8 = ca.privateKey.export({ format: 'der', type: 'pkcs8' })
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: new x509.Name([{ O: [{ utf8String: account }] }, { CN: [{ utf8String: device }] }]),
    issuer: issuer.subjectName,
    ...validity(nowMs, days),
    publicKey: key,
    signingKey: await webcrypto.subtle.importKey('pkcs8', pkcs8, CURVE, false, ['sign']),
    signingAlgorithm: SIGNATURE,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([CLIENT_AUTH]),
      new x509.SubjectAlternativeNameExtension([{ type: 'url', value: formatPlaceUri({ name: { account, device }, placeId }) }]),
      await x509.SubjectKeyIdentifierExtension.create(key),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
    ],
  })
  return pem(certificate)
}
