/** Replaces a file so that under its name there is always either the whole old one or the whole new one, whatever is cut off when. */
import { constants, promises } from 'node:fs'
import { basename, dirname, join } from 'node:path'

/** The calls that it is made of, so that a test can make each single one of them fail. */
export type FileCalls = Pick<typeof promises, 'open' | 'rename' | 'unlink'>

/** What the new file is like. */
export type NewFile = {
  readonly text: string
  readonly mode: number
  /** Null where it may belong to whoever writes it. */
  readonly owner: { readonly uid: number; readonly gid: number } | null
  /** Looks at the file, complete but under another name yet; where it says no, nothing is replaced. */
  readonly isGood?: (unfinishedFile: string) => boolean
}

const OWNER_ONLY = 0o600
const WRITE_NEW = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW

/** Durable when it returns. Says whether the file was replaced; where that fails, the old one is untouched and nothing is left beside it. */
export async function replaceFile(file: string, wanted: NewFile, calls: FileCalls = promises): Promise<boolean> {
  const unfinished = join(dirname(file), `.${basename(file)}.new`)
  // Left by a write that was cut off. Its owner is not known, so it is not written to.
  await calls.unlink(unfinished).catch(() => undefined)
  try {
    await writeNew(unfinished, wanted, calls)
    if (wanted.isGood !== undefined && !wanted.isGood(unfinished)) {
      await calls.unlink(unfinished)
      return false
    }
    await calls.rename(unfinished, file)
  } catch (error) {
    await calls.unlink(unfinished).catch(() => undefined)
    throw error
  }
  await syncDirectory(dirname(file), calls)
  return true
}

async function writeNew(path: string, { text, mode, owner }: NewFile, calls: FileCalls): Promise<void> {
  const handle = await calls.open(path, WRITE_NEW, OWNER_ONLY)
  try {
    const made = await handle.stat()
    if (owner !== null && (made.uid !== owner.uid || made.gid !== owner.gid)) await handle.chown(owner.uid, owner.gid)
    await handle.chmod(mode)
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function syncDirectory(directory: string, calls: FileCalls): Promise<void> {
  const handle = await calls.open(directory, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
