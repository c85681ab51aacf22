/** The hotspot profiles that an account's devices are given, sealed, since there are passphrases in them. */
import type { Database } from './tables.ts'

/** What is stored: profiles as JSON text, sealed. */
export type StoredProfiles = { readonly version: number; readonly sealed: string; readonly setMs: number; readonly setBy: string }

/** Reads the profiles of an account; null where none were ever set. */
export async function findProfiles(db: Database, account: string): Promise<StoredProfiles | null> {
  const row = await db.selectFrom('hotspot_profiles').selectAll().where('account', '=', account).executeTakeFirst()
  return row === undefined ? null : { version: row.version, sealed: row.sealed, setMs: row.set_at, setBy: row.set_by }
}

/** Reads the version alone, which most devices have already; 0 where none were ever set. */
export async function findProfilesVersion(db: Database, account: string): Promise<number> {
  const row = await db.selectFrom('hotspot_profiles').select('version').where('account', '=', account).executeTakeFirst()
  return row?.version ?? 0
}

/**
 * Raises the version of an account's profiles and locks them until the transaction ends. It never falls behind the time in seconds, so
 * that a cloud restored from a backup gives out no version for a second time.
 */
export async function raiseVersion(db: Database, account: string, by: string, nowMs: number): Promise<number> {
  const start = { account, version: 0, sealed: '', set_at: nowMs, set_by: by }
  await db
    .insertInto('hotspot_profiles')
    .values(start)
    .onConflict((conflict) => conflict.column('account').doNothing())
    .execute()
  const { version } = await db
    .updateTable('hotspot_profiles')
    .set((update) => ({ version: update('version', '+', 1) }))
    .where('account', '=', account)
    .returning('version')
    .executeTakeFirstOrThrow()
  return Math.max(version, Math.floor(nowMs / 1000))
}

/** Stores profiles under a version that was raised for them. */
export async function saveProfiles(db: Database, account: string, { version, sealed, setMs, setBy }: StoredProfiles): Promise<void> {
  const values = { version, sealed, set_at: setMs, set_by: setBy }
  await db.updateTable('hotspot_profiles').set(values).where('account', '=', account).execute()
}
