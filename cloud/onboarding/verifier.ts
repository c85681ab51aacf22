/** The key that verifies a device's assertion, as the registered credential gives it (contract §4). */
import { X509Certificate } from 'node:crypto'
import { deriveApiKey } from '../../agent/contract/derivation.ts'
import { formatCredentialId, formatSubject } from '../../agent/contract/names.ts'
import { algorithmOfKey } from '../../agent/contract/token.ts'
import { SIGNING_ALGORITHM } from '../crypto/signing-key.ts'
import type { CloudParts } from '../parts.ts'
import { issuedRecord } from '../rules/device-credentials.ts'
import { findChain } from '../store/certificates.ts'
import { findDevice } from '../store/devices.ts'
import type { Assertion, Verifier } from './assertion.ts'
import { credentialsOf, decoySecret, readForSecret, secretOf } from './records.ts'

/** The key, and whether it is one of a credential that is registered, in whatever state; a key that nobody has stands for the others. */
export type FoundVerifier = { readonly verifier: Verifier; readonly isRegistered: boolean }

/** Finds the key that an assertion has to be signed with. */
export async function findVerifier(parts: CloudParts, assertion: Assertion): Promise<FoundVerifier> {
  const { name, credentialId } = assertion
  if (credentialId.kind === 'certificate') {
    const [chain, found] = await Promise.all([findChain(parts.db, credentialId.fingerprint), findDevice(parts.db, name)])
    const verifier = verifierOf(chain)
    const isRegistered = verifier !== null && issuedRecord(credentialsOf(found), credentialId) !== null
    return { verifier: verifier ?? strangers(parts), isRegistered }
  }
  const secret = secretOf(parts, name, credentialId, await readForSecret(parts.db, name, credentialId))
  const decoy = decoySecret(parts, `${formatSubject(name)} ${formatCredentialId(credentialId)}`)
  return { verifier: { key: deriveApiKey(secret ?? decoy, name), algorithm: 'HS256' }, isRegistered: secret !== null }
}

/** What is verified in place of a certificate that is not known, by a key of which no device has the private half. */
const strangers = ({ signingKeys }: CloudParts): Verifier => ({ key: signingKeys.publicKey, algorithm: SIGNING_ALGORITHM })

function verifierOf(chainPem: string | null): Verifier | null {
  if (chainPem === null) return null
  const key = new X509Certificate(chainPem).publicKey
  const algorithm = algorithmOfKey(key)
  return algorithm === null ? null : { key, algorithm }
}
