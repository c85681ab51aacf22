/** What a manufacturer asks about, and does to, many devices by their ids: how they stand, and revoking them. */
import { ApiProblem } from '../api-problem.ts'
import { auditEntries } from '../onboarding/audit-entries.ts'
import type { CloudParts } from '../parts.ts'
import { revoke } from '../rules/revocation.ts'
import { appendAudit } from '../store/audit-log.ts'
import { devicesByIds } from '../store/device-list.ts'
import { findAndLockDevice, saveDevice } from '../store/devices.ts'
import { accountExists, type StoredOperatorKey } from '../store/principals.ts'
import { inLockOrder } from '../store/registration.ts'
import type { Database } from '../store/tables.ts'
import { operatorPrincipal } from './operator-entry.ts'
import { listedDevice } from './show-devices.ts'

async function requireAccount(db: Database, account: string): Promise<void> {
  if (!(await accountExists(db, account))) throw new ApiProblem('not-found', `there is no account ${account}`)
}

/** How these devices stand; those that are not registered are left out. */
export async function showStates(parts: CloudParts, account: string, ids: readonly string[]) {
  await requireAccount(parts.db, account)
  return (await devicesByIds(parts.db, account, ids)).map(listedDevice)
}

/** What became of a device that was to be revoked. */
export type RevocationResult = { id: string; status: 'revoked' | 'unchanged' | 'unknown' }

/** Revokes every credential of these devices, all in one transaction. */
export const revokeDevices = (
  parts: CloudParts,
  by: StoredOperatorKey,
  account: string,
  ids: readonly string[],
): Promise<RevocationResult[]> =>
  parts.db.transaction().execute(async (db) => {
    await requireAccount(db, account)
    const results = new Map<string, RevocationResult['status']>()
    for (const device of [...new Set(ids)].sort(inLockOrder)) results.set(device, await revokeOne(parts, db, by, { account, device }))
    return ids.map((id) => ({ id, status: results.get(id) ?? 'unknown' }))
  })

async function revokeOne(
  parts: CloudParts,
  db: Database,
  by: StoredOperatorKey,
  name: { readonly account: string; readonly device: string },
): Promise<RevocationResult['status']> {
  const found = await findAndLockDevice(db, name)
  if (found.found !== 'device') return 'unknown'
  const before = found.device.credentials
  const { answer, device, events } = revoke(before, null)
  if (device === null || answer === 'nothing-to-revoke') return 'unchanged'
  const nowMs = parts.nowMs()
  await saveDevice(db, name, { before, after: device, chainPem: null, runs: null }, nowMs)
  await appendAudit(db, nowMs, auditEntries(name, operatorPrincipal(by), events))
  return 'revoked'
}
