/** Steps of the database's shape for factories: whose manifests are believed, and which parts of them arrived. */
import type { Kysely } from 'kysely'

/** The keys of factories, and the parts of manifests. */
export async function createFactoryKeys(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('factory_key')
    .addColumn('account', 'text', (column) => column.notNull().references('account.id'))
    .addColumn('id', 'text', (column) => column.notNull())
    .addColumn('kid', 'text', (column) => column.notNull())
    .addColumn('jwk', 'text', (column) => column.notNull())
    .addColumn('retired_at', 'bigint')
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('factory_key_pk', ['account', 'id'])
    .addUniqueConstraint('factory_key_kid', ['account', 'kid'])
    .execute()
  await db.schema
    .createTable('registered_part')
    .addColumn('account', 'text', (column) => column.notNull().references('account.id'))
    .addColumn('batch', 'text', (column) => column.notNull())
    .addColumn('part', 'integer', (column) => column.notNull())
    .addColumn('first', 'integer', (column) => column.notNull())
    .addColumn('rows', 'integer', (column) => column.notNull())
    .addColumn('devices', 'integer', (column) => column.notNull())
    .addColumn('factory_key', 'text', (column) => column.notNull())
    .addColumn('registered_at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('registered_part_pk', ['account', 'batch', 'part'])
    .execute()
}
