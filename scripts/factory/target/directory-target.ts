/** A directory: the root of a file system that is mounted, or that is packed later. */
import { lstatSync, mkdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { chown } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { writeDurably } from '../durable.ts'
import { type FileAccess, type Target, TargetError } from './target.ts'

const FOLDER_MODE = 0o755

/** Opens it. */
export function openDirectory(root: string): Target {
  if (!isDirectory(root)) throw new TargetError(`${root}: is not a directory`)
  return {
    read: async (path) => {
      try {
        return readFileSync(inside(root, path))
      } catch (error) {
        if (isMissing(error)) return null
        throw error
      }
    },
    write: async (path, bytes, { mode, uid, gid }: FileAccess) => {
      mkdirSync(dirname(join(root, path)), { recursive: true, mode: FOLDER_MODE })
      const file = inside(root, path)
      writeDurably(file, bytes, mode)
      if (uid !== null || gid !== null) await chown(file, uid ?? statSync(file).uid, gid ?? statSync(file).gid)
    },
    close: async () => {},
  }
}

const isDirectory = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT'

/** A link in the device's tree is meant for the device; followed here, it leads into the factory's own machine. */
function inside(root: string, path: string): string {
  const file = join(root, path)
  const folder = realpathSync(dirname(file))
  const top = realpathSync(root)
  if (folder !== top && !folder.startsWith(`${top}/`)) throw new TargetError(`${file}: leads out of ${root} by a link`)
  if (lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() === true) throw new TargetError(`${file}: is a link`)
  return file
}
