/** Opens the order that a schedule asks for, when the device asks for its actions: no timer, and any number of processes. */
import type { CredentialId, DeviceName } from '../../agent/contract/names.ts'
import type { CloudParts } from '../parts.ts'
import { isCurrent } from '../rules/rotation.ts'
import { dueSchedule } from '../rules/rotation-schedule.ts'
import { appendAudit } from '../store/audit-log.ts'
import { findAndLockDevice, type StoredDevice } from '../store/devices.ts'
import { insertOrder, openOrder, type RotationOrder } from '../store/rotation-orders.ts'
import { listSchedules } from '../store/rotation-schedules.ts'

/** Opens the order where one is due, and none is open; gives it, or null. A device that is frozen is not rotated, and waits. */
export async function openDueOrder(
  parts: CloudParts,
  name: DeviceName,
  credentialId: CredentialId,
  { device: { credentials, createdAt }, last }: { readonly device: StoredDevice; readonly last: RotationOrder | null },
): Promise<string | null> {
  if (credentials.frozenMs !== null || !isCurrent(credentials, credentialId)) return null
  const schedules = await listSchedules(parts.db, name.account)
  // One that was taken back counts as followed: the operator did not want this rotation.
  const sinceMs = Math.max(credentials.promotedMs ?? createdAt, last?.closedMs ?? 0)
  const due = dueSchedule(schedules, name, sinceMs, parts.nowMs())
  return due === null ? null : openOnce(parts, name, credentialId, due.id)
}

/** Looks once more with the device locked: another process may have opened one. */
const openOnce = (parts: CloudParts, name: DeviceName, credentialId: CredentialId, scheduleId: string): Promise<string | null> =>
  parts.db.transaction().execute(async (db) => {
    const found = await findAndLockDevice(db, name)
    if (found.found !== 'device') return null
    const { credentials } = found.device
    const open = await openOrder(db, name)
    if (open !== null || credentials.frozenMs !== null || !isCurrent(credentials, credentialId)) return open
    const id = await insertOrder(db, name, parts.nowMs())
    const entry = { account: name.account, device: name.device, credential: null, session: null, principal: `schedule:${scheduleId}` }
    await appendAudit(db, parts.nowMs(), [{ ...entry, event: 'rotation-ordered', detail: id }])
    return id
  })
