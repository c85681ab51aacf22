/** SQLite as the engine: one file, write-ahead log, every commit on the disk before it is answered. */
import SQLite from 'better-sqlite3'
import { Kysely, SqliteDialect, sql } from 'kysely'
import type { Engine } from './engine.ts'
import type { Tables } from './tables.ts'

const BUSY_TIMEOUT_MS = 5000

/** Opens the file, or makes it. */
export function openSqlite(path: string): Kysely<Tables> {
  const database = new SQLite(path, { timeout: BUSY_TIMEOUT_MS })
  database.pragma('journal_mode = WAL')
  database.pragma('synchronous = FULL')
  database.pragma('foreign_keys = ON')
  return new Kysely<Tables>({ dialect: new SqliteDialect({ database }) })
}

/** SQLite's own ways. */
export const sqliteEngine: Engine = {
  addSequence: (table, column) => table.addColumn(column, 'integer', (definition) => definition.primaryKey().autoIncrement()),
  forbidChanges: async (db, table) => {
    for (const change of ['update', 'delete']) {
      await sql`create trigger ${sql.id(`${table}_no_${change}`)} before ${sql.raw(change)} on ${sql.table(table)}
        begin select raise(abort, 'the audit log is only added to'); end`.execute(db)
    }
  },
}
