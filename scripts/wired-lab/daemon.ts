/** A program that runs beside the laboratory and ends with it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

/** A running one; what it prints goes to `logFile`. */
export type Daemon = {
  readonly pid: number
  readonly logFile: string
  log(): Promise<string>
  stop(signalName?: NodeJS.Signals): Promise<void>
}

/** What to run, where, and the text in its output that says that it is ready (null for a program that says nothing). */
export type DaemonCommand = {
  readonly command: readonly [string, ...string[]]
  readonly namespace: string | null
  readonly logFile: string
  readonly readyText: string | null
  readonly environment?: NodeJS.ProcessEnv
}

const READY_TIMEOUT_MS = 10_000
const READY_CHECK_MS = 10
const STOP_TIMEOUT_MS = 3000

/** Starts it and waits until it is ready. setpriv has the kernel end it should the laboratory be killed. */
export async function startDaemon({ command, namespace, logFile, readyText, environment }: DaemonCommand): Promise<Daemon> {
  const inside = namespace === null ? [] : ['ip', 'netns', 'exec', namespace]
  const [program = '', ...parameters] = [...inside, 'setpriv', '--pdeathsig', 'TERM', ...command]
  const child = spawn(program, parameters, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...environment } })
  const sink = createWriteStream(logFile, { flags: 'a' })
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      sink.write(chunk)
      if (printed.length < 100_000) printed += chunk.toString()
    })
  }
  const ended = new Promise<void>((resolve) => {
    child.once('error', () => resolve())
    child.once('exit', () => resolve())
  })
  const startedMs = performance.now()
  while (readyText !== null && !printed.includes(readyText)) {
    const isLate = performance.now() - startedMs > READY_TIMEOUT_MS
    if (isLate || child.exitCode !== null || child.pid === undefined) throw new Error(`${command.join(' ')} did not start: ${printed}`)
    await sleep(READY_CHECK_MS)
  }
  return {
    pid: child.pid ?? 0,
    logFile,
    // What was printed may not have been written yet.
    log: () => new Promise((resolve) => sink.write('', () => resolve(readFile(logFile, 'utf8')))),
    stop: (signalName = 'SIGTERM') => stop(child, ended, signalName),
  }
}

async function stop(child: ChildProcess, ended: Promise<void>, signalName: NodeJS.Signals): Promise<void> {
  child.kill(signalName)
  const impatience = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
  await ended
  clearTimeout(impatience)
}
