/** SQLite as the engine: one file, write-ahead log, every commit on the disk before it is answered. */
import SQLite from 'better-sqlite3'
import { Kysely, sql } from 'kysely'
import type { Engine } from './engine.ts'
import { groupingDialect } from './sqlite-driver.ts'
import type { Tables } from './tables.ts'

const BUSY_TIMEOUT_MS = 5000

/** The file in which a backup is completed before it takes the database's name. */
export const restoringFile = (path: string): string => `${path}.restoring`

/** Opens the file, or makes it. */
export function openSqlite(path: string): Kysely<Tables> {
  const writer = connect(path)
  return new Kysely<Tables>({ dialect: groupingDialect({ writer, reader: connect(path) }) })
}

function connect(path: string): SQLite.Database {
  const database = new SQLite(path, { timeout: BUSY_TIMEOUT_MS })
  database.pragma('journal_mode = WAL')
  database.pragma('synchronous = FULL')
  database.pragma('foreign_keys = ON')
  // What a savepoint would need to be taken back is kept in memory and never outlives the transaction.
  database.pragma('temp_store = MEMORY')
  // Writers take turns: no entry of the audit log is ever committed after one with a higher seq.
  database.function('audit_settled', () => Number.MAX_SAFE_INTEGER)
  return database
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
  settleAudit: async () => {},
  continueAuditAt: async (db, seq) => {
    await sql`update sqlite_sequence set seq = ${seq - 1} where name = 'audit'`.execute(db)
  },
}
