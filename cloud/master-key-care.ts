/**
 * Looking after the master keys: `zipkey-cloud master-key …`. A new key is first known and then used, so that no process meets what
 * it cannot read; an old one goes when nothing depends on it. Devices notice nothing: what they hold says which key it was made with.
 */
import { existsSync } from 'node:fs'
import { chown, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Kysely } from 'kysely'
import { takeFolder } from './backup/folder-lock.ts'
import { sync } from './backup/new-file.ts'
import { requireNoService } from './backup/no-service.ts'
import { type Dependents, dependentsOf } from './crypto/fits-keys.ts'
import {
  createMasterKey,
  formatMasterKeys,
  type MasterKey,
  type MasterKeyFile,
  type MasterKeys,
  masterKeyById,
  newestMasterKey,
} from './crypto/master-key.ts'
import { seal, unseal } from './crypto/sealed.ts'
import { DataFolderError, dataFiles, readCloudConfig, readMasterKeys, writePrivateFile } from './data-folder.ts'
import { databasePlace, prepareDatabase, reachable } from './folder-database.ts'
import { appendAudit } from './store/audit-log.ts'
import { openDatabase } from './store/database.ts'
import { inPieces } from './store/pieces.ts'
import { openPostgres } from './store/postgres.ts'
import { PATIENT_WAITS } from './store/postgres-pool.ts'
import { issuingKeyIds, replaceSealed, sealedUnder, sealingKeyIds } from './store/sealed-rows.ts'
import type { Tables } from './store/tables.ts'

/** As many are looked for at once, since each look is at the whole database; fewer are changed at once, since they are locked meanwhile. */
const FOUND_AT_ONCE = 10_000

/** Adds a key that is known and not used yet; gives its id. */
export async function addMasterKey(folder: string): Promise<string> {
  const file = await readMasterKeys(folder)
  const [first, ...others] = file.keys
  if (newestMasterKey(file.keys) !== first)
    throw new DataFolderError(`${newestMasterKey(file.keys).id} is known and not used yet: use it first`)
  const added = createMasterKey([...file.keys.map(({ id }) => id), ...file.givenUp])
  await replaceFile(folder, { ...file, keys: [first, ...others, added] })
  return added.id
}

/** Uses the newest key from the next start on; gives its id. */
export async function useNewestMasterKey(folder: string): Promise<string> {
  const file = await readMasterKeys(folder)
  const newest = newestMasterKey(file.keys)
  if (file.keys[0] === newest) throw new DataFolderError(`${newest.id} is the newest and in use: add one first`)
  await replaceFile(folder, { ...file, keys: [newest, ...file.keys.filter((key) => key !== newest)] })
  await withDatabase(folder, (db) => tell(db, 'master-key-used', newest.id))
  return newest.id
}

/** All of it at once, while no service runs; gives the new key's id. */
export async function rotateMasterKey(folder: string): Promise<string> {
  const lock = await takeFolder(folder)
  try {
    const { keys } = await readMasterKeys(folder)
    await requireNobody(folder)
    if (newestMasterKey(keys) === keys[0]) await addMasterKey(folder)
    const id = await useNewestMasterKey(folder)
    await resealAll(folder)
    return id
  } finally {
    lock.release()
  }
}

async function requireNobody(folder: string): Promise<void> {
  const { database } = await readCloudConfig(folder)
  const place = await databasePlace(folder, database)
  if (place.engine !== 'postgres') return
  const db = openPostgres(place, PATIENT_WAITS)
  try {
    await reachable(() => requireNoService(db))
  } finally {
    await db.destroy()
  }
}

/** Seals everything under the key in use; gives how much. What was cut off is gone on with. Every process must know that key. */
export const resealAll = (folder: string): Promise<number> =>
  withDatabase(folder, async (db) => {
    const { keys } = await readMasterKeys(folder)
    let count = 0
    for (const id of await sealingKeyIds(db)) {
      if (id !== keys[0].id && masterKeyById(keys, id) !== null) count += await resealFrom(db, keys, id)
    }
    return count
  })

async function resealFrom(db: Kysely<Tables>, keys: MasterKeys, id: string): Promise<number> {
  let count = 0
  for (let rows = await sealedUnder(db, id, FOUND_AT_ONCE); rows.length > 0; rows = await sealedUnder(db, id, FOUND_AT_ONCE)) {
    for (const piece of inPieces(rows)) {
      await db.transaction().execute(async (transaction) => {
        for (const row of piece) {
          const context = [row.kind, row.account, row.id] as const
          await replaceSealed(transaction, row, seal(keys, context, unseal(keys, context, row.sealed)))
        }
      })
    }
    count += rows.length
  }
  return count
}

/** Removes a key on which nothing depends any more. */
export async function retireMasterKey(folder: string, id: string): Promise<void> {
  const file = await readMasterKeys(folder)
  const key = masterKeyById(file.keys, id)
  if (key === null) throw new DataFolderError(`there is no master key ${id}`)
  if (key === file.keys[0]) throw new DataFolderError(`${id} is in use: rotate first`)
  await withDatabase(folder, async (db) => {
    const { sealed, issued } = await dependentsOf(db, id)
    if (sealed > 0) throw new DataFolderError(`${sealed} sealed values depend on ${id}: zipkey-cloud master-key reseal`)
    if (issued > 0) throw new DataFolderError(`${issued} good secrets of devices depend on ${id}: order those devices to rotate`)
    await replaceFile(folder, without(file, key))
    await tell(db, 'master-key-retired', id)
  })
}

/** Says of a key that no copy of it is left: what depends on it is lost, and the cloud goes on without. Gives the id of the key in use. */
export const giveUpMasterKey = (folder: string, id: string): Promise<string> =>
  withDatabase(folder, async (db) => {
    const file = existsSync(dataFiles(folder).masterKeys) ? await readMasterKeys(folder) : null
    if (file !== null && masterKeyById(file.keys, id) !== null)
      throw new DataFolderError(`master-keys.json holds ${id}: there is nothing to give up`)
    const givenUp = [...new Set([...(file?.givenUp ?? []), id])]
    // No other lost key's id, since what stands under that must not be taken for what stands under the new one.
    const keys: MasterKeys = file?.keys ?? [
      createMasterKey([...givenUp, ...(await sealingKeyIds(db)), ...(await issuingKeyIds(db, 'ever'))]),
    ]
    await replaceFile(folder, { keys, givenUp })
    await tell(db, 'master-key-retired', `${id}, which is lost`)
    return keys[0].id
  })

/** Says of a key that somebody else may have it: from the next start on, nothing is accepted under it that the database does not know. */
export async function distrustMasterKey(folder: string, id: string): Promise<void> {
  const file = await readMasterKeys(folder)
  const [first, ...others] = file.keys
  if (first.id === id) throw new DataFolderError(`${id} is in use: rotate first`)
  if (masterKeyById(file.keys, id) === null) throw new DataFolderError(`there is no master key ${id}`)
  await replaceFile(folder, { ...file, keys: [first, ...others.map((key) => (key.id === id ? { ...key, isLeaked: true } : key))] })
  await withDatabase(folder, (db) => tell(db, 'master-key-distrusted', id))
}

/** The keys, the one in use first, and what depends on each. */
export const listMasterKeys = (folder: string): Promise<readonly (Dependents & Pick<MasterKey, 'id' | 'isLeaked'>)[]> =>
  withDatabase(folder, async (db) => {
    const { keys } = await readMasterKeys(folder)
    const listed = []
    for (const { id, isLeaked } of keys) listed.push({ id, isLeaked, ...(await dependentsOf(db, id)) })
    return listed
  })

function without({ keys, givenUp }: MasterKeyFile, key: MasterKey): MasterKeyFile {
  const [first, ...others] = keys
  return { keys: [first, ...others.filter((each) => each !== key)], givenUp }
}

/** Puts the new file in the place of the old one in one step. */
async function replaceFile(folder: string, { keys, givenUp }: MasterKeyFile): Promise<void> {
  const { masterKeys } = dataFiles(folder)
  const unfinished = `${masterKeys}.new`
  await rm(unfinished, { force: true })
  await writePrivateFile(unfinished, formatMasterKeys(keys, givenUp))
  // Root works on the folder of whoever runs the service.
  const { uid, gid } = await stat(dirname(masterKeys))
  if (process.getuid?.() === 0) await chown(unfinished, uid, gid)
  await rename(unfinished, masterKeys)
  await sync(dirname(masterKeys))
}

async function withDatabase<T>(folder: string, work: (db: Kysely<Tables>) => Promise<T>): Promise<T> {
  const { database } = await readCloudConfig(folder)
  const place = await databasePlace(folder, database)
  await prepareDatabase(place)
  const db = openDatabase(place)
  try {
    return await reachable(() => work(db))
  } finally {
    await db.destroy()
  }
}

const tell = (
  db: Kysely<Tables>,
  event: 'master-key-used' | 'master-key-distrusted' | 'master-key-retired',
  detail: string,
): Promise<void> =>
  appendAudit(db, Date.now(), [{ account: null, device: null, credential: null, session: null, principal: 'master-key', event, detail }])
