/** The system's files, until one chosen operation fails in a chosen way. */
import { basename } from 'node:path'
import { type Files, systemFiles } from '../../../agent/store/files.ts'

/** What one operation does: fails without effect, fails after its effect, or is where the process is killed, before or after. */
export type Fault =
  | { readonly kind: 'error-before' | 'error-after'; readonly errno: string }
  | { readonly kind: 'killed-before' | 'killed-after' }
  | { readonly kind: 'short' }

/** The process ended here; nothing it does afterwards has an effect. */
export class Killed extends Error {}

const systemError = (errno: string): Error => Object.assign(new Error(`${errno}: injected`), { code: errno, syscall: 'injected' })

/** Counts operations from 1 and lets the one with number `at` go wrong. */
export class FaultyFiles implements Files {
  readonly names: string[] = []
  /** Names of files that can be opened and not read, as on a disk with bad blocks. */
  readonly unreadable = new Set<string>()
  #at = 0
  #fault: Fault = { kind: 'short' }
  #isKilled = false
  readonly #open = new Map<number, string>()

  /** Counts anew, and lets that operation go wrong. */
  arm(at: number, fault: Fault): void {
    this.names.length = 0
    this.#at = at
    this.#fault = fault
  }

  /** What the kernel does when the process has ended. */
  async closeAll(): Promise<void> {
    for (const fd of this.#open.keys()) await systemFiles.close(fd)
    this.#open.clear()
  }

  async open(path: string, flags: number, mode: number): Promise<number> {
    return this.#run('open', async () => {
      const fd = await systemFiles.open(path, flags, mode)
      this.#open.set(fd, basename(path))
      return fd
    })
  }

  isRegularFile(fd: number): Promise<boolean> {
    return this.#run('fstat', () => systemFiles.isRegularFile(fd))
  }

  read(fd: number, into: Uint8Array): Promise<number> {
    return this.#run('read', async (isShort) => {
      if (this.unreadable.has(this.#open.get(fd) ?? '')) throw systemError('EIO')
      return systemFiles.read(fd, isShort ? into.subarray(0, 1) : into)
    })
  }

  write(fd: number, bytes: Uint8Array): Promise<number> {
    return this.#run('write', (isShort) => systemFiles.write(fd, isShort ? bytes.subarray(0, 1) : bytes))
  }

  sync(fd: number): Promise<void> {
    return this.#run('fsync', () => systemFiles.sync(fd))
  }

  /** close(2) releases the descriptor even where it reports an error. */
  close(fd: number): Promise<void> {
    return this.#run('close', async () => {
      this.#open.delete(fd)
      await systemFiles.close(fd)
    })
  }

  rename(from: string, to: string): Promise<void> {
    return this.#run('rename', () => systemFiles.rename(from, to))
  }

  remove(path: string): Promise<void> {
    return this.#run('unlink', () => systemFiles.remove(path))
  }

  list(directory: string): Promise<readonly string[]> {
    return this.#run('readdir', () => systemFiles.list(directory))
  }

  makeDirectory(path: string, mode: number): Promise<string | null> {
    return this.#run('mkdir', () => systemFiles.makeDirectory(path, mode))
  }

  async #run<T>(name: string, operate: (isShort: boolean) => Promise<T>): Promise<T> {
    if (this.#isKilled) throw new Killed()
    this.names.push(name)
    const fault = this.names.length === this.#at ? this.#fault : null
    switch (fault?.kind) {
      case undefined:
        return operate(false)
      case 'short':
        return operate(true)
      case 'error-before':
        if (name === 'close') await operate(false)
        throw systemError(fault.errno)
      case 'error-after':
        await operate(false)
        throw systemError(fault.errno)
      case 'killed-after':
        await operate(false)
        this.#isKilled = true
        throw new Killed()
      case 'killed-before':
        this.#isKilled = true
        throw new Killed()
    }
  }
}
