/** What may be used once: the `jti` of an assertion, and a challenge. Durable, and shared by all processes on one database. */
import type { Database } from './tables.ts'

/** Records the use of all of these, which are different; false where one was used before. */
export async function useOnce(db: Database, ids: readonly string[], expiresAtMs: number): Promise<boolean> {
  const result = await db
    .insertInto('used_once')
    .values(ids.map((id) => ({ id, expires_at: expiresAtMs })))
    .onConflict((conflict) => conflict.column('id').doNothing())
    .executeTakeFirst()
  return result.numInsertedOrUpdatedRows === BigInt(ids.length)
}

/** Forgets uses that expired: what they guarded against is refused by its time now. */
export async function forgetExpiredUses(db: Database, nowMs: number): Promise<void> {
  await db.deleteFrom('used_once').where('expires_at', '<', nowMs).execute()
}
