/** A certificate flashed at manufacture: from the forms that factories write to the one that is used, and what is wrong with it. */
import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto'
import { certificateFingerprint } from '../contract/certificate.ts'
import { type Parsed, parsed, unparsed } from '../contract/parsed.ts'
import { algorithmOfKey } from '../contract/token.ts'
import { deviceCertificate } from './certificate.ts'
import type { DeviceCertificate, TokenCertificate } from './credential.ts'
import { Secret } from './secret.ts'

const MIN_RSA_BITS = 2048
const SUPPORTED = `use RSA of ${MIN_RSA_BITS} bits or more, P-256 or P-384`
const KEY_BLOCK = /-----BEGIN ((?:RSA |EC |ENCRYPTED )?PRIVATE KEY)-----[\s\S]+?-----END \1-----/

/** Something read, or what is wrong with it and which part that is. */
export type Opened<T, Part> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly of: Part; readonly problem: string }

/** Reads a private key in PEM: PKCS#8, SEC1 or PKCS#1, in the clear or encrypted. */
export function openPrivateKey(pem: string, passphrase: string | null): Opened<KeyObject, 'key' | 'passphrase'> {
  const [block] = KEY_BLOCK.exec(pem) ?? []
  if (block === undefined)
    return { ok: false, of: 'key', problem: 'holds no private key in PEM (-----BEGIN PRIVATE KEY-----): flash it again' }
  const isEncrypted = /ENCRYPTED/.test(block)
  if (isEncrypted && passphrase === null)
    return { ok: false, of: 'passphrase', problem: 'missing: the private key is encrypted: name the file that holds its passphrase' }
  try {
    return { ok: true, value: createPrivateKey(isEncrypted ? { key: block, passphrase: passphrase ?? '' } : block) }
  } catch {
    return isEncrypted
      ? { ok: false, of: 'passphrase', problem: 'wrong for this private key: correct it, or flash the key again' }
      : { ok: false, of: 'key', problem: 'the private key is damaged: flash it again' }
  }
}

/** The credential that certificates in any order and a private key are. */
export function flashedCertificate(
  certificates: readonly X509Certificate[],
  key: KeyObject,
): Opened<DeviceCertificate, 'key' | 'certificate'> {
  const unsupported = whyUnsupported(key)
  if (unsupported !== null) return { ok: false, of: 'key', problem: `${unsupported} is not supported: ${SUPPORTED}` }
  const own = certificates.find((certificate) => certificate.checkPrivateKey(key))
  if (own === undefined)
    return { ok: false, of: 'key', problem: 'not the private key of the certificate: flash the two that belong together' }
  const chain = chainFrom(own, certificates)
  if (!chain.ok) return { ...chain, of: 'certificate' }
  const privateKeyPem = new Secret(key.export({ type: 'pkcs8', format: 'pem' }).toString())
  const credential = deviceCertificate(chain.value.map((certificate) => certificate.toString()).join(''), privateKeyPem)
  return credential.ok ? credential : { ...credential, of: 'certificate' }
}

/** The credential that certificates in any order and a key in a token are; the first that is no CA is the device's own. */
export function tokenCertificate(
  certificates: readonly X509Certificate[],
  keyUri: string,
  pin: Secret<string> | null,
): Opened<TokenCertificate, 'certificate'> {
  const own = certificates.find(({ ca }) => !ca) ?? certificates[0]
  if (own === undefined) return { ok: false, of: 'certificate', problem: 'holds no certificate' }
  const unsupported = whyUnsupported(own.publicKey)
  if (unsupported !== null) return { ok: false, of: 'certificate', problem: `${unsupported} is not supported: ${SUPPORTED}` }
  const chain = chainFrom(own, certificates)
  if (!chain.ok) return { ...chain, of: 'certificate' }
  const chainPem = chain.value.map((certificate) => certificate.toString()).join('')
  const id = { kind: 'certificate', fingerprint: certificateFingerprint(own.raw) } as const
  return { ok: true, value: { kind: 'token-certificate', id, chainPem, keyUri, pin } }
}

function whyUnsupported(key: KeyObject): string | null {
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {}
  const name = `a key of ${key.asymmetricKeyType === 'rsa' ? `RSA with ${modulusLength} bits` : (namedCurve ?? key.asymmetricKeyType)}`
  if (algorithmOfKey(key) === null) return name
  return key.asymmetricKeyType === 'rsa' && (modulusLength ?? 0) < MIN_RSA_BITS ? name : null
}

/** Each certificate, then its issuer. Issuers that lead nowhere mean that one between is missing. */
function chainFrom(own: X509Certificate, certificates: readonly X509Certificate[]): Parsed<readonly X509Certificate[]> {
  const chain = [own]
  const others = new Map(certificates.map((certificate) => [certificate.fingerprint256, certificate]))
  others.delete(own.fingerprint256)
  let last = own
  for (;;) {
    const issuer = [...others.values()].find((other) => other.ca && last.checkIssued(other) && last.verify(other.publicKey))
    if (issuer === undefined) break
    others.delete(issuer.fingerprint256)
    chain.push(issuer)
    last = issuer
  }
  if (others.size === 0) return parsed(chain)
  return unparsed(`the chain is incomplete: add the certificate of "${oneLine(last.issuer)}", which issued "${oneLine(last.subject)}"`)
}

/** A name of X.501 as Node gives it, in one line. */
export const oneLine = (name: string | undefined): string => (name ?? '').replaceAll('\n', ', ')
