/** CAs whose owners proved possession, and whose certificates enrol devices just in time. */
import type { Kysely } from 'kysely'
import { type AuthorityRules, DEVICE_ID_FIELDS } from '../rules/authority.ts'
import type { CertificateAuthorityTable, Database } from './tables.ts'

/** A CA as it is stored; `pem` is its certificate. */
export type StoredAuthority = {
  readonly rules: AuthorityRules
  readonly fingerprint: string
  readonly pem: string
  readonly createdAt: number
}

/** The table. A CA belongs to one account: its certificates do not say which. */
export async function createCertificateAuthorities(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('certificate_authority')
    .addColumn('account', 'text', (column) => column.notNull().references('account.id'))
    .addColumn('id', 'text', (column) => column.notNull())
    .addColumn('fingerprint', 'text', (column) => column.notNull())
    .addColumn('pem', 'text', (column) => column.notNull())
    .addColumn('device_id_in', 'text', (column) => column.notNull())
    .addColumn('allow', 'text', (column) => column.notNull())
    .addColumn('retired_at', 'bigint')
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('certificate_authority_pk', ['account', 'id'])
    .addUniqueConstraint('certificate_authority_fingerprint', ['fingerprint'])
    .execute()
}

/** Stores a new CA; false where its id, or the CA itself in any account, is there already. */
export async function insertAuthority(db: Database, account: string, authority: StoredAuthority): Promise<boolean> {
  const { rules, fingerprint, pem, createdAt } = authority
  const row: CertificateAuthorityTable = {
    ...{ account, id: rules.id, fingerprint, pem, device_id_in: rules.deviceIdIn, allow: JSON.stringify(rules.allow) },
    ...{ retired_at: null, created_at: createdAt },
  }
  const insert = db.insertInto('certificate_authority').values(row)
  const result = await insert.onConflict((conflict) => conflict.doNothing()).executeTakeFirst()
  return result.numInsertedOrUpdatedRows === 1n
}

/** The CAs of an account, retired ones too. */
export async function listAuthorities(db: Database, account: string): Promise<readonly StoredAuthority[]> {
  const rows = await db.selectFrom('certificate_authority').selectAll().where('account', '=', account).orderBy('id').execute()
  return rows.map(stored)
}

/** Retires a CA: it enrols nobody any more. False where there is no such CA, or it is retired already. */
export async function retireAuthority(db: Database, account: string, id: string, nowMs: number): Promise<boolean> {
  const update = db.updateTable('certificate_authority').set({ retired_at: nowMs }).where('account', '=', account).where('id', '=', id)
  return (await update.where('retired_at', 'is', null).executeTakeFirst()).numUpdatedRows === 1n
}

function stored(row: CertificateAuthorityTable): StoredAuthority {
  const allow: unknown = JSON.parse(row.allow)
  const deviceIdIn = DEVICE_ID_FIELDS.find((field) => field === row.device_id_in)
  if (!Array.isArray(allow) || deviceIdIn === undefined) throw new Error(`certificate authority ${row.id} is stored in another form`)
  const rules = { id: row.id, retired: row.retired_at !== null, allow: allow.map(String), deviceIdIn }
  return { rules, fingerprint: row.fingerprint, pem: row.pem, createdAt: row.created_at }
}
