/** `POST /v1/device/credential` (contract §5): the permanent credential, answered only after what was decided is durable. */
import { randomBytes } from 'node:crypto'
import { makeSecretId } from '../../agent/contract/secret-id.ts'
import { ApiProblem } from '../api-problem.ts'
import type { AccessClaims } from '../crypto/access-token.ts'
import type { CloudParts } from '../parts.ts'
import { type DeviceCredentials, type IssuedId, isIssuedId, issuedRecord, type Verdict } from '../rules/device-credentials.ts'
import { WAITING, waitsUntilMs, withUsed } from '../rules/recovery.ts'
import { requestRotation } from '../rules/rotation.ts'
import { refused, requestCredential, type SwapVerdict } from '../rules/swap.ts'
import { auditWrites } from '../store/audit-log.ts'
import { deviceWrites, type FoundDevice, findAndLockDevice } from '../store/devices.ts'
import { findProvisioningKey, type StoredProvisioningKey } from '../store/provisioning-keys.ts'
import { openOrder } from '../store/rotation-orders.ts'
import type { Database } from '../store/tables.ts'
import { type Conclusion, conclude } from '../store/transact.ts'
import { auditEntries } from './audit-entries.ts'
import { credentialsOf, issuedSecretOf, temporaryPresented } from './records.ts'
import { waitS } from './wait.ts'

/** The permanent secret. */
export type IssuedSecret = { readonly secretId: string; readonly secret: Uint8Array }

/** What a device asks with: its nonce, and the order that it follows; null for the first permanent credential. */
export type CredentialRequest = { readonly nonce: string; readonly order: string | null }

/** Issues a permanent secret for a nonce, or throws the problem that says why not. */
export async function swapCredential(parts: CloudParts, claims: AccessClaims, request: CredentialRequest): Promise<IssuedSecret> {
  const [master] = parts.masterKeys
  const nextId = (number: number): IssuedId => ({
    kind: 'issued',
    secretId: makeSecretId(master.id, master.bytes, claims.name, number, randomBytes(10)),
  })
  const answer = await decideSwap(parts, claims, { kind: 'issued', ...request }, { nextId, chainPem: null })
  if (answer === null) throw new Error('a secret was not made for its place')
  if (!answer.issued) throw new ApiProblem(answer.problem, answer.reason)
  if (answer.id.kind !== 'issued') throw new Error('a nonce of a secret was answered with a certificate')
  const { secretId } = answer.id
  const secret = issuedSecretOf(parts, claims.name, secretId)
  if (secret === null) throw new Error('the master key that issued a pending secret is missing')
  return { secretId, secret }
}

/** A request as the rules see it. */
type Asked = CredentialRequest & { readonly kind: IssuedId['kind'] }

/** What a new credential would be: its id, null where there is none for this place, and, for a certificate, its chain (PEM). */
type Offer = { readonly nextId: (placeNumber: number) => IssuedId | null; readonly chainPem: string | null }

/** Decides a request in one transaction; null where a new credential is due and the offer has none for its place: then nothing has changed. */
export function decideSwap(parts: CloudParts, claims: AccessClaims, asked: Asked, offer: Offer): Promise<SwapVerdict | null> {
  return conclude(parts.db, (db) => decide(parts, db, claims, asked, offer))
}

const NOT_YET: IssuedId = { kind: 'certificate', fingerprint: '' }

async function decide(
  parts: CloudParts,
  db: Database,
  claims: AccessClaims,
  asked: Asked,
  { nextId, chainPem }: Offer,
): Promise<Conclusion<SwapVerdict | null>> {
  const { name, credentialId } = claims
  const nowMs = parts.nowMs()
  const [found, key] = await Promise.all([
    findAndLockDevice(db, name),
    credentialId.kind === 'temporary' ? findProvisioningKey(db, name.account, credentialId.keyId) : null,
  ])
  requireOfNow(found, claims, nowMs)
  if (found.found !== 'device') return { result: NOT_SWAPPED, writes: [] }
  const before = found.device.credentials
  const orNotYet = (placeNumber: number): IssuedId => nextId(placeNumber) ?? NOT_YET
  const { answer, device, events } = await judge(parts, db, claims, { before, key }, { ...asked, nextId: orNotYet })
  if (answer.issued && answer.id === NOT_YET) return { result: null, writes: [] }
  const saving = device === null ? [] : deviceWrites(db, name, { before, after: device, chainPem, runs: null }, nowMs)
  return { result: answer, writes: [...saving, ...auditWrites(db, nowMs, auditEntries(name, 'device', events))] }
}

/** Refuses a token that is older than a restore: its credential has to be shown again, or waits. */
function requireOfNow(found: FoundDevice, { credentialId }: AccessClaims, nowMs: number): void {
  const device = credentialsOf(found)
  if (found.found === 'nothing' || (isIssuedId(credentialId) && issuedRecord(device, credentialId) === null)) {
    throw new ApiProblem('invalid-token', 'the access token is of a credential that the cloud does not know since it was restored')
  }
  const untilMs = waitsUntilMs(device, credentialId, nowMs)
  if (untilMs !== null) throw new ApiProblem('unavailable', WAITING, waitS(untilMs, nowMs))
}

async function judge(
  parts: CloudParts,
  db: Database,
  { name, credentialId }: AccessClaims,
  { before: device, key }: { readonly before: DeviceCredentials; readonly key: StoredProvisioningKey | null },
  { order, kind, nonce, nextId }: Asked & { readonly nextId: (placeNumber: number) => IssuedId },
): Promise<Verdict<SwapVerdict>> {
  if (credentialId.kind !== 'temporary') {
    const orders = { order, openOrder: await openOrder(db, name), nowMs: parts.nowMs() }
    return requestRotation(withUsed(device, credentialId), { credentialId, ...orders, kind, nonce, nextId })
  }
  if (key === null) return refused(device, NOT_SWAPPED.problem, NOT_SWAPPED.reason)
  return requestCredential(device, { presented: await temporaryPresented(db, name, key, parts.nowMs()), kind, nonce, nextId })
}

const NOT_SWAPPED = { issued: false, problem: 'insufficient-scope', reason: 'this credential is not swapped' } as const
