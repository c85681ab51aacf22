/** Restores: the database was put back to a backup, and tells by itself what that means for whom. */
import { sql } from 'kysely'
import { appendAudit } from './audit-log.ts'
import type { Database } from './tables.ts'

/** When, and until when what the backup calls good waits. */
export type Restore = { readonly atMs: number; readonly windowUntilMs: number }

/** Marks all that the database holds as put back: every key, device and issued credential was in the backup. */
export async function markRestored(db: Database, { atMs, windowUntilMs }: Restore): Promise<void> {
  await db.insertInto('restore').values({ at: atMs, window_until: windowUntilMs }).execute()
  await db.updateTable('provisioning_key').set({ recovering_until: windowUntilMs }).execute()
  // After an earlier restore what was ended since, and could have come back, still can.
  const couldReturn = sql`state = 'superseded' and in_backup = 'good' and exists (select 1 from device
    where device.account = issued_secret.account and device.id = issued_secret.device
    and (coalesce(rank, generation) > shown_rank or (coalesce(rank, generation) = shown_rank and generation > shown_generation)))`
  const was = sql<'good' | 'ended'>`case when state in ('pending', 'current') or (${couldReturn}) then 'good' else 'ended' end`
  await db.updateTable('issued_secret').set({ in_backup: was }).execute()
  const entry = { account: null, device: null, credential: null, session: null, principal: 'restore' }
  const detail = `what the backup calls good waits until ${new Date(windowUntilMs).toISOString()}`
  await appendAudit(db, atMs, [{ ...entry, event: 'database-restored', detail }])
  await db.updateTable('device').set({ recovering_until: windowUntilMs, shown_rank: 0, shown_generation: 0 }).execute()
}
