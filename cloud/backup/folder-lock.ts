/**
 * Who uses a cloud's folder: services share it, a restore has it to itself. The lock is SQLite's own on a file that holds nothing, so
 * that the kernel gives it back when a process ends in whatever way.
 */
import SQLite from 'better-sqlite3'
import { DataFolderError, dataFiles, writePrivateFile } from '../data-folder.ts'

/** A lock that is held. */
export type FolderLock = { readonly release: () => void }

async function lock(folder: string, begin: string, refusal: string): Promise<FolderLock> {
  const path = dataFiles(folder).lock
  await writePrivateFile(path, '').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
  const file = new SQLite(path, { timeout: 0 })
  try {
    file.exec(begin)
    file.prepare('select count(*) from sqlite_master').get()
  } catch (error) {
    file.close()
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('SQLITE_BUSY')) throw new DataFolderError(refusal)
    throw error
  }
  return { release: () => void file.close() }
}

/** For a service, as long as it runs. */
export const shareFolder = (folder: string): Promise<FolderLock> =>
  lock(folder, 'begin', `a restore is under way in ${folder}: start again when it is done`)

/** For what must not happen while a service runs. */
export const takeFolder = (folder: string): Promise<FolderLock> =>
  lock(folder, 'begin exclusive', `a service runs on ${folder}: stop it first`)
