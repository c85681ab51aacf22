/**
 * The state directory's disk as data, and as the `Files` that the real store works on.
 *
 * A disk is a list of directories: the first is on the platter, each later one is the next change of names that was not flushed
 * yet, the last is what programs see. A power cut leaves any one of them (a journaling file system keeps the order of changes
 * to names), and of a file whose data was not flushed either all of it or a torn half.
 */
import { constants } from 'node:fs'
import { basename } from 'node:path'
import type { Files } from '../../agent/store/files.ts'

/** One file's data, and whether it would survive a power cut. */
type Body = { readonly text: string; readonly flushed: boolean }

export type Directory = Readonly<Record<string, Body>>

export type Disk = readonly [Directory, ...Directory[]]

export const EMPTY_DISK: Disk = [{}]

/** What programs see. */
export const visible = (disk: Disk): Directory => disk.at(-1) ?? disk[0]

const keyOf = (value: unknown): string => JSON.stringify(value)

const unique = <T>(values: readonly T[]): readonly T[] => [...new Map(values.map((value) => [keyOf(value), value])).values()]

const torn = (text: string): string => text.slice(0, text.length >> 1)

function withTorn(directory: Directory): readonly Directory[] {
  let variants: readonly Directory[] = [{}]
  for (const [name, { text, flushed }] of Object.entries(directory)) {
    const texts = flushed ? [text] : [text, torn(text)]
    variants = variants.flatMap((others) => texts.map((each) => ({ ...others, [name]: { text: each, flushed: true } })))
  }
  return variants
}

/** Every disk that a power cut now may leave. */
export const afterPowerCut = (disk: Disk): readonly Disk[] => unique(disk.flatMap(withTorn)).map((directory) => [directory])

/** A copy of what programs see, on another disk, flushed: what `dd` of a running device makes. */
export const cloneOf = (disk: Disk): Disk => [
  Object.fromEntries(Object.entries(visible(disk)).map(([name, { text }]) => [name, { text, flushed: true }])),
]

class SystemCallError extends Error {
  readonly syscall: string
  readonly code: string

  constructor(code: string, syscall: string) {
    super(`${code}: ${syscall}`)
    this.code = code
    this.syscall = syscall
  }
}

type OpenBody = { bytes: Buffer; flushed: boolean }
type Names = ReadonlyMap<string, OpenBody>
type Descriptor = { readonly body: OpenBody | null; position: number }

const FIRST_FD = 100

/** Files in memory, over one disk. The n-th operation that changes something can be made to fail with EIO before it does. */
export class MemoryFiles implements Files {
  /** The disk after each operation that changed something. */
  readonly moments: Disk[] = []
  #directories: Names[]
  readonly #descriptors = new Map<number, Descriptor>()
  readonly #failAt: number | null
  #changes = 0
  #lastFd = FIRST_FD

  constructor(disk: Disk, failAt: number | null = null) {
    // Between two calls no descriptor is open, so that a body that is in several directories need not stay one.
    this.#directories = disk.map(
      (directory) =>
        new Map(Object.entries(directory).map(([name, { text, flushed }]) => [name, { bytes: Buffer.from(text), flushed }] as const)),
    )
    this.#failAt = failAt
  }

  /** The disk as it is now. */
  get disk(): Disk {
    const [first = {}, ...rest] = this.#directories.map((names): Directory => {
      const sorted = [...names].sort(([a], [b]) => (a < b ? -1 : 1))
      return Object.fromEntries(sorted.map(([name, { bytes, flushed }]) => [name, { text: bytes.toString(), flushed }]))
    })
    return [first, ...rest]
  }

  async open(path: string, flags: number, _mode: number): Promise<number> {
    if ((flags & constants.O_DIRECTORY) !== 0) return this.#describe(null)
    const name = basename(path)
    if ((flags & constants.O_CREAT) === 0) {
      const found = this.#visible.get(name)
      if (found === undefined) throw new SystemCallError('ENOENT', 'open')
      return this.#describe(found)
    }
    const created: OpenBody = { bytes: Buffer.alloc(0), flushed: false }
    this.#change('open', () => this.#rename([...this.#visible, [name, created]]))
    return this.#describe(created)
  }

  async isRegularFile(fd: number): Promise<boolean> {
    return this.#described(fd).body !== null
  }

  async read(fd: number, into: Uint8Array): Promise<number> {
    const descriptor = this.#described(fd)
    const length = descriptor.body?.bytes.copy(into, 0, descriptor.position) ?? 0
    descriptor.position += length
    return length
  }

  async write(fd: number, bytes: Uint8Array): Promise<number> {
    const { body } = this.#described(fd)
    this.#change('write', () => {
      if (body === null) throw new SystemCallError('EISDIR', 'write')
      body.bytes = Buffer.concat([body.bytes, bytes])
      body.flushed = false
    })
    return bytes.length
  }

  async sync(fd: number): Promise<void> {
    const { body } = this.#described(fd)
    this.#change('fsync', () => {
      if (body !== null) body.flushed = true
      else this.#directories = [this.#visible]
    })
  }

  async close(fd: number): Promise<void> {
    this.#descriptors.delete(fd)
  }

  async rename(from: string, to: string): Promise<void> {
    const body = this.#visible.get(basename(from))
    if (body === undefined) throw new SystemCallError('ENOENT', 'rename')
    const others = [...this.#visible].filter(([name]) => name !== basename(from))
    this.#change('rename', () => this.#rename([...others, [basename(to), body]]))
  }

  async remove(path: string): Promise<void> {
    if (!this.#visible.has(basename(path))) throw new SystemCallError('ENOENT', 'unlink')
    this.#change('unlink', () => this.#rename([...this.#visible].filter(([name]) => name !== basename(path))))
  }

  async list(): Promise<readonly string[]> {
    return [...this.#visible.keys()]
  }

  async makeDirectory(): Promise<string | null> {
    return null
  }

  get #visible(): Names {
    return this.#directories.at(-1) ?? new Map()
  }

  #rename(names: readonly (readonly [string, OpenBody])[]): void {
    this.#directories.push(new Map(names))
  }

  #change(syscall: string, change: () => void): void {
    this.#changes += 1
    if (this.#changes - 1 === this.#failAt) throw new SystemCallError('EIO', syscall)
    change()
    this.moments.push(this.disk)
  }

  #describe(body: OpenBody | null): number {
    this.#lastFd += 1
    this.#descriptors.set(this.#lastFd, { body, position: 0 })
    return this.#lastFd
  }

  #described(fd: number): Descriptor {
    const descriptor = this.#descriptors.get(fd)
    if (descriptor === undefined) throw new SystemCallError('EBADF', 'a file operation')
    return descriptor
  }
}
