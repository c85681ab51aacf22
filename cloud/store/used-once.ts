/** What may be used once: the `jti` of an assertion, and a challenge. Durable, and shared by all processes on one database. */
import { preparedRows } from './prepared.ts'
import type { Database, UsedOnceTable } from './tables.ts'

/** Records the use of all of these, which are different; false where one was used before. */
export async function useOnce(db: Database, ids: readonly string[], expiresAtMs: number): Promise<boolean> {
  const uses = ids.map((id) => ({ id, expires_at: expiresAtMs }))
  const { numAffectedRows } = await db.executeQuery(insertUses(db, uses))
  return numAffectedRows === BigInt(ids.length)
}

const insertUses = preparedRows((db, uses: readonly UsedOnceTable[]) =>
  db
    .insertInto('used_once')
    .values(uses)
    .onConflict((conflict) => conflict.column('id').doNothing()),
)

/** Forgets uses that expired: what they guarded against is refused by its time now. */
export async function forgetExpiredUses(db: Database, nowMs: number): Promise<void> {
  await db.deleteFrom('used_once').where('expires_at', '<', nowMs).execute()
}
