/**
 * The state directory as a place where a file is either its old or its new self, whatever is cut off when: a file is written
 * beside its name, flushed, renamed over it, and then the directory is flushed. What cannot be read as it should is moved aside.
 */
import { constants } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Parsed, parsed, unparsed } from '../contract/parsed.ts'
import type { Log } from '../log.ts'
import type { Files } from './files.ts'
import { errnoOf } from './store-error.ts'

/** The files that the store keeps. */
export type StateFileName = 'pending.json' | 'current.json' | 'nonce' | 'key' | 'time-floor' | 'cloud-profiles.json'

/** How one of them is read. */
export type Decode<T> = (text: string) => Parsed<T>

/** What stands under a name. */
export type Found<T> =
  | { readonly kind: 'absent' }
  | { readonly kind: 'good'; readonly value: T }
  | { readonly kind: 'bad'; readonly problem: string }

const DIRECTORY_MODE = 0o700
const FILE_MODE = 0o600
/** Far above any file of ours; a bigger one is not ours. */
const MAX_BYTES = 64 * 1024
/** A link is not followed, and a FIFO does not block the open. */
const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
const WRITE_FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW

const temporaryName = (name: StateFileName): string => `.${name}.tmp`
const setAsideName = (name: StateFileName, number: number | ''): string => `${name}.set-aside-${number}`
const SET_ASIDE_REMEDY =
  'nothing to do if the agent comes to rest; if it was another device’s, correct device.id or give this device its own state directory'
/** Left by a write that was cut off. */
export const isTemporaryName = (name: string): boolean =>
  /^\.(pending\.json|current\.json|nonce|key|time-floor|cloud-profiles\.json)\.tmp$/.test(name)

/** Makes the directory where it is missing, durably, and opens it. */
export async function openDirectory(files: Files, path: string): Promise<number> {
  const topmost = await files.makeDirectory(path, DIRECTORY_MODE)
  if (topmost !== null) {
    for (let made = path; made.length >= topmost.length; made = dirname(made)) await syncPath(files, dirname(made))
  }
  return files.open(path, constants.O_RDONLY | constants.O_DIRECTORY, 0)
}

async function syncPath(files: Files, path: string): Promise<void> {
  const fd = await files.open(path, constants.O_RDONLY | constants.O_DIRECTORY, 0)
  try {
    await files.sync(fd)
  } finally {
    await files.close(fd)
  }
}

/** One open state directory; its calls must not overlap. */
export class StateDirectory {
  readonly #files: Files
  readonly #path: string
  readonly #fd: number
  readonly #log: Log

  constructor(files: Files, path: string, fd: number, log: Log) {
    this.#files = files
    this.#path = path
    this.#fd = fd
    this.#log = log
  }

  /** Reads a file; null where there is none, or where it was bad and is now set aside. Throws where it cannot be told. */
  async read<T>(name: StateFileName, decode: Decode<T>): Promise<T | null> {
    const found = await this.inspect(name, decode)
    switch (found.kind) {
      case 'absent':
        return null
      case 'good':
        return found.value
      case 'bad':
        // A disk that has become read-only must not keep the agent from what is still good on it.
        await this.#setAside(name, found.problem).catch((error: unknown) => {
          this.#log.error({ file: name, reason: found.problem, errno: errnoOf(error) }, 'a state file is unusable, and cannot be set aside')
        })
        return null
    }
  }

  /** Replaces a file by a new text; durable when it returns. A bad file that stands in the way is set aside first. */
  async write<T>(name: StateFileName, text: string, decode: Decode<T>): Promise<void> {
    await this.#makeWay(name, decode)
    const temporary = join(this.#path, temporaryName(name))
    try {
      await this.#writeNew(temporary, new TextEncoder().encode(text))
      await this.#files.rename(temporary, join(this.#path, name))
    } catch (error) {
      // Data whose flush failed must never be flushed "again" with success: the next try starts from a new file.
      await this.#files.remove(temporary).catch(() => undefined)
      throw error
    }
    await this.sync()
  }

  /** Moves a file over another by one rename; durable when it returns. A bad file that stands in the way is set aside first. */
  async move<T>(from: StateFileName, to: StateFileName, decode: Decode<T>): Promise<void> {
    await this.#makeWay(to, decode)
    await this.#files.rename(join(this.#path, from), join(this.#path, to))
    await this.sync()
  }

  /** Looks at any file of the directory and changes nothing. */
  async inspect<T>(name: string, decode: Decode<T>): Promise<Found<T>> {
    const text = await this.#readText(join(this.#path, name))
    if (text === null) return { kind: 'absent' }
    const value = text.ok ? decode(text.value) : text
    return value.ok ? { kind: 'good', value: value.value } : { kind: 'bad', problem: value.problem }
  }

  /**
   * Brings back the file that was set aside last and reads well now: it was foreign while the config named another device. On a disk
   * that takes no change it counts from where it is.
   */
  async bringBack<T>(name: StateFileName, decode: Decode<T>): Promise<T | null> {
    for (const number of (await this.#setAsideNumbers(name)).toReversed()) {
      const aside = setAsideName(name, number)
      const found = await this.inspect(aside, decode)
      if (found.kind !== 'good') continue
      await this.#moveBack(aside, name).catch((error: unknown) => {
        this.#log.error({ file: aside, errno: errnoOf(error) }, 'a file that was set aside is good again, and cannot be moved back')
      })
      return found.value
    }
    return null
  }

  /** Every name in the directory. */
  names(): Promise<readonly string[]> {
    return this.#files.list(this.#path)
  }

  /** Removes a file; durable after the next `sync`. */
  remove(name: string): Promise<void> {
    return this.#files.remove(join(this.#path, name))
  }

  /** Makes the names that are there durable. */
  sync(): Promise<void> {
    return this.#files.sync(this.#fd)
  }

  /** Removes what writes that were cut off left behind; it was never a state of ours. */
  async sweep(): Promise<void> {
    for (const name of (await this.#files.list(this.#path)).filter(isTemporaryName)) {
      await this.#files.remove(join(this.#path, name)).catch((error: unknown) => {
        this.#log.warn({ file: name, errno: errnoOf(error) }, 'a left-over temporary file cannot be removed')
      })
    }
  }

  /** Closes the directory, and with it lets go of its lock. */
  close(): Promise<void> {
    return this.#files.close(this.#fd)
  }

  async #makeWay<T>(name: StateFileName, decode: Decode<T>): Promise<void> {
    const found = await this.inspect(name, decode)
    if (found.kind === 'bad') await this.#setAside(name, found.problem)
  }

  /** Only ENOENT means that there is no file: an error must never look like an empty slot. */
  async #readText(path: string): Promise<Parsed<string> | null> {
    let fd: number
    try {
      fd = await this.#files.open(path, READ_FLAGS, 0)
    } catch (error) {
      const errno = errnoOf(error)
      if (errno === 'ENOENT') return null
      // ELOOP is a link, ENXIO a socket or a device without a driver.
      if (errno === 'ELOOP' || errno === 'ENXIO') return unparsed('it is not a regular file')
      throw error
    }
    try {
      return await this.#readAll(fd)
    } finally {
      await this.#files.close(fd)
    }
  }

  async #readAll(fd: number): Promise<Parsed<string>> {
    if (!(await this.#files.isRegularFile(fd))) return unparsed('it is not a regular file')
    const buffer = new Uint8Array(MAX_BYTES)
    let length = 0
    while (length < buffer.length) {
      const readBytes = await this.#files.read(fd, buffer.subarray(length))
      if (readBytes === 0) return parsed(new TextDecoder().decode(buffer.subarray(0, length)))
      length += readBytes
    }
    return unparsed('it is too large')
  }

  async #writeNew(path: string, bytes: Uint8Array): Promise<void> {
    const fd = await this.#files.open(path, WRITE_FLAGS, FILE_MODE)
    try {
      for (let written = 0; written < bytes.length; ) written += await this.#files.write(fd, bytes.subarray(written))
      await this.#files.sync(fd)
    } finally {
      await this.#files.close(fd)
    }
  }

  async #moveBack(aside: string, name: StateFileName): Promise<void> {
    await this.#files.rename(join(this.#path, aside), join(this.#path, name))
    this.#log.warn({ file: name, setAside: aside }, 'a file that was set aside is good again and was moved back')
    await this.sync()
  }

  /** In ascending order. */
  async #setAsideNumbers(name: StateFileName): Promise<readonly number[]> {
    const prefix = setAsideName(name, '')
    return (await this.names())
      .filter((other) => other.startsWith(prefix))
      .map((other) => Number(other.slice(prefix.length)))
      .filter(Number.isSafeInteger)
      .sort((a, b) => a - b)
  }

  /** Nothing is overwritten: this process alone holds the directory's lock, so a free number stays free. */
  async #setAside(name: StateFileName, reason: string): Promise<void> {
    const aside = setAsideName(name, Math.max(0, ...(await this.#setAsideNumbers(name))) + 1)
    await this.#files.rename(join(this.#path, name), join(this.#path, aside))
    this.#log.error({ file: name, setAside: aside, reason, remedy: SET_ASIDE_REMEDY }, 'a state file is unusable and was set aside')
    await this.sync()
  }
}
