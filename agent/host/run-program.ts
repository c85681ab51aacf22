/** Runs a short program of the operating system under a deadline; only PATH and what is named reach its environment. */
import { type ChildProcess, spawn } from 'node:child_process'

/** How a program ended: its exit code (null where it was killed) and the first line that it wrote to stderr. */
export type Ended = { readonly exitCode: number | null; readonly complaint: string }

/** What to run. */
export type Program = {
  readonly name: string
  readonly args: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  readonly timeoutMs: number
}

const MAX_COMPLAINT_CHARACTERS = 200

/** Runs it to its end; rejects only where it cannot be started. */
export function runProgram({ name, args, environment, timeoutMs }: Program): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child: ChildProcess = spawn(name, args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { PATH: process.env.PATH, LC_ALL: 'C', ...environment },
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    })
    let stderr = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      if (stderr.length < MAX_COMPLAINT_CHARACTERS) stderr += text
    })
    child.on('error', reject)
    child.on('close', (exitCode) => resolve({ exitCode, complaint: (stderr.split('\n')[0] ?? '').slice(0, MAX_COMPLAINT_CHARACTERS) }))
  })
}
