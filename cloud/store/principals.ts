/** Accounts, and who may call the API besides devices: operators and AAA servers. */
import { sql } from 'kysely'
import { prepared } from './prepared.ts'
import type { AaaClientTable, Database } from './tables.ts'

/** What an operator key may do: everything; work within accounts; read within accounts. */
export const OPERATOR_ROLES = ['admin', 'operator', 'auditor'] as const

/** One of the roles. */
export type OperatorRole = (typeof OPERATOR_ROLES)[number]

/** An operator's key as it is stored; `accounts` null: all. */
export type StoredOperatorKey = {
  readonly id: string
  readonly hash: string
  readonly role: OperatorRole
  readonly accounts: readonly string[] | null
}

/** Whether an operator key is for this account. */
export const mayWorkIn = (key: StoredOperatorKey, account: string): boolean => key.accounts === null || key.accounts.includes(account)

/** An AAA server's credential as it is stored; `accounts` null: all. */
export type StoredAaaClient = {
  readonly id: string
  readonly hash: string
  readonly aaaDomain: string
  readonly accounts: readonly string[] | null
}

const isRole = (text: string): text is OperatorRole => OPERATOR_ROLES.some((role) => role === text)

function parseAccounts(text: string | null): readonly string[] | null {
  if (text === null) return null
  const value: unknown = JSON.parse(text)
  return Array.isArray(value) ? value.filter((account) => typeof account === 'string') : []
}

const formatAccounts = (accounts: readonly string[] | null): string | null => (accounts === null ? null : JSON.stringify(accounts))

/** Stores a new account; false where its id is taken. */
export async function insertAccount(db: Database, id: string, nowMs: number): Promise<boolean> {
  const result = await db
    .insertInto('account')
    .values({ id, created_at: nowMs })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .executeTakeFirst()
  return result.numInsertedOrUpdatedRows === 1n
}

/** Whether there is such an account. */
export async function accountExists(db: Database, id: string): Promise<boolean> {
  return (await db.selectFrom('account').select('id').where('id', '=', id).executeTakeFirst()) !== undefined
}

/** How many operator keys there are; a database without one is nobody's yet. */
export async function countOperatorKeys(db: Database): Promise<number> {
  const { count } = await db.selectFrom('operator_key').select(sql<number>`count(*)`.as('count')).executeTakeFirstOrThrow()
  return count
}

/** Reads an operator key. */
export async function findOperatorKey(db: Database, id: string): Promise<StoredOperatorKey | null> {
  const row = await db.selectFrom('operator_key').selectAll().where('id', '=', id).executeTakeFirst()
  if (row === undefined || !isRole(row.role)) return null
  return { id: row.id, hash: row.hash, role: row.role, accounts: parseAccounts(row.accounts) }
}

/** Stores a new operator key; false where its id is taken. */
export async function insertOperatorKey(db: Database, key: StoredOperatorKey, nowMs: number): Promise<boolean> {
  const result = await db
    .insertInto('operator_key')
    .values({ id: key.id, hash: key.hash, role: key.role, accounts: formatAccounts(key.accounts), created_at: nowMs })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .executeTakeFirst()
  return result.numInsertedOrUpdatedRows === 1n
}

/** Reads an AAA client. */
export async function findAaaClient(db: Database, id: string): Promise<StoredAaaClient | null> {
  const [row] = (await db.executeQuery(selectAaaClient(db, { id }))).rows
  return row === undefined ? null : { id: row.id, hash: row.hash, aaaDomain: row.aaa_domain, accounts: parseAccounts(row.accounts) }
}

const selectAaaClient = prepared((db, { id }: Pick<AaaClientTable, 'id'>) => db.selectFrom('aaa_client').selectAll().where('id', '=', id))

/** Stores a new AAA client; false where its id is taken. */
export async function insertAaaClient(db: Database, client: StoredAaaClient, nowMs: number): Promise<boolean> {
  const { id, hash, aaaDomain, accounts } = client
  const result = await db
    .insertInto('aaa_client')
    .values({ id, hash, aaa_domain: aaaDomain, accounts: formatAccounts(accounts), created_at: nowMs })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .executeTakeFirst()
  return result.numInsertedOrUpdatedRows === 1n
}
