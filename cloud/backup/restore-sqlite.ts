/** Putting a backup in the place of an SQLite database. The new file is completed beside the old one and takes its name in one step. */
import { access, copyFile, link, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DataFolderError, writePrivateFile } from '../data-folder.ts'
import { migrate } from '../store/migrations.ts'
import { openSqlite, restoringFile, sqliteEngine } from '../store/sqlite.ts'
import { sync } from './new-file.ts'
import type { Replacing } from './replacing.ts'

// What SQLite keeps beside a database that is open, or was when its process ended.
const BESIDE = ['-wal', '-shm']

/** Gives the name of the file that was in its place. */
export async function restoreSqlite(path: string, { file, stamp, complete }: Replacing): Promise<string | null> {
  if (file === null) {
    await completeFile(path, (db) => complete(db, sqliteEngine, null))
    return null
  }
  await requireSqlite(file)
  const unfinished = restoringFile(path)
  for (const suffix of ['', ...BESIDE]) await rm(`${unfinished}${suffix}`, { force: true })
  // While this file is there no service starts: what a cut left behind is not taken for the cloud.
  await writePrivateFile(unfinished, '')
  try {
    await copyFile(file, unfinished)
    await completeFile(unfinished, (db) => withReplaced(path, (replaced) => complete(db, sqliteEngine, replaced)))
    await sync(unfinished)
  } catch (error) {
    for (const suffix of ['', ...BESIDE]) await rm(`${unfinished}${suffix}`, { force: true })
    throw error
  }
  const kept = await keep(path, `${path}.before-${stamp}`)
  await rename(unfinished, path)
  await sync(dirname(path))
  return kept
}

async function completeFile(path: string, complete: (db: ReturnType<typeof openSqlite>) => Promise<void>): Promise<void> {
  const db = openSqlite(path)
  try {
    await migrate(db, sqliteEngine)
    await complete(db)
  } finally {
    await db.destroy()
  }
}

/** With the database that is replaced, or null where it cannot be read: that may be why it is. Closing it folds its log into it. */
async function withReplaced(path: string, work: (db: ReturnType<typeof openSqlite> | null) => Promise<void>): Promise<void> {
  const db = (await exists(path)) ? openOrNull(path) : null
  try {
    await work(db)
  } finally {
    await db?.destroy().catch(() => {})
  }
}

function openOrNull(path: string): ReturnType<typeof openSqlite> | null {
  try {
    return openSqlite(path)
  } catch {
    return null
  }
}

async function keep(path: string, name: string): Promise<string | null> {
  if (!(await exists(path))) return null
  await link(path, name)
  for (const suffix of BESIDE) if (await exists(`${path}${suffix}`)) await rename(`${path}${suffix}`, `${name}${suffix}`)
  return name
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )

const HEADER = 'SQLite format 3\0'

async function requireSqlite(path: string): Promise<void> {
  const file = await open(path, 'r').catch((error: Error) => {
    throw new DataFolderError(error.message)
  })
  try {
    const { buffer } = await file.read(Buffer.alloc(HEADER.length), 0, HEADER.length, 0)
    if (buffer.toString('latin1') !== HEADER) throw new DataFolderError(`${path} is no backup of an SQLite database`)
  } finally {
    await file.close()
  }
}
