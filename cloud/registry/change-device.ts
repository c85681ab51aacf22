/** What an operator does to one device: decided by a rule, stored and told in one transaction. */
import type { DeviceName } from '../../agent/contract/names.ts'
import { ApiProblem } from '../api-problem.ts'
import { auditEntries } from '../onboarding/audit-entries.ts'
import type { CloudParts } from '../parts.ts'
import type { DeviceCredentials, Verdict } from '../rules/device-credentials.ts'
import { appendAudit } from '../store/audit-log.ts'
import { findAndLockDevice, saveDevice } from '../store/devices.ts'
import type { StoredOperatorKey } from '../store/principals.ts'
import type { Database } from '../store/tables.ts'
import { operatorPrincipal } from './operator-entry.ts'

/** Reads a device and locks it until the transaction ends, or throws. */
export async function lockDevice(db: Database, name: DeviceName): Promise<DeviceCredentials> {
  const found = await findAndLockDevice(db, name)
  if (found.found !== 'device') throw new ApiProblem('not-found', `there is no device ${name.device}`)
  return found.device.credentials
}

/** Changes a device as the rule says, and gives its answer. */
export const changeDevice = <Answer>(
  parts: CloudParts,
  by: StoredOperatorKey,
  name: DeviceName,
  rule: (device: DeviceCredentials, nowMs: number) => Verdict<Answer>,
): Promise<Answer> =>
  parts.db.transaction().execute(async (db) => {
    const before = await lockDevice(db, name)
    const nowMs = parts.nowMs()
    const { answer, device, events } = rule(before, nowMs)
    if (device !== null) await saveDevice(db, name, { before, after: device, chainPem: null, runs: null }, nowMs)
    await appendAudit(db, nowMs, auditEntries(name, operatorPrincipal(by), events))
    return answer
  })
