/** Rotation schedules: an order is opened for each device in its time, when it asks for its actions. */
import { ApiProblem } from '../api-problem.ts'
import type { CloudParts } from '../parts.ts'
import { appendAudit } from '../store/audit-log.ts'
import { accountExists, type StoredOperatorKey } from '../store/principals.ts'
import { deleteSchedule, insertSchedule, listSchedules } from '../store/rotation-schedules.ts'
import { operatorEntry } from './operator-entry.ts'

/** A new schedule, as the API spells it. */
export type ScheduleRequest = { readonly id: string; readonly allow: readonly string[]; readonly every_ms: number }

/** Creates a schedule. */
export const createSchedule = (parts: CloudParts, by: StoredOperatorKey, account: string, request: ScheduleRequest): Promise<void> =>
  parts.db.transaction().execute(async (db) => {
    const { id, allow, every_ms: everyMs } = request
    if (!(await accountExists(db, account))) throw new ApiProblem('not-found', `there is no account ${account}`)
    const isNew = await insertSchedule(db, account, { id, allow, everyMs, createdMs: parts.nowMs() })
    if (!isNew) throw new ApiProblem('conflict', `rotation schedule ${id} exists already`)
    await appendAudit(db, parts.nowMs(), [operatorEntry(by, 'rotation-schedule-created', account, `${id} every ${everyMs} ms`)])
  })

/** The schedules of an account, as the API shows them. */
export async function showSchedules(parts: CloudParts, account: string) {
  const schedules = await listSchedules(parts.db, account)
  return schedules.map(({ id, allow, everyMs, createdMs }) => ({ id, allow: [...allow], every_ms: everyMs, created_at_ms: createdMs }))
}

/** Deletes a schedule; orders that it opened stay open. */
export const removeSchedule = (parts: CloudParts, by: StoredOperatorKey, account: string, id: string): Promise<void> =>
  parts.db.transaction().execute(async (db) => {
    if (!(await deleteSchedule(db, account, id))) throw new ApiProblem('not-found', `there is no rotation schedule ${id}`)
    await appendAudit(db, parts.nowMs(), [operatorEntry(by, 'rotation-schedule-deleted', account, id)])
  })
