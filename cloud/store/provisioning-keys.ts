/** Provisioning keys and their rules. */
import { sql } from 'kysely'
import type { ProvisioningKeyRules } from '../rules/enrolment.ts'
import { prepared } from './prepared.ts'
import type { Database, ProvisioningKeyTable } from './tables.ts'

/** A provisioning key as it is stored. */
export type StoredProvisioningKey = {
  readonly rules: ProvisioningKeyRules
  readonly sealedKey: string
  readonly createdAt: number
  /** Until when its devices wait after a restore; null where the key is newer. */
  readonly recoveringUntilMs: number | null
}

const stored = (row: ProvisioningKeyTable): StoredProvisioningKey => ({
  rules: {
    keyId: row.id,
    retired: row.retired_at !== null,
    allow: parsePatterns(row.allow),
    notBeforeMs: row.not_before,
    notAfterMs: row.not_after,
    maxDevices: row.max_devices,
  },
  sealedKey: row.sealed_key,
  createdAt: row.created_at,
  recoveringUntilMs: row.recovering_until,
})

function parsePatterns(text: string): readonly string[] {
  const value: unknown = JSON.parse(text)
  return Array.isArray(value) ? value.filter((pattern) => typeof pattern === 'string') : []
}

/** Reads a provisioning key. */
export async function findProvisioningKey(db: Database, account: string, id: string): Promise<StoredProvisioningKey | null> {
  const [row] = (await db.executeQuery(selectKey(db, { account, id }))).rows
  return row === undefined ? null : stored(row)
}

const selectKey = prepared((db, { account, id }: Pick<ProvisioningKeyTable, 'account' | 'id'>) =>
  db.selectFrom('provisioning_key').selectAll().where('account', '=', account).where('id', '=', id),
)

/** Locks a provisioning key until the transaction ends, so that its devices are counted one at a time. */
export async function lockProvisioningKey(db: Database, account: string, id: string): Promise<void> {
  const update = db.updateTable('provisioning_key').set((row) => ({ revision: row('revision', '+', 1) }))
  await update.where('account', '=', account).where('id', '=', id).execute()
}

/** All provisioning keys of an account. */
export async function listProvisioningKeys(db: Database, account: string): Promise<readonly StoredProvisioningKey[]> {
  const rows = await db.selectFrom('provisioning_key').selectAll().where('account', '=', account).orderBy('id').execute()
  return rows.map(stored)
}

/** How many devices a key enrolled. */
export async function countEnrolledBy(db: Database, account: string, keyId: string): Promise<number> {
  const { count } = await db
    .selectFrom('device')
    .select(sql<number>`count(*)`.as('count'))
    .where('account', '=', account)
    .where('enrolled_by', '=', keyId)
    .executeTakeFirstOrThrow()
  return count
}

/** Stores a new provisioning key; false where its id is taken. */
export async function insertProvisioningKey(
  db: Database,
  account: string,
  key: { readonly rules: ProvisioningKeyRules; readonly sealedKey: string },
  nowMs: number,
): Promise<boolean> {
  const { rules } = key
  const result = await db
    .insertInto('provisioning_key')
    .values({
      account,
      id: rules.keyId,
      sealed_key: key.sealedKey,
      allow: JSON.stringify(rules.allow),
      not_before: rules.notBeforeMs,
      not_after: rules.notAfterMs,
      max_devices: rules.maxDevices,
      retired_at: null,
      recovering_until: null,
      revision: 0,
      created_at: nowMs,
    })
    .onConflict((conflict) => conflict.columns(['account', 'id']).doNothing())
    .executeTakeFirst()
  return result.numInsertedOrUpdatedRows === 1n
}

/** Retires a key: it enrols nobody any more. False where there is no such key, or it is retired already. */
export async function retireProvisioningKey(db: Database, account: string, id: string, nowMs: number): Promise<boolean> {
  const result = await db
    .updateTable('provisioning_key')
    .set({ retired_at: nowMs })
    .where('account', '=', account)
    .where('id', '=', id)
    .where('retired_at', 'is', null)
    .executeTakeFirst()
  return result.numUpdatedRows === 1n
}
