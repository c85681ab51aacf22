/** Tells what befell a device: the audit log everything, operators what alarms them. */
import type { DeviceName } from '../../agent/contract/names.ts'
import { alarmOf } from '../rules/alarm.ts'
import type { CredentialEvent } from '../rules/device-credentials.ts'
import { type Alarm, raiseAlarm } from '../store/alarms.ts'
import { appendAudit } from '../store/audit-log.ts'
import type { Database } from '../store/tables.ts'
import { auditEntries, credentialLabel } from './audit-entries.ts'

/**
 * Writes the events, and the alarms among them, in the transaction of what they tell; the device is locked. Gives the alarms, to be
 * told to people after the commit.
 */
export async function tell(
  db: Database,
  name: DeviceName,
  principal: string,
  events: readonly CredentialEvent[],
  nowMs: number,
): Promise<readonly Alarm[]> {
  await appendAudit(db, nowMs, auditEntries(name, principal, events))
  const alarms: Alarm[] = []
  for (const { event, credentialId, detail } of events) {
    const kind = alarmOf(event)
    if (kind !== null) alarms.push(await raiseAlarm(db, name, { kind, detail: `${credentialLabel(credentialId)}: ${detail}` }, nowMs))
  }
  return alarms
}
