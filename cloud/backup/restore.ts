/**
 * `zipkey-cloud restore`: the database is put back to a backup, and marked, so that the rules know of the time that is lost
 * (rules/recovery.ts). What was in its place is kept beside it.
 */
import { masterKeyProblem } from '../crypto/fits-keys.ts'
import { DataFolderError, readCloudConfig, readMasterKeys } from '../data-folder.ts'
import { databasePlace, reachable } from '../folder-database.ts'
import { lastSeq } from '../store/audit-log.ts'
import type { DatabasePlace } from '../store/database.ts'
import { countOperatorKeys } from '../store/principals.ts'
import { markRestored } from '../store/restores.ts'
import { takeFolder } from './folder-lock.ts'
import { type LostTime, lostTime } from './lost-time.ts'
import type { Way } from './replacing.ts'
import { restorePostgres } from './restore-postgres.ts'
import { restoreSqlite } from './restore-sqlite.ts'

/** What is restored: a file of `backup`; or `null` where the database was put back by other means, and is only to be marked. */
export type RestoreOptions = { readonly folder: string; readonly file: string | null; readonly windowMs: number; readonly nowMs: number }

/** What became of it. */
export type Restored = {
  /** Where that is kept which was in its place; null where nothing was. */
  readonly replaced: string | null
  readonly windowUntilMs: number
  /** What the database had told that the backup does not; null where what was in its place cannot be read. */
  readonly lost: LostTime | null
}

// Where it is not known how far the log had come.
const SEQS_LOST_AT_MOST = 1_000_000

/** Restores the folder's database, while no service runs on it. */
export async function restore({ folder, file, windowMs, nowMs }: RestoreOptions): Promise<Restored> {
  const { database } = await readCloudConfig(folder)
  const masterKeys = await readMasterKeys(folder)
  const place = await databasePlace(folder, database)
  const windowUntilMs = nowMs + windowMs
  const lock = await takeFolder(folder)
  let lost: LostTime | null = null
  try {
    const replaced = await reachable(() =>
      wayOf(place, nowMs)(file, async (db, engine, before) => {
        if ((await countOperatorKeys(db)) === 0) throw new DataFolderError(`${file ?? 'the database'} holds no cloud`)
        const problem = await masterKeyProblem(db, masterKeys)
        if (problem !== null) throw new DataFolderError(problem)
        const seq = await lastSeq(db)
        lost = before === null ? null : await lostTime(before, seq)
        // Who follows the log goes on after the last entry that it saw, which may be one that is lost.
        await engine.continueAuditAt(db, 1 + (lost?.lastSeq ?? seq + SEQS_LOST_AT_MOST))
        await db.transaction().execute((transaction) => markRestored(transaction, { atMs: nowMs, windowUntilMs }))
      }),
    )
    return { replaced, windowUntilMs, lost }
  } finally {
    lock.release()
  }
}

function wayOf(place: DatabasePlace, nowMs: number): Way {
  // A name that sorts by time.
  const stamp = new Date(nowMs).toISOString().slice(0, 19).replace(/[-:]/g, '').toLowerCase()
  switch (place.engine) {
    case 'sqlite':
      return (file, complete) => restoreSqlite(place.path, { file, stamp, complete })
    case 'postgres':
      return (file, complete) => restorePostgres(place, { file, stamp, complete })
  }
}
