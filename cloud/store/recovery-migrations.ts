/** A step of the database's shape for restores: that there was one, and what it left behind for whom. */
import type { Kysely } from 'kysely'

/** Restores, and what was in the backup. */
export async function addRecovery(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  await schema
    .createTable('restore')
    .addColumn('at', 'bigint', (column) => column.primaryKey())
    .addColumn('window_until', 'bigint', (column) => column.notNull())
    .execute()
  await schema.alterTable('provisioning_key').addColumn('recovering_until', 'bigint').execute()
  await schema.alterTable('device').addColumn('recovering_until', 'bigint').execute()
  await schema.alterTable('device').addColumn('shown_rank', 'integer').execute()
  await schema.alterTable('device').addColumn('shown_generation', 'integer').execute()
  await schema.alterTable('issued_secret').addColumn('rank', 'integer').execute()
  await schema.alterTable('issued_secret').addColumn('in_backup', 'text').execute()
}
