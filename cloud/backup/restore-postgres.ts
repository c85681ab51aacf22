/** Putting a backup in the place of a PostgreSQL database: in a new schema of the old one's name, which is kept under another. */
import { type Kysely, sql } from 'kysely'
import { migrate } from '../store/migrations.ts'
import { openPostgres, postgresEngine, restoreUnderWay } from '../store/postgres.ts'
import { PATIENT_WAITS, type PostgresAccess } from '../store/postgres-pool.ts'
import type { Tables } from '../store/tables.ts'
import { currentSchema } from './backup.ts'
import { requireNoService } from './no-service.ts'
import { runPostgresTool } from './postgres-tools.ts'
import type { Replacing } from './replacing.ts'

/** Gives the name of the schema that was in its place. */
export async function restorePostgres(access: PostgresAccess, { file, stamp, complete }: Replacing): Promise<string | null> {
  const db = openPostgres({ ...access, connections: 2 }, PATIENT_WAITS)
  try {
    await requireNoService(db)
    if (file !== null) return await replace(db, access, { file, stamp, complete })
    await migrate(db, postgresEngine)
    await complete(db, postgresEngine, null)
    return null
  } finally {
    await db.destroy()
  }
}

const HOW = ['--no-owner', '--no-privileges', '--exit-on-error', '--single-transaction']

type ReplacingBy = Replacing & { readonly file: string }

async function replace(db: Kysely<Tables>, access: PostgresAccess, { file, stamp, complete }: ReplacingBy): Promise<string> {
  const schema = await currentSchema(db)
  // A restore that was cut off is begun again; what it replaced is kept already.
  const begun = await restoreUnderWay(db)
  const kept = begun ?? `${schema}_before_${stamp}`
  await makeRoom(db, schema, { kept, isKept: begun !== null })
  try {
    await runPostgresTool('pg_restore', [...HOW, '--schema', schema, file], access)
    await migrate(db, postgresEngine)
    await complete(db, postgresEngine, db.withSchema(kept))
    await sql`drop table restoring`.execute(db)
  } catch (error) {
    await giveBack(db, schema, kept)
    throw error
  }
  return `schema ${kept}`
}

type Kept = { readonly kept: string; readonly isKept: boolean }

/** While its table `restoring` is there no service starts: what a cut left behind is not taken for the cloud. */
async function makeRoom(db: Kysely<Tables>, schema: string, { kept, isKept }: Kept): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    if (isKept) await sql`drop schema ${sql.id(schema)} cascade`.execute(transaction)
    else await sql`alter schema ${sql.id(schema)} rename to ${sql.id(kept)}`.execute(transaction)
    await sql`create schema ${sql.id(schema)}`.execute(transaction)
    await sql`create table ${sql.id(schema, 'restoring')} as select ${sql.lit(kept)}::text as kept`.execute(transaction)
  })
}

async function giveBack(db: Kysely<Tables>, schema: string, kept: string): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    await sql`drop schema ${sql.id(schema)} cascade`.execute(transaction)
    await sql`alter schema ${sql.id(kept)} rename to ${sql.id(schema)}`.execute(transaction)
  })
}
