/** The keys of factories, and which parts of their manifests arrived. */
import type { Database, FactoryKeyTable, RegisteredPartTable } from './tables.ts'

/** Stores a new key; false where its id, or the key itself, is there already. */
export async function insertFactoryKey(db: Database, key: Omit<FactoryKeyTable, 'retired_at'>): Promise<boolean> {
  const insert = db.insertInto('factory_key').values({ ...key, retired_at: null })
  const result = await insert.onConflict((conflict) => conflict.doNothing()).executeTakeFirst()
  return result.numInsertedOrUpdatedRows === 1n
}

/** The keys of an account. */
export const listFactoryKeys = (db: Database, account: string): Promise<readonly FactoryKeyTable[]> =>
  db.selectFrom('factory_key').selectAll().where('account', '=', account).orderBy('id').execute()

/** The key of an account that is called so by who signs with it. */
export async function findFactoryKey(db: Database, account: string, kid: string): Promise<FactoryKeyTable | null> {
  const query = db.selectFrom('factory_key').selectAll().where('account', '=', account).where('kid', '=', kid)
  return (await query.executeTakeFirst()) ?? null
}

/** Retires a key: nothing that it signs is believed any more. False where there is no such key, or it is retired already. */
export async function retireFactoryKey(db: Database, account: string, id: string, nowMs: number): Promise<boolean> {
  const update = db.updateTable('factory_key').set({ retired_at: nowMs }).where('account', '=', account).where('id', '=', id)
  return (await update.where('retired_at', 'is', null).executeTakeFirst()).numUpdatedRows === 1n
}

/** Records that a part arrived; when it comes again, the first time counts. */
export async function recordPart(db: Database, part: RegisteredPartTable): Promise<void> {
  await db
    .insertInto('registered_part')
    .values(part)
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

/** The parts of a batch that arrived. */
export const listParts = (db: Database, account: string, batch: string): Promise<readonly RegisteredPartTable[]> =>
  db.selectFrom('registered_part').selectAll().where('account', '=', account).where('batch', '=', batch).orderBy('part').execute()
