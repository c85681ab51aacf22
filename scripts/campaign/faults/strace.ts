/**
 * strace as the disk's bad luck. With `-P` it looks at calls on the named paths alone, and its `when=` counts those alone (seen with
 * strace 6.1). libuv's one pool thread makes all of the agent's calls on files, so that the count means the same in every run.
 */
import { dirname, join } from 'node:path'
import { type Fault, isLasting, type Trouble } from './points.ts'

/** The environment that pins libuv: one pool thread, and system calls where io_uring would have none. */
export const ONE_FILE_THREAD = { UV_THREADPOOL_SIZE: '1', UV_USE_IO_URING: '0' }

/**
 * Every path that the store and the retirement of the provisioning key change. Reading the CA config is left out: it is no part of
 * the swap, and the agent does it on another thread.
 */
export function watchedPaths(stateFolder: string, configFolder: string): readonly string[] {
  const files = ['pending.json', 'current.json', 'nonce', 'key', 'time-floor']
  const inState = files.flatMap((name) => [join(stateFolder, name), join(stateFolder, `.${name}.tmp`)])
  return [configFolder, join(configFolder, '.ca.json.new'), dirname(stateFolder), stateFolder, ...inState]
}

// -DD: strace is a grandchild in a process group of its own, and the agent a child like any other, with its own exit code.
const strace = (output: string, paths: readonly string[]): readonly string[] => [
  ...['strace', '-DD', '-f', '-qq', '-y', '-e', 'signal=none', '-o', output],
  ...paths.flatMap((path) => ['-P', path]),
]

/** What is put before the agent's command to record every call on these paths. */
export const recording = (output: string, paths: readonly string[]): readonly string[] => strace(output, paths)

/** What is put before it to disturb one; a short write is for another tool, and needs strace only where the disk is full then. */
export function disturbing(output: string, paths: readonly string[], { point, trouble }: Fault): readonly string[] {
  const inject = injection(trouble)
  if (inject === null) return []
  const n = trouble.kind === 'short-write' ? point.n + 1 : point.n
  const lasting = isLasting(trouble) ? '+' : ''
  // With seccomp the agent runs at its usual speed, but strace 6.1 then loses the signal.
  const fast = trouble.kind === 'kill' ? [] : ['--seccomp-bpf']
  const what = ['-e', `trace=${point.syscall}`, '-e', `inject=${point.syscall}:${inject}:when=${n}${lasting}`]
  return [...strace(output, paths), ...fast, ...what]
}

function injection(trouble: Trouble): string | null {
  switch (trouble.kind) {
    case 'error':
      return `error=${trouble.errno}`
    case 'kill':
      return 'signal=KILL'
    case 'short-write':
      return trouble.thenFull ? 'error=ENOSPC' : null
  }
}
