/** Writing that lasts: what is said to be done is on the disk. */
import { execFile } from 'node:child_process'
import { closeSync, constants, fchmodSync, fstatSync, fsyncSync, ftruncateSync, openSync, renameSync, unlinkSync, writeSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const OWNER_ONLY = 0o600

/** Writes all that the file system of this folder has in memory to the disk, by syncfs(2): one call for a thousand files. */
export async function syncFileSystem(folder: string): Promise<void> {
  await run('sync', ['-f', folder])
}

/** Makes new and changed names in a folder durable. */
export function syncFolder(folder: string): void {
  const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Writes all of it. */
export function writeWhole(fd: number, bytes: Uint8Array, position: number | null): void {
  for (let written = 0; written < bytes.length; )
    written += writeSync(fd, bytes, written, bytes.length - written, position === null ? null : position + written)
}

/** Writes a file that is there whole or not at all, and lasts when this returns. */
export function writeDurably(path: string, bytes: Uint8Array, mode = OWNER_ONLY): void {
  const unfinished = join(dirname(path), `.${basename(path)}.new`)
  const fd = openSync(unfinished, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW, OWNER_ONLY)
  try {
    fchmodSync(fd, mode)
    writeWhole(fd, bytes, null)
    fsyncSync(fd)
  } catch (error) {
    unlinkSync(unfinished)
    throw error
  } finally {
    closeSync(fd)
  }
  renameSync(unfinished, path)
  syncFolder(dirname(path))
}

/** A file that grows at its end, and can be cut back to an earlier length. Its owner's alone. */
export class GrowingFile {
  readonly #fd: number
  #length: number

  /** Cuts what was there back to `length`. */
  constructor(path: string, length: number) {
    this.#fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, OWNER_ONLY)
    this.#length = length
    if (fstatSync(this.#fd).size !== length) ftruncateSync(this.#fd, length)
  }

  get length(): number {
    return this.#length
  }

  append(bytes: Uint8Array): void {
    writeWhole(this.#fd, bytes, this.#length)
    this.#length += bytes.length
  }

  cutTo(length: number): void {
    ftruncateSync(this.#fd, length)
    this.#length = length
  }

  sync(): void {
    fsyncSync(this.#fd)
  }

  close(): void {
    closeSync(this.#fd)
  }
}
