/** Rotation schedules. */
import type { RotationSchedule } from '../rules/rotation-schedule.ts'
import type { Database, RotationScheduleTable } from './tables.ts'

const scheduleOfRow = (row: RotationScheduleTable): RotationSchedule => ({
  id: row.id,
  allow: parsePatterns(row.allow),
  everyMs: row.every_ms,
  createdMs: row.created_at,
})

function parsePatterns(text: string): readonly string[] {
  const value: unknown = JSON.parse(text)
  return Array.isArray(value) ? value.filter((pattern) => typeof pattern === 'string') : []
}

/** The schedules of an account. */
export async function listSchedules(db: Database, account: string): Promise<readonly RotationSchedule[]> {
  const rows = await db.selectFrom('rotation_schedule').selectAll().where('account', '=', account).orderBy('id').execute()
  return rows.map(scheduleOfRow)
}

/** Stores a new schedule; false where its id is taken. */
export async function insertSchedule(db: Database, account: string, schedule: RotationSchedule): Promise<boolean> {
  const { id, allow, everyMs, createdMs } = schedule
  const result = await db
    .insertInto('rotation_schedule')
    .values({ account, id, allow: JSON.stringify(allow), every_ms: everyMs, created_at: createdMs })
    .onConflict((conflict) => conflict.columns(['account', 'id']).doNothing())
    .executeTakeFirst()
  return result.numInsertedOrUpdatedRows === 1n
}

/** Deletes a schedule; false where there is none. Orders that it opened stay open. */
export async function deleteSchedule(db: Database, account: string, id: string): Promise<boolean> {
  const result = await db.deleteFrom('rotation_schedule').where('account', '=', account).where('id', '=', id).executeTakeFirst()
  return result.numDeletedRows === 1n
}
