/** The agent process as a unit of systemd has it: with an exit status, and with nothing left of it once it has ended. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { type LogEvent, parseLogLine } from '../../story/agent-log.ts'
import { builtProgram } from '../../story/programs.ts'
import { ONE_FILE_THREAD } from './strace.ts'

/** Where it runs and with what; `before` is put before its command, as strace is. */
export type AgentStart = {
  readonly inside: readonly string[]
  readonly busAddress: string
  readonly configFile: string
  readonly before: readonly string[]
  readonly environment: Readonly<Record<string, string>>
}

/** TimeoutStopSec= of the unit. */
const STOP_TIMEOUT_MS = 10_000

/** How it ended. */
export type Ended = { readonly exitCode: number | null; readonly signal: NodeJS.Signals | null }

/** A started one. */
export class SupervisedAgent {
  readonly lines: string[] = []
  readonly events: LogEvent[] = []
  readonly ended: Promise<Ended>
  #result: Ended | null = null
  readonly #child: ChildProcess

  constructor({ inside, busAddress, configFile, before, environment }: AgentStart) {
    const command = [...inside, ...before, process.execPath, builtProgram('zipkey-agent'), '--config', configFile]
    const [program = '', ...parameters] = command
    const { NODE_EXTRA_CA_CERTS: _, NODE_OPTIONS: __, ...own } = process.env
    const env = { ...own, ...ONE_FILE_THREAD, ...environment, DBUS_SYSTEM_BUS_ADDRESS: busAddress }
    const child = spawn(program, parameters, { stdio: ['ignore', 'ignore', 'pipe'], env, detached: true })
    createInterface({ input: child.stderr }).on('line', (line) => this.#see(line))
    this.#child = child
    this.ended = new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('exit', (exitCode, signal) => {
        this.#result = { exitCode, signal }
        this.#killRest()
        resolve(this.#result)
      })
    })
  }

  get result(): Ended | null {
    return this.#result
  }

  /** Asks it to end; one that does not is killed, as by systemd. */
  async stop(): Promise<Ended> {
    if (this.#result === null) this.#child.kill('SIGTERM')
    const impatience = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS)
    const ended = await this.ended
    clearTimeout(impatience)
    return ended
  }

  #see(line: string): void {
    this.lines.push(line)
    const event = parseLogLine(line)
    if (event !== null) this.events.push(event)
  }

  /** KillMode=control-group: what it started ends with it. */
  #killRest(): void {
    try {
      if (this.#child.pid !== undefined) process.kill(-this.#child.pid, 'SIGKILL')
    } catch {
      // Nothing is left.
    }
  }
}
