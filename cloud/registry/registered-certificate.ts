/** A certificate as operators register it: whole, or what it is called. */
import { base32 } from '../../agent/contract/base32.ts'
import { certificateFingerprint, parseCertificateChain } from '../../agent/contract/certificate.ts'
import { parseCredentialId } from '../../agent/contract/names.ts'
import { type Parsed, parsed, unparsed } from '../../agent/contract/parsed.ts'
import { algorithmOfKey } from '../../agent/contract/token.ts'
import type { IssuedRecord } from '../rules/device-credentials.ts'

const MIN_RSA_BITS = 2048
const SHA256_HEX = /^[0-9a-f]{64}$/

/** `pem` is the device's own certificate alone, and empty where only its fingerprint was told. */
export type RegisteredCertificate = { readonly fingerprint: string; readonly pem: string }

/** Reads PEM with the device's own certificate first, or a SHA-256 fingerprint: hex with or without colons, or `c.…`. */
export function parseRegisteredCertificate(text: string): Parsed<RegisteredCertificate> {
  if (text.includes('-----BEGIN')) return parseWhole(text)
  const hex = text.trim().toLowerCase().replaceAll(':', '')
  if (SHA256_HEX.test(hex)) return parsed({ fingerprint: base32(Buffer.from(hex, 'hex')), pem: '' })
  const id = parseCredentialId(text.trim())
  if (id.ok && id.value.kind === 'certificate') return parsed({ fingerprint: id.value.fingerprint, pem: '' })
  return unparsed('a certificate is given in PEM, or by its SHA-256 fingerprint in hex or as c.…')
}

function parseWhole(text: string): Parsed<RegisteredCertificate> {
  if (/PRIVATE KEY-----/.test(text)) return unparsed('the certificate comes with a private key, which must stay on the device')
  const chain = parseCertificateChain(text)
  if (!chain.ok) return chain
  const [own] = chain.value
  if (own.ca) return unparsed("the first certificate is a CA's: give the device's own first")
  const { modulusLength } = own.publicKey.asymmetricKeyDetails ?? {}
  const isWeak = own.publicKey.asymmetricKeyType === 'rsa' && (modulusLength ?? 0) < MIN_RSA_BITS
  if (isWeak || algorithmOfKey(own.publicKey) === null)
    return unparsed(`the key of a certificate is RSA of ${MIN_RSA_BITS} bits or more, P-256 or P-384`)
  return parsed({ fingerprint: certificateFingerprint(own.raw), pem: own.toString() })
}

/** No device asks with this nonce: what was registered is never handed out. */
const NONCE = 'registered'

/** The record of a registered certificate: as if it had been issued and proved, so that all that follows is the same. */
export const registeredRecord = ({ fingerprint }: RegisteredCertificate): IssuedRecord => ({
  id: { kind: 'certificate', fingerprint },
  generation: 1,
  nonce: NONCE,
  state: 'current',
})
