/** The key that verifies a device's assertion, as the registered credential gives it (contract §4). */
import { X509Certificate } from 'node:crypto'
import { deriveApiKey } from '../../agent/contract/derivation.ts'
import { formatCredentialId, formatSubject } from '../../agent/contract/names.ts'
import { algorithmOfKey } from '../../agent/contract/token.ts'
import { SIGNING_ALGORITHM } from '../crypto/signing-key.ts'
import type { CloudParts } from '../parts.ts'
import { issuedRecord } from '../rules/device-credentials.ts'
import { findDevice } from '../store/devices.ts'
import type { Assertion, Verifier } from './assertion.ts'
import { credentialsOf, decoySecret, provedCertificate, readForSecret, secretOf } from './records.ts'

/** The key, and whether it is one of a credential that is registered, in whatever state; a key that nobody has stands for the others. */
export type FoundVerifier = { readonly verifier: Verifier; readonly isRegistered: boolean }

/** Finds the key that an assertion has to be signed with. */
export async function findVerifier(parts: CloudParts, assertion: Assertion): Promise<FoundVerifier> {
  const { name, credentialId, certificate } = assertion
  if (credentialId.kind === 'certificate') {
    const isKnown = issuedRecord(credentialsOf(await findDevice(parts.db, name)), credentialId) !== null
    const verifier = isKnown || provedCertificate(parts, name, certificate) !== null ? verifierOf(certificate) : null
    return { verifier: verifier ?? strangers(parts), isRegistered: verifier !== null }
  }
  const secret = secretOf(parts, name, credentialId, await readForSecret(parts.db, name, credentialId))
  const decoy = decoySecret(parts, `${formatSubject(name)} ${formatCredentialId(credentialId)}`)
  return { verifier: { key: deriveApiKey(secret ?? decoy, name), algorithm: 'HS256' }, isRegistered: secret !== null }
}

/** What is verified in place of a certificate that is not known, by a key of which no device has the private half. */
const strangers = ({ signingKeys }: CloudParts): Verifier => ({ key: signingKeys.publicKey, algorithm: SIGNING_ALGORITHM })

/** The key of a certificate. One that is known is known by its fingerprint, which nothing else has: the certificate itself need not be stored. */
export function verifierOf(certificate: Uint8Array | null): Verifier | null {
  if (certificate === null) return null
  try {
    const key = new X509Certificate(certificate).publicKey
    const algorithm = algorithmOfKey(key)
    return algorithm === null ? null : { key, algorithm }
  } catch {
    return null // a fingerprint was registered of what is no certificate
  }
}
