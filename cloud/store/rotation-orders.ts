/** Rotation orders: at most one is open for a device. */
import { randomBytes } from 'node:crypto'
import { base32 } from '../../agent/contract/base32.ts'
import type { DeviceName } from '../../agent/contract/names.ts'
import { prepared } from './prepared.ts'
import type { Database } from './tables.ts'

/** A device's last order; `closedMs` is null while it is open. */
export type RotationOrder = { readonly id: string; readonly createdMs: number; readonly closedMs: number | null }

/** The device's open order; where none is open, its last one; null where it never had one. */
export async function lastOrder(db: Database, { account, device }: DeviceName): Promise<RotationOrder | null> {
  const query = db.selectFrom('rotation_order').selectAll().where('account', '=', account).where('device', '=', device)
  const rows = await query.orderBy('created_at', 'desc').limit(2).execute()
  // Two may be of the same instant.
  const row = rows.find(({ closed_at }) => closed_at === null) ?? rows[0]
  return row === undefined ? null : { id: row.id, createdMs: row.created_at, closedMs: row.closed_at }
}

/** The id of the device's open order; null where there is none. */
export async function openOrder(db: Database, { account, device }: DeviceName): Promise<string | null> {
  const query = db.selectFrom('rotation_order').select('id').where('account', '=', account).where('device', '=', device)
  return (await query.where('closed_at', 'is', null).executeTakeFirst())?.id ?? null
}

/** Draws the id of an order. */
export const newOrderId = (): string => base32(randomBytes(10))

/** Opens a new order; its id. */
export async function insertOrder(db: Database, { account, device }: DeviceName, nowMs: number): Promise<string> {
  const id = newOrderId()
  await db.insertInto('rotation_order').values({ id, account, device, created_at: nowMs, closed_at: null }).execute()
  return id
}

/** Closes the device's open order: it served its purpose, or was taken back. False where none is open. */
export async function closeOrder(db: Database, { account, device }: DeviceName, nowMs: number): Promise<boolean> {
  return (await db.executeQuery(closingOrder(db, { account, device, nowMs }))).numAffectedRows === 1n
}

/** Closes the device's open order, where one is open. */
export const closingOrder = prepared((db, { account, device, nowMs }: DeviceName & { readonly nowMs: number }) => {
  const update = db.updateTable('rotation_order').set({ closed_at: nowMs }).where('account', '=', account).where('device', '=', device)
  return update.where('closed_at', 'is', null)
})
