/** Devices in the field: each with an id, a CA config and a state directory of its own, on the one port of a wired lab, one at a time. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, onTestFinished } from 'vitest'
import { isObject } from '../../agent/contract/parsed.ts'
import { builtProgram, insideNamespace } from '../../scripts/story/programs.ts'
import { labelInSlot } from '../../scripts/story/slot-label.ts'
import type { OpenWiredStage } from '../../scripts/story/wired-stage.ts'

/** A line of the agent's log, or of what it prints before it has one (`msg` alone). */
export type AgentLine = Readonly<Record<string, unknown>> & { readonly msg: string }

/** How an agent is run: shell lines before it, in its own mount namespace; more arguments; another build of it. */
export type RunOptions = { readonly prepare?: string; readonly args?: readonly string[]; readonly program?: string }

const STEADY_MS = 30_000

/** A process of the agent and everything it has said. */
export class AgentRun {
  readonly lines: AgentLine[] = []
  readonly #child: ChildProcess
  readonly #exited: Promise<number | null>
  #wake: () => void = () => {}

  constructor(child: ChildProcess) {
    this.#child = child
    if (child.stderr === null) throw new Error('the agent has no stderr')
    const lines = createInterface({ input: child.stderr })
    lines.on('line', (line) => {
      this.lines.push(parseLine(line))
      this.#wake()
    })
    this.#exited = Promise.all([once(child, 'exit'), once(lines, 'close')]).then(() => child.exitCode)
    void this.#exited.then(() => this.#wake())
  }

  /** The first line, said already or yet to come, that is as it must be. */
  async line(what: string, holds: (line: AgentLine) => boolean, withinMs = STEADY_MS): Promise<AgentLine> {
    const deadlineMs = performance.now() + withinMs
    for (;;) {
      const found = this.lines.find(holds)
      if (found !== undefined) return found
      const leftMs = deadlineMs - performance.now()
      if (leftMs <= 0 || this.#child.exitCode !== null) throw new Error(`the agent never said: ${what}\n${this.text()}`)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
        setTimeout(resolve, Math.min(leftMs, 1_000))
      })
    }
  }

  /** The first failure with this code. */
  failed(code: string): Promise<AgentLine> {
    return this.line(code, (line) => line.code === code)
  }

  /** Comes to rest with this kind of credential (`current`, `flashed`); gives the line about what it found when it started. */
  async steady(): Promise<AgentLine> {
    await this.line('steady', (line) => line.to === 'steady')
    return this.line('loaded', (line) => line.event === 'loaded')
  }

  /** The exit code of an agent that ends by itself. */
  exit(): Promise<number | null> {
    return this.#exited
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.#child.exitCode === null) this.#child.kill(signal)
    return this.#exited
  }

  text(): string {
    return this.lines.map((line) => JSON.stringify(line)).join('\n')
  }
}

function parseLine(line: string): AgentLine {
  try {
    const value: unknown = JSON.parse(line)
    if (isObject(value) && typeof value.msg === 'string') return { ...value, msg: value.msg }
  } catch {
    // printed for a person, before there is a log
  }
  return { msg: line }
}

/** One device. */
export class FieldDevice {
  readonly id: string
  readonly folder: string
  readonly stateFolder: string
  readonly configFile: string
  readonly #stage: OpenWiredStage

  /** Flashed with a provisioning key and an empty state directory; gone when the test is over. */
  constructor(stage: OpenWiredStage, id: string, sections: Readonly<Record<string, unknown>> = {}) {
    this.#stage = stage
    this.id = id
    this.folder = mkdtempSync(join(stage.folder, 'device-'))
    onTestFinished(() => rmSync(this.folder, { recursive: true, force: true }))
    this.stateFolder = join(this.folder, 'state')
    this.configFile = join(this.folder, 'etc/ca.json')
    mkdirSync(join(this.folder, 'etc'))
    mkdirSync(this.stateFolder, { mode: 0o700 })
    const factory: unknown = JSON.parse(readFileSync(join(stage.folder, 'ca.json'), 'utf8'))
    const timers = { backoffBaseMs: 100, backoffCapMs: 500 }
    this.configure({ ...(factory as object), device: { id }, state: { directory: this.stateFolder }, timers, ...sections })
  }

  config(): Readonly<Record<string, unknown>> {
    return JSON.parse(readFileSync(this.configFile, 'utf8')) as Readonly<Record<string, unknown>>
  }

  configure(config: object): void {
    writeFileSync(this.configFile, `${JSON.stringify(config, null, 2)}\n`)
    chmodSync(this.configFile, 0o600)
  }

  state(name: string): string {
    return readFileSync(join(this.stateFolder, name), 'utf8')
  }

  /** The id of the secret in the current slot. */
  currentSecretId(): string {
    const slot: unknown = JSON.parse(this.state('current.json'))
    if (!isObject(slot) || typeof slot.secretId !== 'string') throw new Error('current.json holds no secret')
    return slot.secretId
  }

  /** What the credential in the current slot is called. */
  currentLabel(): string {
    const label = labelInSlot(this.state('current.json'))
    if (label === null) throw new Error('current.json holds no credential')
    return label
  }

  /** Starts the built agent as a service manager would; ended with the test at the latest. */
  start({ prepare = '', args = [], program: agentProgram = builtProgram('zipkey-agent') }: RunOptions = {}): AgentRun {
    const { lab } = this.#stage
    const agent = [process.execPath, agentProgram, '--config', this.configFile, ...args]
    const [program = '', ...parameters] = [
      ...insideNamespace(lab.wire.deviceNamespace),
      'sh',
      '-ec',
      `${prepare}\nexec "$@"`,
      'sh',
      ...agent,
    ]
    const { NODE_EXTRA_CA_CERTS: _, ...environment } = process.env
    const child = spawn(program, parameters, {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...environment, DBUS_SYSTEM_BUS_ADDRESS: lab.busAddress },
    })
    const run = new AgentRun(child)
    onTestFinished(async () => void (await run.stop('SIGKILL')))
    return run
  }

  /** Runs to its end. */
  async run(...args: readonly string[]): Promise<{ readonly exitCode: number | null; readonly text: string }> {
    const run = this.start({ args })
    return { exitCode: await run.exit(), text: run.lines.map(({ msg }) => msg).join('\n') }
  }

  /** The first connection: afterwards the device has a permanent credential, and the agent is stopped. */
  async onboard(): Promise<string> {
    await this.untilPromoted()
    return this.currentSecretId()
  }

  /** Runs the agent until it has promoted a credential, the first one or the next; gives what it is called. */
  async untilPromoted(): Promise<string> {
    const run = this.start()
    await run.line('promoted', (line) => line.event === 'promoted')
    expect(await run.stop()).toBe(0)
    return this.currentLabel()
  }
}

/** What the loaded line names first. */
export const firstCandidate = (loaded: AgentLine): unknown => (Array.isArray(loaded.candidates) ? loaded.candidates[0] : undefined)
