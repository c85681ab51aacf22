/** The database's shape, step by step. A step that was released is never changed; the next one adds to it. */

import { type Kysely, type Migration, Migrator, sql } from 'kysely'
import { createCertificateAuthorities } from './authorities.ts'
import { DatabaseUnfit } from './database-unfit.ts'
import type { Engine } from './engine.ts'
import { createFactoryKeys } from './factory-migrations.ts'
import { addExceptions, createAlarms, createHotspotProfiles } from './operator-migrations.ts'
import { addRecovery } from './recovery-migrations.ts'
import type { Tables } from './tables.ts'

async function createRegistry(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  await schema
    .createTable('account')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .execute()
  await schema
    .createTable('provisioning_key')
    .addColumn('account', 'text', (column) => column.notNull().references('account.id'))
    .addColumn('id', 'text', (column) => column.notNull())
    .addColumn('sealed_key', 'text', (column) => column.notNull())
    .addColumn('allow', 'text', (column) => column.notNull())
    .addColumn('not_before', 'bigint')
    .addColumn('not_after', 'bigint')
    .addColumn('max_devices', 'integer')
    .addColumn('retired_at', 'bigint')
    .addColumn('revision', 'integer', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('provisioning_key_pk', ['account', 'id'])
    .execute()
  await schema
    .createTable('device')
    .addColumn('account', 'text', (column) => column.notNull().references('account.id'))
    .addColumn('id', 'text', (column) => column.notNull())
    .addColumn('folded_id', 'text', (column) => column.notNull())
    .addColumn('temporary', 'text', (column) => column.notNull())
    .addColumn('enrolled_by', 'text')
    .addColumn('flashed', 'text', (column) => column.notNull())
    .addColumn('sealed_secret', 'text')
    .addColumn('revision', 'integer', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('device_pk', ['account', 'folded_id'])
    .execute()
  await schema.createIndex('device_enrolled_by').on('device').columns(['account', 'enrolled_by']).execute()
}

async function createIssuedSecrets(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('issued_secret')
    .addColumn('secret_id', 'text', (column) => column.primaryKey())
    .addColumn('account', 'text', (column) => column.notNull())
    .addColumn('device', 'text', (column) => column.notNull())
    .addColumn('generation', 'integer', (column) => column.notNull())
    .addColumn('nonce', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('changed_at', 'bigint', (column) => column.notNull())
    .addUniqueConstraint('issued_secret_nonce', ['account', 'device', 'nonce'])
    .addUniqueConstraint('issued_secret_generation', ['account', 'device', 'generation'])
    .execute()
  // The database itself refuses a second pending or current secret of a device.
  for (const state of ['pending', 'current']) {
    const index = db.schema.createIndex(`issued_secret_one_${state}`).unique().on('issued_secret').columns(['account', 'device'])
    await index.where(sql.ref('state'), '=', sql.lit(state)).execute()
  }
}

async function createPrincipals(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  await schema
    .createTable('used_once')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .execute()
  await schema.createIndex('used_once_expires_at').on('used_once').column('expires_at').execute()
  await schema
    .createTable('operator_key')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('hash', 'text', (column) => column.notNull())
    .addColumn('role', 'text', (column) => column.notNull())
    .addColumn('accounts', 'text')
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .execute()
  await schema
    .createTable('aaa_client')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('hash', 'text', (column) => column.notNull())
    .addColumn('aaa_domain', 'text', (column) => column.notNull())
    .addColumn('accounts', 'text')
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .execute()
}

async function createAudit(db: Kysely<unknown>, engine: Engine): Promise<void> {
  await engine
    .addSequence(db.schema.createTable('audit'), 'seq')
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('account', 'text')
    .addColumn('device', 'text')
    .addColumn('credential', 'text')
    .addColumn('event', 'text', (column) => column.notNull())
    .addColumn('principal', 'text', (column) => column.notNull())
    .addColumn('detail', 'text', (column) => column.notNull())
    .addColumn('session', 'text')
    .execute()
  await db.schema.createIndex('audit_device').on('audit').columns(['account', 'device', 'seq']).execute()
  await db.schema.createIndex('audit_session').on('audit').column('session').execute()
  await engine.forbidChanges(db, 'audit')
  await engine.settleAudit(db)
}

async function createRotationOrders(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('rotation_order')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('account', 'text', (column) => column.notNull())
    .addColumn('device', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('closed_at', 'bigint')
    .execute()
  const oneOpen = db.schema.createIndex('rotation_order_one_open').unique().on('rotation_order').columns(['account', 'device'])
  await oneOpen.where(sql.ref('closed_at'), 'is', null).execute()
}

async function addCertificates(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('issued_secret').addColumn('certificate', 'text').execute()
}

/**
 * A planner that knows nothing of the tables yet must not take an index that begins with the account for one that finds a device; and
 * most entries of the audit log have no session to be found by.
 */
async function narrowIndexes(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  await schema.dropIndex('device_enrolled_by').execute()
  const enrolled = schema.createIndex('device_enrolled_by_key').on('device').columns(['enrolled_by', 'account'])
  await enrolled.where(sql.ref('enrolled_by'), 'is not', null).execute()
  await schema.dropIndex('audit_session').execute()
  const session = schema.createIndex('audit_of_session').on('audit').column('session')
  await session.where(sql.ref('session'), 'is not', null).execute()
}

/** All steps, by names that sort in their order. */
export const migrations = (engine: Engine): Record<string, Migration> => ({
  '0001-registry': {
    async up(db: Kysely<unknown>): Promise<void> {
      await createRegistry(db)
      await createIssuedSecrets(db)
      await createPrincipals(db)
      await createAudit(db, engine)
    },
  },
  '0002-rotation-orders': { up: createRotationOrders },
  '0003-certificates': { up: addCertificates },
  '0004-alarms-and-schedules': { up: createAlarms },
  '0005-freeze-rearm-runs': { up: addExceptions },
  '0006-narrow-indexes': { up: narrowIndexes },
  '0007-recovery': { up: addRecovery },
  '0008-hotspot-profiles': { up: createHotspotProfiles },
  '0009-factory-keys': { up: createFactoryKeys },
  '0010-certificate-authorities': { up: createCertificateAuthorities },
})

/** Brings the database to this version's shape. */
export async function migrate(db: Kysely<Tables>, engine: Engine): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations(engine) } })
  const { error } = await migrator.migrateToLatest()
  if (error instanceof Error && /^corrupted migrations/.test(error.message))
    throw new DatabaseUnfit('the database was made by a newer version')
  if (error !== undefined) throw new Error('the database could not be brought to this version', { cause: error })
}
