/** A file that is there whole and durable, or not at all, and for its owner alone. */
import { link, open, stat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DataFolderError, writePrivateFile } from '../data-folder.ts'

/** Waits until a file, or a folder's names, are on the disk. */
export async function sync(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Makes a new file by what `write` does to one beside it, which is empty at first; gives its size. A file that is there is left alone. */
export async function makeNewFile(path: string, write: (unfinished: string) => Promise<void>): Promise<number> {
  const unfinished = `${path}.${process.pid}.unfinished`
  await writePrivateFile(unfinished, '')
  try {
    await write(unfinished)
    await sync(unfinished)
    await link(unfinished, path)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') throw new DataFolderError(`${path} is there already`)
    throw error
  } finally {
    await unlink(unfinished)
  }
  await sync(dirname(path))
  return (await stat(path)).size
}
