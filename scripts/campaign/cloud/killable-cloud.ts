/** A cloud process that may be killed at any moment and is started again as it is, on the same port. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { CloudProgram } from './cloud-program.ts'

/** Where it lives; what it logs goes to `logFile`. */
export type CloudPlace = { readonly program: CloudProgram; readonly dataFolder: string; readonly logFile: string }

/** The process. */
export class KillableCloud {
  readonly #place: CloudPlace
  #running: ChildProcess | null = null
  #port = 0

  constructor(place: CloudPlace) {
    this.#place = place
  }

  /** The port that the first start took. */
  get port(): number {
    return this.#port
  }

  /** Starts it and waits until it listens. */
  async start(): Promise<void> {
    const { program, dataFolder, logFile } = this.#place
    const { NODE_EXTRA_CA_CERTS: _, ...environment } = process.env
    const serve = ['serve', '--data', dataFolder, '--listen', `127.0.0.1:${this.#port}`, '--log-level', 'warn']
    // The kernel ends it should the campaign be killed.
    const log = openSync(logFile, 'a', 0o600)
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', process.execPath, program.file, ...serve], {
      env: { ...environment, ...program.environment },
      stdio: ['ignore', 'pipe', log],
    })
    closeSync(log)
    this.#running = child
    if (child.stdout === null) throw new Error('the cloud has no stdout')
    for await (const line of createInterface({ input: child.stdout })) {
      const port = /^listening on port ([0-9]+)$/.exec(line)?.[1]
      if (port === undefined) continue
      this.#port = Number(port)
      return
    }
    throw new Error(`the cloud ended before it listened: see ${logFile}`)
  }

  /** Ends it: at once by SIGKILL, or in order. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#running
    this.#running = null
    if (child === null || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }
}
