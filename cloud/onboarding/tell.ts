/** Tells what befell a device: the audit log everything, operators what alarms them. */
import type { CompiledQuery } from 'kysely'
import type { DeviceName } from '../../agent/contract/names.ts'
import { alarmOf } from '../rules/alarm.ts'
import type { CredentialEvent } from '../rules/device-credentials.ts'
import { type Alarm, raiseAlarm } from '../store/alarms.ts'
import { auditWrites } from '../store/audit-log.ts'
import type { Database } from '../store/tables.ts'
import { auditEntries, credentialLabel } from './audit-entries.ts'

/** The alarms, to be told to people after the commit, and what writes the events: the end of the transaction of what they tell. */
export type Told = { readonly alarms: readonly Alarm[]; readonly writes: readonly CompiledQuery[] }

/** Raises the alarms among the events; the device is locked. */
export async function tell(
  db: Database,
  name: DeviceName,
  principal: string,
  events: readonly CredentialEvent[],
  nowMs: number,
): Promise<Told> {
  const alarms: Alarm[] = []
  for (const { event, credentialId, detail } of events) {
    const kind = alarmOf(event)
    if (kind !== null) alarms.push(await raiseAlarm(db, name, { kind, detail: `${credentialLabel(credentialId)}: ${detail}` }, nowMs))
  }
  return { alarms, writes: auditWrites(db, nowMs, auditEntries(name, principal, events)) }
}
