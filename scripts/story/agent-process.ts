/** The agent as a process on the wired device: started, restarted and ended as a service manager would. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { builtProgram, type Inside } from './programs.ts'

/** Where it runs, with which CA config, and where the message bus is. */
export type AgentProcessOptions = { readonly inside: Inside; readonly configFile: string; readonly busAddress: string }

/** One agent at a time; every line of its log goes to the listener of `start`. */
export class AgentProcess {
  readonly #options: AgentProcessOptions
  #onLine: (line: string) => void = () => {}
  #child: ChildProcess | null = null

  constructor(options: AgentProcessOptions) {
    this.#options = options
  }

  /** Starts it. */
  start(onLine: (line: string) => void): void {
    this.#onLine = onLine
    this.#launch()
  }

  /** Ends it with SIGTERM and starts it again. */
  async restart(): Promise<void> {
    await this.stop()
    this.#launch()
  }

  /** Ends it. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#child
    this.#child = null
    if (child === null || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }

  #launch(): void {
    const { inside, configFile, busAddress } = this.#options
    const [program = '', ...parameters] = [...inside, process.execPath, builtProgram('zipkey-agent'), '--config', configFile]
    const { NODE_EXTRA_CA_CERTS: _, ...environment } = process.env
    const child = spawn(program, parameters, {
      stdio: ['ignore', 'inherit', 'pipe'],
      env: { ...environment, DBUS_SYSTEM_BUS_ADDRESS: busAddress },
    })
    createInterface({ input: child.stderr }).on('line', (line) => this.#onLine(line))
    this.#child = child
  }
}
