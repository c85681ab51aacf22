/** Rows that hold something sealed under a master key: provisioning keys and flashed secrets. A sealed text begins with its key's id. */
import type { Database } from './tables.ts'

/** A sealed value with what it is bound to. */
export type SealedRow = {
  readonly kind: 'provisioning-key' | 'flashed-secret'
  readonly account: string
  readonly id: string
  readonly sealed: string
}

/** Some of the values that are sealed under a key. */
export async function sealedUnder(db: Database, masterKeyId: string, limit: number): Promise<readonly SealedRow[]> {
  const keys = await db
    .selectFrom('provisioning_key')
    .select(['account', 'id', 'sealed_key'])
    .where('sealed_key', 'like', `${masterKeyId}.%`)
    .limit(limit)
    .execute()
  const secrets = await db
    .selectFrom('device')
    .select(['account', 'id', 'sealed_secret'])
    .where('sealed_secret', 'like', `${masterKeyId}.%`)
    .limit(limit - keys.length)
    .execute()
  return [
    ...keys.map(({ account, id, sealed_key }) => ({ kind: 'provisioning-key', account, id, sealed: sealed_key }) as const),
    ...secrets.map(({ account, id, sealed_secret }) => ({ kind: 'flashed-secret', account, id, sealed: sealed_secret ?? '' }) as const),
  ]
}

/** The ids of the master keys that something is sealed under. */
export async function sealingKeyIds(db: Database): Promise<readonly string[]> {
  const ids: string[] = []
  for (let next = await sealedOutside(db, ids); next !== null; next = await sealedOutside(db, ids))
    ids.push(next.slice(0, next.indexOf('.')))
  return ids
}

/** One text that is sealed under none of these keys; null where there is none. */
async function sealedOutside(db: Database, ids: readonly string[]): Promise<string | null> {
  let keys = db.selectFrom('provisioning_key').select('sealed_key as sealed')
  let secrets = db.selectFrom('device').select('sealed_secret as sealed').where('sealed_secret', 'is not', null)
  for (const id of ids) {
    keys = keys.where('sealed_key', 'not like', `${id}.%`)
    secrets = secrets.where('sealed_secret', 'not like', `${id}.%`)
  }
  return (await keys.limit(1).executeTakeFirst())?.sealed ?? (await secrets.limit(1).executeTakeFirst())?.sealed ?? null
}
