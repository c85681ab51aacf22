/** Alarms: of each kind at most one is open for a device, and it counts. They are raised in the transaction of what they tell. */
import { randomBytes } from 'node:crypto'
import type { DeviceName } from '../../agent/contract/names.ts'
import type { AlarmKind } from '../rules/alarm.ts'
import type { AlarmTable, Database } from './tables.ts'

/** An alarm as it is stored. */
export type Alarm = {
  readonly id: string
  readonly account: string
  readonly device: string
  readonly kind: AlarmKind
  /** What was seen last. */
  readonly detail: string
  readonly count: number
  readonly atMs: number
  readonly lastMs: number
  readonly acknowledged: { readonly atMs: number; readonly by: string } | null
}

const alarmOfRow = (row: AlarmTable): Alarm => ({
  id: row.id,
  account: row.account,
  device: row.device,
  kind: row.kind,
  detail: row.detail,
  count: row.count,
  atMs: row.at,
  lastMs: row.last_at,
  acknowledged: row.acknowledged_at === null ? null : { atMs: row.acknowledged_at, by: row.acknowledged_by ?? '' },
})

/** Ids sort by the time that an alarm was opened at. */
const newId = (nowMs: number): string => nowMs.toString(16).padStart(12, '0') + randomBytes(5).toString('hex')

/** Opens an alarm, or counts up the one that is open. The device is locked, so that two processes do not open two. */
export async function raiseAlarm(
  db: Database,
  { account, device }: DeviceName,
  { kind, detail }: { readonly kind: AlarmKind; readonly detail: string },
  nowMs: number,
): Promise<Alarm> {
  const counted = await db
    .updateTable('alarm')
    .set((update) => ({ count: update('count', '+', 1), last_at: nowMs, detail }))
    .where('account', '=', account)
    .where('device', '=', device)
    .where('kind', '=', kind)
    .where('acknowledged_at', 'is', null)
    .returningAll()
    .executeTakeFirst()
  if (counted !== undefined) return alarmOfRow(counted)
  const opened = { id: newId(nowMs), account, device, kind, detail, count: 1, at: nowMs, last_at: nowMs }
  const row = { ...opened, acknowledged_at: null, acknowledged_by: null }
  await db.insertInto('alarm').values(row).execute()
  return alarmOfRow(row)
}

/** Which alarms to read, oldest first; null does not filter. */
export type AlarmFilter = {
  readonly accounts: readonly string[] | null
  readonly device: string | null
  readonly open: boolean
  /** Raised, for the first time or again, since then. */
  readonly sinceMs: number
  /** The id of the last one seen; empty for the first page. */
  readonly after: string
  readonly limit: number
}

/** Reads alarms. */
export async function readAlarms(db: Database, filter: AlarmFilter): Promise<readonly Alarm[]> {
  let query = db.selectFrom('alarm').selectAll().where('id', '>', filter.after).where('last_at', '>=', filter.sinceMs)
  if (filter.accounts !== null) query = query.where('account', 'in', filter.accounts)
  if (filter.device !== null) query = query.where('device', '=', filter.device)
  if (filter.open) query = query.where('acknowledged_at', 'is', null)
  return (await query.orderBy('id').limit(filter.limit).execute()).map(alarmOfRow)
}

/** Acknowledges an open alarm; the next one of its kind opens anew. Null where it is not open. */
export async function acknowledgeAlarm(db: Database, account: string, id: string, by: string, nowMs: number): Promise<Alarm | null> {
  const row = await db
    .updateTable('alarm')
    .set({ acknowledged_at: nowMs, acknowledged_by: by })
    .where('account', '=', account)
    .where('id', '=', id)
    .where('acknowledged_at', 'is', null)
    .returningAll()
    .executeTakeFirst()
  return row === undefined ? null : alarmOfRow(row)
}
