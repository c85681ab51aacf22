/** What differs between database engines; all queries are the same. */
import type { CreateTableBuilder, Kysely } from 'kysely'
import type { Tables } from './tables.ts'

/** An engine's own ways, as migrations and restores need them. */
export type Engine = {
  /** Adds a column that counts rows up, as the table's primary key. */
  readonly addSequence: <T extends string, C extends string>(
    table: CreateTableBuilder<T, C>,
    column: string,
  ) => CreateTableBuilder<T, C | string>
  /** Makes the engine refuse to change or delete rows of a table. */
  readonly forbidChanges: (db: Kysely<unknown>, table: string) => Promise<void>
  /** Prepares `audit_settled()`: the `seq` up to which no row of the audit log is still to come. */
  readonly settleAudit: (db: Kysely<unknown>) => Promise<void>
  /** Lets the next row of the audit log have this `seq`. */
  readonly continueAuditAt: (db: Kysely<Tables>, seq: number) => Promise<void>
}
