/** `POST /v1/device/credential` (contract §5): the permanent secret, answered only after what was decided is durable. */
import { randomBytes } from 'node:crypto'
import { makeSecretId } from '../../agent/contract/secret-id.ts'
import { ApiProblem } from '../api-problem.ts'
import type { AccessClaims } from '../crypto/access-token.ts'
import type { CloudParts } from '../parts.ts'
import { requestCredential, type SwapVerdict } from '../rules/swap.ts'
import { appendAudit } from '../store/audit-log.ts'
import { findAndLockDevice, saveDevice } from '../store/devices.ts'
import { findProvisioningKey } from '../store/provisioning-keys.ts'
import type { Database } from '../store/tables.ts'
import { auditEntries } from './audit-entries.ts'
import { issuedSecretOf, temporaryPresented } from './records.ts'

/** The permanent secret. */
export type IssuedSecret = { readonly secretId: string; readonly secret: Uint8Array }

/** Issues the permanent secret for a nonce, or throws the problem that says why not. */
export async function swapCredential(parts: CloudParts, claims: AccessClaims, nonce: string): Promise<IssuedSecret> {
  const answer = await parts.db.transaction().execute((db) => decide(parts, db, claims, nonce))
  if (!answer.issued) throw new ApiProblem(answer.problem, answer.reason)
  const secret = issuedSecretOf(parts, claims.name, answer.secretId)
  if (secret === null) throw new Error('the master key that issued a pending secret is missing')
  return { secretId: answer.secretId, secret }
}

async function decide(parts: CloudParts, db: Database, { name, credentialId }: AccessClaims, nonce: string): Promise<SwapVerdict> {
  const nowMs = parts.nowMs()
  const found = await findAndLockDevice(db, name)
  const key = credentialId.kind === 'temporary' ? await findProvisioningKey(db, name.account, credentialId.keyId) : null
  if (found.found !== 'device' || key === null) {
    return { issued: false, problem: 'insufficient-scope', reason: 'only a temporary credential is swapped' }
  }
  const [master] = parts.masterKeys
  const before = found.device.credentials
  const verdict = requestCredential(before, {
    presented: await temporaryPresented(db, name, key, nowMs),
    nonce,
    nextSecretId: (generation) => makeSecretId(master.id, master.bytes, name, generation, randomBytes(10)),
  })
  if (verdict.device !== null) await saveDevice(db, name, { before, after: verdict.device }, nowMs)
  await appendAudit(db, nowMs, auditEntries(name, 'device', verdict.events))
  return verdict.answer
}
