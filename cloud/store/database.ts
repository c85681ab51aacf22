/** The database that a folder's configuration names, on either engine. */
import { existsSync } from 'node:fs'
import type { Kysely } from 'kysely'
import { DatabaseUnfit } from './database-unfit.ts'
import { migrate } from './migrations.ts'
import { keepsWhatItCommits, openPostgres, postgresEngine, restoreUnderWay } from './postgres.ts'
import { PATIENT_WAITS, type PostgresAccess, REQUEST_WAITS } from './postgres-pool.ts'
import { openSqlite, restoringFile, sqliteEngine } from './sqlite.ts'
import type { Tables } from './tables.ts'

const INTERRUPTED = 'a restore was interrupted: run it again'

/** Which database. */
export type DatabasePlace = { readonly engine: 'sqlite'; readonly path: string } | ({ readonly engine: 'postgres' } & PostgresAccess)

/** Opens the database for requests. */
export function openDatabase(place: DatabasePlace): Kysely<Tables> {
  switch (place.engine) {
    case 'sqlite':
      return openSqlite(place.path)
    case 'postgres':
      return openPostgres(place, REQUEST_WAITS)
  }
}

/** Brings the database to this version's shape. Processes that start at once do it one after another. */
export async function migrateDatabase(place: DatabasePlace): Promise<void> {
  switch (place.engine) {
    case 'sqlite': {
      if (existsSync(restoringFile(place.path))) throw new DatabaseUnfit(INTERRUPTED)
      return using(openSqlite(place.path), (db) => migrate(db, sqliteEngine))
    }
    case 'postgres':
      return using(openPostgres({ ...place, connections: 2 }, PATIENT_WAITS), async (db) => {
        if (!(await keepsWhatItCommits(db)))
          throw new DatabaseUnfit('the PostgreSQL server runs with fsync=off: it may lose what it commits')
        if ((await restoreUnderWay(db)) !== null) throw new DatabaseUnfit(INTERRUPTED)
        await migrate(db, postgresEngine)
      })
  }
}

async function using(db: Kysely<Tables>, work: (db: Kysely<Tables>) => Promise<void>): Promise<void> {
  try {
    await work(db)
  } finally {
    await db.destroy()
  }
}
