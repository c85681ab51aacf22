/** What is sealed under a master key, wherever it stands: provisioning keys, flashed secrets, hotspot profiles. A sealed text begins with its key's id. */
import { sql } from 'kysely'
import type { Database } from './tables.ts'

const KINDS = ['provisioning-key', 'flashed-secret', 'hotspot-profiles'] as const

/** A sealed value with what it is bound to. */
export type SealedRow = {
  readonly kind: (typeof KINDS)[number]
  readonly account: string
  readonly id: string
  readonly sealed: string
}

/** All of it as one table. */
function sealedRows(db: Database) {
  const kind = (name: SealedRow['kind']) => sql.lit<SealedRow['kind']>(name).as('kind')
  const keys = db.selectFrom('provisioning_key').select(['account', 'id', 'sealed_key as sealed', kind('provisioning-key')])
  const secrets = db
    .selectFrom('device')
    .select(({ ref }) => ['account', 'id', ref('sealed_secret').$castTo<string>().as('sealed'), kind('flashed-secret')])
    .where('sealed_secret', 'is not', null)
  const profiles = db
    .selectFrom('hotspot_profiles')
    .select(['account', sql.lit('').as('id'), 'sealed', kind('hotspot-profiles')])
    .where('sealed', '<>', '')
  return db.selectFrom(keys.unionAll(secrets).unionAll(profiles).as('sealed_row'))
}

/** Some of the values that are sealed under a key. */
export const sealedUnder = (db: Database, keyId: string, limit: number): Promise<readonly SealedRow[]> =>
  sealedRows(db).selectAll().where('sealed', 'like', `${keyId}.%`).limit(limit).execute()

/** One value of each kind. */
export async function someSealed(db: Database): Promise<readonly SealedRow[]> {
  const some = await Promise.all(KINDS.map((kind) => sealedRows(db).selectAll().where('kind', '=', kind).limit(1).execute()))
  return some.flat()
}

/** How many values are sealed under a key. */
export async function countSealed(db: Database, keyId: string): Promise<number> {
  const counted = sealedRows(db).select(({ fn }) => fn.countAll<number>().as('count'))
  return (await counted.where('sealed', 'like', `${keyId}.%`).executeTakeFirstOrThrow()).count
}

/** How many issued secrets under a key are good. */
export async function countLive(db: Database, keyId: string): Promise<number> {
  const live = db
    .selectFrom('issued_secret')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('state', 'in', GOOD)
  return (await live.where('secret_id', 'like', `${keyId}-%`).where('certificate', 'is', null).executeTakeFirstOrThrow()).count
}

/** The ids of the master keys that something is sealed under. */
export const sealingKeyIds = (db: Database): Promise<readonly string[]> =>
  idsBefore('.', async (ids) => {
    let others = sealedRows(db).select('sealed as text')
    for (const id of ids) others = others.where('sealed', 'not like', `${id}.%`)
    return (await others.limit(1).executeTakeFirst())?.text ?? null
  })

const GOOD = ['pending', 'current'] as const

/** The ids of the master keys that issued a secret, ever or one that is good. */
export const issuingKeyIds = (db: Database, which: 'ever' | 'good'): Promise<readonly string[]> =>
  idsBefore('-', async (ids) => {
    let others = db.selectFrom('issued_secret').select('secret_id as text').where('certificate', 'is', null)
    if (which === 'good') others = others.where('state', 'in', GOOD)
    for (const id of ids) others = others.where('secret_id', 'not like', `${id}-%`)
    return (await others.limit(1).executeTakeFirst())?.text ?? null
  })

/** What texts begin with; `outside` finds one that begins with none of these. */
async function idsBefore(separator: string, outside: (ids: readonly string[]) => Promise<string | null>): Promise<readonly string[]> {
  const ids: string[] = []
  for (let text = await outside(ids); text !== null; text = await outside(ids)) ids.push(text.slice(0, text.indexOf(separator)))
  return ids
}

/** Puts another sealed text in the place of one, unless it has changed meanwhile. */
export async function replaceSealed(db: Database, { kind, account, id, sealed }: SealedRow, by: string): Promise<void> {
  switch (kind) {
    case 'provisioning-key': {
      const update = db.updateTable('provisioning_key').set({ sealed_key: by }).where('account', '=', account).where('id', '=', id)
      await update.where('sealed_key', '=', sealed).execute()
      return
    }
    case 'flashed-secret': {
      const update = db.updateTable('device').set({ sealed_secret: by }).where('account', '=', account).where('id', '=', id)
      await update.where('sealed_secret', '=', sealed).execute()
      return
    }
    case 'hotspot-profiles': {
      const update = db.updateTable('hotspot_profiles').set({ sealed: by }).where('account', '=', account)
      await update.where('sealed', '=', sealed).execute()
      return
    }
  }
}
