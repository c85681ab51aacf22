/**
 * One agent per state directory, for as long as it lives.
 *
 * The lock is flock(2) on the open directory itself. Node cannot call flock, so the program of that name does, on a descriptor
 * that it shares with us: the lock belongs to the open file description, outlives that program, and the kernel drops it when
 * our process ends in whatever way. A socket in the abstract namespace would need no program, but such names exist once per
 * network namespace, anyone may take one, and the state directory is the same from everywhere. A lock file would need a
 * writable disk. Node opens everything close-on-exec, so a DHCP client that outlives the agent does not keep the lock.
 */
import { spawn } from 'node:child_process'
import { AgentError } from '../failure.ts'

type Ended = { readonly exitCode: number | null; readonly stderr: string }

const FD_IN_CHILD = 3

function runFlock(directoryFd: number): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn('flock', ['-n', '-x', String(FD_IN_CHILD)], {
      stdio: ['ignore', 'ignore', 'pipe', directoryFd],
      env: { PATH: process.env.PATH, LC_ALL: 'C' },
    })
    let stderr = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    child.on('error', reject)
    child.on('close', (exitCode) => resolve({ exitCode, stderr: stderr.trim() }))
  })
}

/** Takes the lock or throws: ERR_STATE_LOCKED where another process has it. Closing the descriptor releases it. */
export async function lockDirectory(directoryFd: number, path: string): Promise<void> {
  let ended: Ended
  try {
    ended = await runFlock(directoryFd)
  } catch (error) {
    throw new AgentError('ERR_STORE_IO', 'cannot run flock (util-linux or busybox), which locks the state directory', { cause: error })
  }
  if (ended.exitCode === 0) return
  // util-linux and busybox both answer 1 and keep silent when another process has the lock.
  if (ended.exitCode === 1 && ended.stderr === '') throw new AgentError('ERR_STATE_LOCKED', `another agent holds the lock of ${path}`)
  throw new AgentError('ERR_STORE_IO', `cannot lock ${path}: flock ended with ${ended.exitCode}`, { cause: new Error(ended.stderr) })
}
