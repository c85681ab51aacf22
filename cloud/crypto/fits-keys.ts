/** Whether a database and a file of master keys belong together. */
import { sealedUnder, sealingKeyIds } from '../store/sealed-rows.ts'
import type { Database } from '../store/tables.ts'
import { type MasterKeys, masterKeyById } from './master-key.ts'
import { unseal } from './sealed.ts'

/** What is wrong with the master keys for this database; null where nothing is. */
export async function masterKeyProblem(db: Database, keys: MasterKeys): Promise<string | null> {
  for (const id of await sealingKeyIds(db)) {
    if (masterKeyById(keys, id) === null) return `the database needs master key ${id}, which master-keys.json does not hold`
    const [row] = await sealedUnder(db, id, 1)
    if (row === undefined) continue
    try {
      unseal(keys, [row.kind, row.account, row.id], row.sealed)
    } catch {
      return `master key ${id} of master-keys.json is not the one that the database was made with`
    }
  }
  return null
}
