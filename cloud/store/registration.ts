/** Many devices at once, as their manufacturer registers them. */
import type { DeviceName } from '../../agent/contract/names.ts'
import { deviceRow, fold, issuedRow, type NewDevice } from './devices.ts'
import { inPieces } from './pieces.ts'
import type { Database, DeviceTable } from './tables.ts'

/** What is stored of a device that tells whether it is registered with the same credential. */
export type RegisteredDevice = Pick<DeviceTable, 'id' | 'enrolled_by' | 'sealed_secret'>

/** What is stored of these devices, by their ids in lower case. */
export async function findRegistered(
  db: Database,
  account: string,
  foldedIds: readonly string[],
): Promise<ReadonlyMap<string, RegisteredDevice>> {
  const found = new Map<string, RegisteredDevice>()
  for (const piece of inPieces(foldedIds)) {
    const rows = await db
      .selectFrom('device')
      .select(['id', 'folded_id', 'enrolled_by', 'sealed_secret'])
      .where('account', '=', account)
      .where('folded_id', 'in', piece)
      .execute()
    for (const { folded_id, ...row } of rows) found.set(folded_id, row)
  }
  return found
}

/** Whose these certificates are, by their fingerprints. */
export async function findHolders(db: Database, fingerprints: readonly string[]): Promise<ReadonlyMap<string, DeviceName>> {
  const found = new Map<string, DeviceName>()
  for (const piece of inPieces(fingerprints)) {
    const rows = await db.selectFrom('issued_secret').select(['secret_id', 'account', 'device']).where('secret_id', 'in', piece).execute()
    for (const { secret_id, ...name } of rows) found.set(secret_id, name)
  }
  return found
}

/** Stores new devices; false, and then the transaction must not be committed, where one of their ids or certificates is taken. */
export async function insertDevices(db: Database, devices: readonly NewDevice[], nowMs: number): Promise<boolean> {
  for (const piece of inPieces(devices)) {
    const insert = db.insertInto('device').values(piece.map((device) => deviceRow(device, nowMs)))
    const { numInsertedOrUpdatedRows } = await insert
      .onConflict((conflict) => conflict.columns(['account', 'folded_id']).doNothing())
      .executeTakeFirst()
    if (numInsertedOrUpdatedRows !== BigInt(piece.length)) return false
  }
  const issued = devices.flatMap(({ name, credentials, chainPem }) =>
    credentials.issued.map((record) => issuedRow(name, { record, rank: null, chainPem }, nowMs)),
  )
  for (const piece of inPieces(issued)) {
    const insert = db.insertInto('issued_secret').values([...piece])
    const { numInsertedOrUpdatedRows } = await insert.onConflict((conflict) => conflict.column('secret_id').doNothing()).executeTakeFirst()
    if (numInsertedOrUpdatedRows !== BigInt(piece.length)) return false
  }
  return true
}

/** Sorts ids of an account as they are locked, so that two who lock many never wait for each other. */
export function inLockOrder(one: string, other: string): number {
  const [a, b] = [fold(one), fold(other)]
  return a === b ? 0 : a < b ? -1 : 1
}
