/**
 * `zipkey-cloud backup`: all that is committed at one instant, in one file, while the service runs. The keys are not in it: whoever
 * has a backup alone can do nothing with it, and whoever restores it needs them from elsewhere.
 */
import SQLite from 'better-sqlite3'
import { sql } from 'kysely'
import { readCloudConfig } from '../data-folder.ts'
import { databasePlace, reachable } from '../folder-database.ts'
import type { DatabasePlace } from '../store/database.ts'
import { openPostgres } from '../store/postgres.ts'
import { PATIENT_WAITS, type PostgresAccess } from '../store/postgres-pool.ts'
import { makeNewFile } from './new-file.ts'
import { runPostgresTool } from './postgres-tools.ts'

/** Writes a backup of a folder's database into a new file; gives its size. */
export async function backUp(folder: string, file: string): Promise<number> {
  const { database } = await readCloudConfig(folder)
  const place = await databasePlace(folder, database)
  return reachable(() => makeNewFile(file, (unfinished) => write(place, unfinished)))
}

async function write(place: DatabasePlace, file: string): Promise<void> {
  switch (place.engine) {
    case 'sqlite':
      return vacuumInto(place.path, file)
    case 'postgres':
      return runPostgresTool('pg_dump', ['--format=custom', '--schema', await schemaOf(place), '--file', file], place)
  }
}

/** Reads in one transaction, beside which others write. */
function vacuumInto(path: string, file: string): void {
  const database = new SQLite(path, { fileMustExist: true })
  try {
    database.prepare('vacuum into ?').run(file)
  } finally {
    database.close()
  }
}

async function schemaOf(access: PostgresAccess): Promise<string> {
  const db = openPostgres(access, PATIENT_WAITS)
  try {
    return await currentSchema(db)
  } finally {
    await db.destroy()
  }
}

/** The schema that the cloud's tables are in. */
export async function currentSchema(db: ReturnType<typeof openPostgres>): Promise<string> {
  const { rows } = await sql<{ schema: string }>`select current_schema() as schema`.execute(db)
  return rows[0]?.schema ?? 'public'
}
