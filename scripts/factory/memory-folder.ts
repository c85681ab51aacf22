/** Where secrets may lie for a moment without touching a disk. */
import { statSync } from 'node:fs'
import { tmpdir } from 'node:os'

const SHARED_MEMORY = '/dev/shm'

/** A folder in memory where the system has one, else the one for temporary files. */
export const memoryFolder = (): string =>
  statSync(SHARED_MEMORY, { throwIfNoEntry: false })?.isDirectory() === true ? SHARED_MEMORY : tmpdir()
