/** A certificate and its private key, as one credential. */
import { createPrivateKey, type KeyObject } from 'node:crypto'
import { certificateFingerprint, parseCertificateChain } from '../contract/certificate.ts'
import { type Parsed, parsed, unparsed } from '../contract/parsed.ts'
import type { DeviceCertificate } from './credential.ts'
import { Secret } from './secret.ts'

/** A chain far longer than this is none; a slot of the store must hold it. */
const MAX_CHAIN_CHARACTERS = 32 * 1024

/** Reads a private key in PEM; the reason why it is none never quotes it. */
export function parsePrivateKey(pem: string): Parsed<KeyObject> {
  try {
    return parsed(createPrivateKey(pem))
  } catch {
    return unparsed('the private key is damaged')
  }
}

/** Reads a P-256 key that a device made for itself. */
export function parseDeviceKey(pem: string): Parsed<Secret<string>> {
  const key = parsePrivateKey(pem)
  if (!key.ok) return key
  return key.value.asymmetricKeyDetails?.namedCurve === 'prime256v1' ? parsed(new Secret(pem)) : unparsed('the private key is not of P-256')
}

/** The credential that a chain and a private key are, if they belong together. Whatever else stood between the certificates is left out. */
export function deviceCertificate(chainPem: string, privateKeyPem: Secret<string>): Parsed<DeviceCertificate> {
  const chain = parseCertificateChain(chainPem)
  if (!chain.ok) return chain
  const key = parsePrivateKey(privateKeyPem.reveal())
  if (!key.ok) return key
  const [own] = chain.value
  if (!own.checkPrivateKey(key.value)) return unparsed('the certificate is of another key')
  const id = { kind: 'certificate', fingerprint: certificateFingerprint(own.raw) } as const
  const plainPem = chain.value.map((certificate) => certificate.toString()).join('')
  if (plainPem.length > MAX_CHAIN_CHARACTERS) return unparsed(`the certificate chain is longer than ${MAX_CHAIN_CHARACTERS} characters`)
  return parsed({ kind: 'certificate', id, chainPem: plainPem, privateKeyPem })
}
