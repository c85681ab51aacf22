/** `POST /v1/device/credential` (contract §5): the permanent secret, answered only after what was decided is durable. */
import { randomBytes } from 'node:crypto'
import { makeSecretId } from '../../agent/contract/secret-id.ts'
import { ApiProblem } from '../api-problem.ts'
import type { AccessClaims } from '../crypto/access-token.ts'
import type { CloudParts } from '../parts.ts'
import type { DeviceCredentials, IssuedId, Verdict } from '../rules/device-credentials.ts'
import { requestRotation } from '../rules/rotation.ts'
import { refused, requestCredential, type SwapVerdict } from '../rules/swap.ts'
import { appendAudit } from '../store/audit-log.ts'
import { findAndLockDevice, saveDevice } from '../store/devices.ts'
import { findProvisioningKey } from '../store/provisioning-keys.ts'
import { openOrder } from '../store/rotation-orders.ts'
import type { Database } from '../store/tables.ts'
import { auditEntries } from './audit-entries.ts'
import { issuedSecretOf, temporaryPresented } from './records.ts'

/** The permanent secret. */
export type IssuedSecret = { readonly secretId: string; readonly secret: Uint8Array }

/** What a device asks with: its nonce, and the order that it follows; null for the first permanent secret. */
export type CredentialRequest = { readonly nonce: string; readonly order: string | null }

/** Issues a permanent secret for a nonce, or throws the problem that says why not. */
export async function swapCredential(parts: CloudParts, claims: AccessClaims, request: CredentialRequest): Promise<IssuedSecret> {
  const answer = await parts.db.transaction().execute((db) => decide(parts, db, claims, request))
  if (!answer.issued) throw new ApiProblem(answer.problem, answer.reason)
  if (answer.id.kind !== 'issued') throw new Error('a nonce of a secret was answered with a certificate')
  const { secretId } = answer.id
  const secret = issuedSecretOf(parts, claims.name, secretId)
  if (secret === null) throw new Error('the master key that issued a pending secret is missing')
  return { secretId, secret }
}

async function decide(parts: CloudParts, db: Database, claims: AccessClaims, request: CredentialRequest): Promise<SwapVerdict> {
  const { name } = claims
  const nowMs = parts.nowMs()
  const found = await findAndLockDevice(db, name)
  if (found.found !== 'device') return NOT_SWAPPED
  const before = found.device.credentials
  const verdict = await judge(parts, db, claims, before, request)
  if (verdict.device !== null) await saveDevice(db, name, { before, after: verdict.device, chainPem: null }, nowMs)
  await appendAudit(db, nowMs, auditEntries(name, 'device', verdict.events))
  return verdict.answer
}

async function judge(
  parts: CloudParts,
  db: Database,
  { name, credentialId }: AccessClaims,
  device: DeviceCredentials,
  { nonce, order }: CredentialRequest,
): Promise<Verdict<SwapVerdict>> {
  const [master] = parts.masterKeys
  const nextId = (generation: number): IssuedId => ({
    kind: 'issued',
    secretId: makeSecretId(master.id, master.bytes, name, generation, randomBytes(10)),
  })
  if (credentialId.kind !== 'temporary') {
    const orderOpen = order !== null && (await openOrder(db, name)) === order
    return requestRotation(device, { credentialId, orderOpen, kind: 'issued', nonce, nextId })
  }
  const key = await findProvisioningKey(db, name.account, credentialId.keyId)
  if (key === null) return refused(device, NOT_SWAPPED.problem, NOT_SWAPPED.reason)
  return requestCredential(device, { presented: await temporaryPresented(db, name, key, parts.nowMs()), kind: 'issued', nonce, nextId })
}

const NOT_SWAPPED = { issued: false, problem: 'insufficient-scope', reason: 'this credential is not swapped' } as const
