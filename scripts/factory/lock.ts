/** One process at a time: flock(2) on an open file, by the flock program (util-linux). The kernel frees it when the process ends. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'

const FD_IN_CHILD = 3

/** Another process has it. */
export class LockedError extends Error {}

/** Takes the lock of an open file, waiting for it where `wait` says so; closing the descriptor frees it. */
export async function lockFile(fd: number, path: string, wait: 'wait' | 'refuse'): Promise<void> {
  const child = spawn('flock', [...(wait === 'wait' ? [] : ['-n']), '-x', String(FD_IN_CHILD)], {
    stdio: ['ignore', 'ignore', 'inherit', fd],
  })
  const [exitCode] = await once(child, 'close')
  if (exitCode !== 0) throw new LockedError(`${path}: another run works with it: wait for its end`)
}
