/** Whether a database and a file of master keys belong together. */
import { countLive, countSealed, issuingKeyIds, type SealedRow, sealedUnder, sealingKeyIds, someSealed } from '../store/sealed-rows.ts'
import type { Database } from '../store/tables.ts'
import { type MasterKeyFile, masterKeyById } from './master-key.ts'
import { sealedUnderKey, unseal } from './sealed.ts'

/** What is wrong with the master keys for this database; null where nothing is. Looks at one value of each key. */
export async function masterKeyProblem(db: Database, file: MasterKeyFile): Promise<string | null> {
  for (const id of await sealingKeyIds(db)) {
    const [row] = await sealedUnder(db, id, 1)
    const problem = row === undefined ? null : problemOf(row, file)
    if (problem !== null) return problem
  }
  const missing = (await issuingKeyIds(db, 'good')).find((id) => isMissing(id, file))
  return missing === undefined ? null : needs(missing)
}

const isMissing = (id: string, { keys, givenUp }: MasterKeyFile): boolean => !givenUp.includes(id) && masterKeyById(keys, id) === null

const needs = (id: string): string => `the database needs master key ${id}, which master-keys.json does not hold`

/** The same by a few values, in no time: a service that starts must not look through the whole database. */
export async function likelyMasterKeyProblem(db: Database, file: MasterKeyFile): Promise<string | null> {
  for (const row of await someSealed(db)) {
    const problem = problemOf(row, file)
    if (problem !== null) return problem
  }
  return null
}

function problemOf({ kind, account, id, sealed }: SealedRow, file: MasterKeyFile): string | null {
  const keyId = sealedUnderKey(sealed)
  if (isMissing(keyId, file)) return needs(keyId)
  if (file.givenUp.includes(keyId)) return null
  try {
    unseal(file.keys, [kind, account, id], sealed)
    return null
  } catch {
    return `master key ${keyId} of master-keys.json is not the one that the database was made with`
  }
}

/** What still depends on a master key: sealed values, and issued secrets that are good. */
export type Dependents = { readonly sealed: number; readonly issued: number }

/** Counts what depends on a key. */
export async function dependentsOf(db: Database, keyId: string): Promise<Dependents> {
  return { sealed: await countSealed(db, keyId), issued: await countLive(db, keyId) }
}
