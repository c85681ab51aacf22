/**
 * The system's files, with a journal from which every state can be told that a disk may be in after the power was cut: data that
 * was not flushed may be missing or torn, and of the names that were changed since the directory was flushed any first few may
 * be there. (A journaling file system keeps the order of changes to names; the order of data is nobody's business.)
 */
import { basename } from 'node:path'
import { type Files, systemFiles } from '../../../agent/store/files.ts'

/** One thing that happened, as far as it matters to a disk. `promise` is a test's own note of what a call had promised by then. */
type Entry =
  | { readonly did: 'create'; readonly inode: number; readonly name: string }
  | { readonly did: 'write'; readonly inode: number; readonly bytes: Buffer }
  | { readonly did: 'sync-file'; readonly inode: number }
  | { readonly did: 'rename'; readonly from: string; readonly to: string }
  | { readonly did: 'remove'; readonly name: string }
  | { readonly did: 'sync-directory' }
  | { readonly did: 'promise'; readonly what: string }

/** What a disk may hold after a cut, and everything that had been promised before it. */
export type DiskAfterCut = { readonly files: ReadonlyMap<string, Buffer>; readonly promised: readonly string[]; readonly cutAfter: string }

/** Thrown in place of the operation that a test chose to be the last. */
export class ProcessKilled extends Error {}

/** Files of one flat directory. */
export class JournaledFiles implements Files {
  readonly #journal: Entry[] = []
  readonly #inodes = new Map<number, number>()
  readonly #directories = new Set<number>()
  #lastInode = 0
  #killAfterRename: string | null = null

  /** Notes what a call that has returned promised. */
  promise(what: string): void {
    this.#journal.push({ did: 'promise', what })
  }

  /** Kills the process right after the next rename to that name; the kernel, and what it has cached, live on. */
  killAfterRenameTo(name: string | null): void {
    this.#killAfterRename = name
  }

  async open(path: string, flags: number, mode: number): Promise<number> {
    const fd = await systemFiles.open(path, flags, mode)
    if (mode === 0) {
      if (!(await systemFiles.isRegularFile(fd))) this.#directories.add(fd)
      return fd
    }
    this.#lastInode += 1
    this.#inodes.set(fd, this.#lastInode)
    this.#journal.push({ did: 'create', inode: this.#lastInode, name: basename(path) })
    return fd
  }

  isRegularFile(fd: number): Promise<boolean> {
    return systemFiles.isRegularFile(fd)
  }

  read(fd: number, into: Uint8Array): Promise<number> {
    return systemFiles.read(fd, into)
  }

  /** Always short, so that a cut may fall into the middle of a file. */
  async write(fd: number, bytes: Uint8Array): Promise<number> {
    const some = bytes.subarray(0, Math.ceil(bytes.length / 2))
    const written = await systemFiles.write(fd, some)
    this.#journal.push({ did: 'write', inode: this.#inodes.get(fd) ?? 0, bytes: Buffer.from(some.subarray(0, written)) })
    return written
  }

  async sync(fd: number): Promise<void> {
    await systemFiles.sync(fd)
    const inode = this.#inodes.get(fd)
    if (inode !== undefined) this.#journal.push({ did: 'sync-file', inode })
    else if (this.#directories.has(fd)) this.#journal.push({ did: 'sync-directory' })
  }

  async close(fd: number): Promise<void> {
    this.#inodes.delete(fd)
    this.#directories.delete(fd)
    await systemFiles.close(fd)
  }

  async rename(from: string, to: string): Promise<void> {
    await systemFiles.rename(from, to)
    this.#journal.push({ did: 'rename', from: basename(from), to: basename(to) })
    if (this.#killAfterRename !== basename(to)) return
    this.#killAfterRename = null
    throw new ProcessKilled()
  }

  async remove(path: string): Promise<void> {
    await systemFiles.remove(path)
    this.#journal.push({ did: 'remove', name: basename(path) })
  }

  list(directory: string): Promise<readonly string[]> {
    return systemFiles.list(directory)
  }

  makeDirectory(path: string, mode: number): Promise<string | null> {
    return systemFiles.makeDirectory(path, mode)
  }

  /** Every state after every cut; those that do not differ in files and promises are given once. */
  statesAfterCuts(): readonly DiskAfterCut[] {
    const states = this.#journal.flatMap((_, index) => statesAfter(this.#journal.slice(0, index + 1)))
    const keyOf = ({ files, promised }: DiskAfterCut): string =>
      JSON.stringify([[...files].map(([name, bytes]) => [name, bytes.toString('hex')]).sort(), promised])
    return [...new Map(states.map((state) => [keyOf(state), state])).values()]
  }
}

function statesAfter(journal: readonly Entry[]): readonly DiskAfterCut[] {
  const promised = journal.flatMap((entry) => (entry.did === 'promise' ? [entry.what] : []))
  const last = journal.at(-1)
  const lastSync = journal.findLastIndex((entry) => entry.did === 'sync-directory')
  const changesSince = journal.flatMap((entry, index) => (index > lastSync && isNameChange(entry) ? [index] : []))
  // Names as of the last flush, and then with any first few of the later changes.
  const lastIndexes = [lastSync, ...changesSince]
  return lastIndexes.flatMap((lastIndex) => {
    const names = namesAfter(journal.slice(0, lastIndex + 1))
    return contentsOf(names, journal).map((files) => ({ files, promised, cutAfter: JSON.stringify(last) }))
  })
}

const isNameChange = (entry: Entry): boolean => entry.did === 'create' || entry.did === 'rename' || entry.did === 'remove'

function namesAfter(journal: readonly Entry[]): ReadonlyMap<string, number> {
  const names = new Map<string, number>()
  for (const entry of journal) {
    if (entry.did === 'create') names.set(entry.name, entry.inode)
    if (entry.did === 'remove') names.delete(entry.name)
    if (entry.did === 'rename') {
      const inode = names.get(entry.from)
      names.delete(entry.from)
      if (inode !== undefined) names.set(entry.to, inode)
    }
  }
  return names
}

/** Every combination of what the files may hold: as flushed, or else nothing, half, zeros or all of what was written. */
function contentsOf(names: ReadonlyMap<string, number>, journal: readonly Entry[]): readonly ReadonlyMap<string, Buffer>[] {
  let states: readonly ReadonlyMap<string, Buffer>[] = [new Map()]
  for (const [name, inode] of names) {
    const contents = contentsOfInode(inode, journal)
    states = states.flatMap((state) => contents.map((content) => new Map([...state, [name, content]])))
  }
  return states
}

function contentsOfInode(inode: number, journal: readonly Entry[]): readonly Buffer[] {
  const written = journal.filter((entry) => entry.did === 'write' && entry.inode === inode)
  const whole = Buffer.concat(written.flatMap((entry) => (entry.did === 'write' ? [entry.bytes] : [])))
  const lastWrite = journal.findLastIndex((entry) => entry.did === 'write' && entry.inode === inode)
  const lastSync = journal.findLastIndex((entry) => entry.did === 'sync-file' && entry.inode === inode)
  if (lastSync > lastWrite) return [whole]
  return [Buffer.alloc(0), whole.subarray(0, whole.length / 2), Buffer.alloc(whole.length), whole]
}
