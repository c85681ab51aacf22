/** PostgreSQL as the engine: several processes on one database, every commit on the disk before it is answered. */
import { Kysely, PostgresDialect, sql } from 'kysely'
import type { Engine } from './engine.ts'
import { openPostgresPool, type PostgresAccess, type PostgresWaits } from './postgres-pool.ts'
import { PreparingPostgresAdapter } from './prepared.ts'
import type { Tables } from './tables.ts'

/** Opens the database; it connects when it is first used. */
export const openPostgres = (access: PostgresAccess, waits: PostgresWaits): Kysely<Tables> =>
  new Kysely<Tables>({ dialect: new PreparingDialect({ pool: openPostgresPool(access, waits) }) })

/** Kysely's, with room for compiled queries. */
class PreparingDialect extends PostgresDialect {
  override createAdapter(): PreparingPostgresAdapter {
    return new PreparingPostgresAdapter()
  }
}

/** Whether the server keeps what it commits; without fsync a power cut may take it back. */
export async function keepsWhatItCommits(db: Kysely<Tables>): Promise<boolean> {
  const { rows } = await sql<{ fsync: string }>`select current_setting('fsync') as fsync`.execute(db)
  return rows[0]?.fsync === 'on'
}

/** Under which name that is kept which a restore under way replaces; null where none is under way. */
export async function restoreUnderWay(db: Kysely<Tables>): Promise<string | null> {
  const { rows } = await sql<{ exists: boolean }>`select to_regclass('restoring') is not null as exists`.execute(db)
  if (rows[0]?.exists !== true) return null
  return (await sql<{ kept: string }>`select kept from restoring`.execute(db)).rows[0]?.kept ?? null
}

// Advisory locks have 64-bit keys: a tag of our own above, the seq below.
const TAG = 0x5a4b
const SEQ_BITS = 48

/**
 * A seq is drawn before its row is committed, so that a lower one may appear after a higher one. Each transaction that is about to
 * draw seqs therefore holds, until its end, a shared advisory lock that names the last seq drawn before its own. What is settled ends
 * at the lowest seq so named. The last seq is read before the locks: who locks later draws a higher one.
 */
async function settleAudit(db: Kysely<unknown>): Promise<void> {
  await sql`create function audit_draws_seqs() returns trigger language plpgsql as $$
    begin
      perform pg_advisory_xact_lock_shared((${sql.lit(TAG)}::bigint << ${sql.lit(SEQ_BITS)}) | (select last_value from audit_seq_seq));
      return null;
    end $$`.execute(db)
  await sql`create trigger audit_draws_seqs before insert on audit
    for each statement execute function audit_draws_seqs()`.execute(db)
  await sql`create function audit_settled() returns bigint language plpgsql volatile as $$
    declare
      last_drawn bigint;
      first_open bigint;
    begin
      select last_value into last_drawn from audit_seq_seq;
      select min(((classid::bigint & 65535) << 32) | objid::bigint) into first_open from pg_locks
        where locktype = 'advisory' and objsubid = 1 and (classid::bigint >> 16) = ${sql.lit(TAG)}
        and database = (select oid from pg_database where datname = current_database());
      return least(last_drawn, first_open);
    end $$`.execute(db)
}

/** PostgreSQL's own ways. */
export const postgresEngine: Engine = {
  addSequence: (table, column) => table.addColumn(column, 'bigserial', (definition) => definition.primaryKey()),
  forbidChanges: async (db, table) => {
    const refuse = `${table}_refuse_change`
    await sql`create function ${sql.id(refuse)}() returns trigger language plpgsql as $$
      begin raise exception 'the audit log is only added to'; end $$`.execute(db)
    await sql`create trigger ${sql.id(refuse)} before update or delete or truncate on ${sql.table(table)}
      for each statement execute function ${sql.id(refuse)}()`.execute(db)
  },
  settleAudit,
  continueAuditAt: async (db, seq) => {
    await sql`select setval('audit_seq_seq', ${seq}, false)`.execute(db)
  },
}
