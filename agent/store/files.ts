/** The file operations that the store is made of, and no others, so that a test can make each single one of them fail. */
import fs from 'node:fs'
import { promisify } from 'node:util'

/** Raw file descriptors, not FileHandles: one that nobody refers to must stay open, since it carries the state directory's lock. */
export type Files = {
  open(path: string, flags: number, mode: number): Promise<number>
  isRegularFile(fd: number): Promise<boolean>
  /** Reads from where the descriptor stands; 0 at the end. May read less than fits. */
  read(fd: number, into: Uint8Array): Promise<number>
  /** May write less than it is given. */
  write(fd: number, bytes: Uint8Array): Promise<number>
  sync(fd: number): Promise<void>
  close(fd: number): Promise<void>
  rename(from: string, to: string): Promise<void>
  remove(path: string): Promise<void>
  list(directory: string): Promise<readonly string[]>
  /** Makes a directory and its parents; gives the topmost one that it made, or null where all were there. */
  makeDirectory(path: string, mode: number): Promise<string | null>
}

const open = promisify(fs.open)
const read = promisify(fs.read)
const write = promisify(fs.write)

/** The operating system's. */
export const systemFiles: Files = {
  open: (path, flags, mode) => open(path, flags, mode),
  isRegularFile: async (fd) => (await promisify(fs.fstat)(fd)).isFile(),
  read: async (fd, into) => (await read(fd, into, 0, into.length, null)).bytesRead,
  write: async (fd, bytes) => (await write(fd, bytes, 0, bytes.length, null)).bytesWritten,
  sync: promisify(fs.fsync),
  close: promisify(fs.close),
  rename: fs.promises.rename,
  remove: fs.promises.unlink,
  list: (directory) => fs.promises.readdir(directory),
  makeDirectory: async (path, mode) => (await fs.promises.mkdir(path, { recursive: true, mode })) ?? null,
}
