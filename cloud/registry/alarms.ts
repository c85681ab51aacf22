/** Showing and acknowledging alarms. */
import { shownAlarm } from '../alarm-command.ts'
import { ApiProblem } from '../api-problem.ts'
import type { CloudParts } from '../parts.ts'
import { type AlarmFilter, acknowledgeAlarm, readAlarms } from '../store/alarms.ts'
import { appendAudit } from '../store/audit-log.ts'
import type { StoredOperatorKey } from '../store/principals.ts'
import { operatorEntry } from './operator-entry.ts'

/** The alarms, as the API shows them. */
export const showAlarms = async (parts: CloudParts, filter: AlarmFilter) => (await readAlarms(parts.db, filter)).map(shownAlarm)

/** Acknowledges an open alarm. */
export const acknowledge = (parts: CloudParts, by: StoredOperatorKey, account: string, id: string): Promise<void> =>
  parts.db.transaction().execute(async (db) => {
    const nowMs = parts.nowMs()
    const alarm = await acknowledgeAlarm(db, account, id, by.id, nowMs)
    if (alarm === null) throw new ApiProblem('not-found', `there is no open alarm ${id}`)
    const { device, kind, count } = alarm
    await appendAudit(db, nowMs, [{ ...operatorEntry(by, 'alarm-acknowledged', account, `${id} ${kind} ${count} times`), device }])
  })
