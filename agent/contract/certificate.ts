/**
 * A certificate as a credential (contract §1 and §5): how it is called, and how a device asks for one. Its key never leaves the
 * device: a certificate request (PKCS#10, RFC 2986) goes up, signed by the key, and the chain comes down.
 */
import { createHash, createPublicKey, hash, type KeyObject, sign, X509Certificate } from 'node:crypto'
import { base32 } from './base32.ts'
import { bitString, contextTag, objectIdentifier, sequence, setOf, smallInteger, utf8String } from './der.ts'
import type { DeviceName } from './names.ts'
import { type Parsed, parsed, unparsed } from './parsed.ts'

const COMMON_NAME = '2.5.4.3'
const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2'
const MAX_CHAIN_LENGTH = 8

/** What a certificate is called: SHA-256 of its DER in base32, 52 characters. */
export const certificateFingerprint = (der: Uint8Array): string => base32(hash('sha256', der, 'buffer'))

/** The swap's nonce where a certificate is asked for: SHA-256 of the key's SubjectPublicKeyInfo, in base64url. */
export const nonceOfKey = (publicKey: KeyObject): string =>
  createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64url')

/** A certificate request (DER) for a P-256 key. The cloud takes the key from it and the names from the device's own token. */
export function makeCertificateRequest(privateKey: KeyObject, { device }: DeviceName): Uint8Array {
  const name = sequence(setOf(sequence(objectIdentifier(COMMON_NAME), utf8String(device))))
  const publicKey = new Uint8Array(createPublicKey(privateKey).export({ type: 'spki', format: 'der' }))
  const info = sequence(smallInteger(0), name, publicKey, contextTag(0))
  return sequence(info, sequence(objectIdentifier(ECDSA_WITH_SHA256)), bitString(new Uint8Array(sign('sha256', info, privateKey))))
}

/** Reads PEM of a certificate and its issuers, the device's own first; dates and signatures are not looked at. */
export function parseCertificateChain(pem: string): Parsed<readonly [X509Certificate, ...X509Certificate[]]> {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  if (blocks.length > MAX_CHAIN_LENGTH) return unparsed(`a certificate chain has at most ${MAX_CHAIN_LENGTH} certificates`)
  try {
    const [own, ...issuers] = blocks.map((block) => new X509Certificate(block))
    return own === undefined ? unparsed('there is no PEM certificate') : parsed([own, ...issuers])
  } catch {
    return unparsed('a PEM certificate is damaged')
  }
}
