/** Steps of the database's shape for what operators do: schedules and alarms, then what may befall one device. */
import { type Kysely, sql } from 'kysely'

/** Rotation schedules, alarms, and the way to a device's last order. */
export async function createAlarms(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  await schema
    .createTable('rotation_schedule')
    .addColumn('account', 'text', (column) => column.notNull().references('account.id'))
    .addColumn('id', 'text', (column) => column.notNull())
    .addColumn('allow', 'text', (column) => column.notNull())
    .addColumn('every_ms', 'bigint', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('rotation_schedule_pk', ['account', 'id'])
    .execute()
  await schema.createIndex('rotation_order_device').on('rotation_order').columns(['account', 'device', 'created_at']).execute()
  await schema
    .createTable('alarm')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('account', 'text', (column) => column.notNull().references('account.id'))
    .addColumn('device', 'text', (column) => column.notNull())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('detail', 'text', (column) => column.notNull())
    .addColumn('count', 'integer', (column) => column.notNull())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('last_at', 'bigint', (column) => column.notNull())
    .addColumn('acknowledged_at', 'bigint')
    .addColumn('acknowledged_by', 'text')
    .execute()
  await schema.createIndex('alarm_account').on('alarm').columns(['account', 'id']).execute()
  const oneOpen = schema.createIndex('alarm_one_open').unique().on('alarm').columns(['account', 'device', 'kind'])
  await oneOpen.where(sql.ref('acknowledged_at'), 'is', null).execute()
}

/** The hotspot profiles of accounts. */
export async function createHotspotProfiles(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('hotspot_profiles')
    .addColumn('account', 'text', (column) => column.primaryKey().references('account.id'))
    .addColumn('version', 'bigint', (column) => column.notNull())
    .addColumn('sealed', 'text', (column) => column.notNull())
    .addColumn('set_at', 'bigint', (column) => column.notNull())
    .addColumn('set_by', 'text', (column) => column.notNull())
    .execute()
}

/** When a device was promoted, whether it is frozen or re-armed, and which runs of its agent were heard of. */
export async function addExceptions(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  await schema.alterTable('device').addColumn('promoted_at', 'bigint').execute()
  await schema.alterTable('device').addColumn('frozen_at', 'bigint').execute()
  await schema.alterTable('device').addColumn('rearmed', 'text').execute()
  await schema
    .alterTable('device')
    .addColumn('runs', 'text', (column) => column.notNull().defaultTo('[]'))
    .execute()
  await sql`update device set promoted_at = (select changed_at from issued_secret
    where issued_secret.account = device.account and issued_secret.device = device.id and issued_secret.state = 'current')`.execute(db)
}
