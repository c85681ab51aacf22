/** What operators do when something is wrong with a device: revoke it, re-arm it, freeze and unfreeze its rotation. */
import type { CredentialId, DeviceName } from '../../agent/contract/names.ts'
import { ApiProblem } from '../api-problem.ts'
import type { CloudParts } from '../parts.ts'
import { rearm } from '../rules/rearm.ts'
import { revoke } from '../rules/revocation.ts'
import { appendAudit } from '../store/audit-log.ts'
import { saveDevice } from '../store/devices.ts'
import type { StoredOperatorKey } from '../store/principals.ts'
import { findProvisioningKey } from '../store/provisioning-keys.ts'
import { newOrderId } from '../store/rotation-orders.ts'
import { changeDevice, lockDevice } from './change-device.ts'
import { operatorEntry } from './operator-entry.ts'

/** Revokes one credential of a device, or for null every one that it has or had. */
export async function revokeCredentials(
  parts: CloudParts,
  by: StoredOperatorKey,
  name: DeviceName,
  id: CredentialId | null,
): Promise<void> {
  const answer = await changeDevice(parts, by, name, (device) => revoke(device, id))
  if (answer === 'nothing-to-revoke') throw new ApiProblem('not-found', 'the device has no such credential that is not revoked yet')
}

/** Re-arms an ended credential of a device; until when. */
export async function rearmCredential(
  parts: CloudParts,
  by: StoredOperatorKey,
  name: DeviceName,
  credentialId: CredentialId,
): Promise<number> {
  if (credentialId.kind === 'temporary' && (await findProvisioningKey(parts.db, name.account, credentialId.keyId)) === null)
    throw new ApiProblem('not-found', `there is no provisioning key ${credentialId.keyId}`)
  const orderId = newOrderId()
  const answer = await changeDevice(parts, by, name, (device, nowMs) => rearm(device, { credentialId, orderId, nowMs }))
  if (!answer.rearmed) throw new ApiProblem(answer.problem, answer.reason)
  return answer.untilMs
}

/** Freezes a device's rotation, or lets it go on. As it is already is well. */
export const setFrozen = (parts: CloudParts, by: StoredOperatorKey, name: DeviceName, frozen: boolean): Promise<void> =>
  parts.db.transaction().execute(async (db) => {
    const before = await lockDevice(db, name)
    if (frozen === (before.frozenMs !== null)) return
    const nowMs = parts.nowMs()
    const after = { ...before, frozenMs: frozen ? nowMs : null }
    await saveDevice(db, name, { before, after, chainPem: null, runs: null }, nowMs)
    const event = frozen ? 'rotation-frozen' : 'rotation-unfrozen'
    await appendAudit(db, nowMs, [{ ...operatorEntry(by, event, name.account, ''), device: name.device }])
  })
