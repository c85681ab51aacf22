import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { CommandChannel } from './command-channel.ts'
import { type HostPorts, type MachineFiles, type Memory, qemuArguments } from './qemu-arguments.ts'
import { Qmp } from './qmp.ts'

// Memory in a file that is shared needs not be copied into the snapshot, nor out of it.
const memoryStaysInFile = { capabilities: [{ capability: 'x-ignore-shared', state: true }] }

/** One QEMU process. */
export class VirtualMachine {
  readonly channel: CommandChannel
  readonly #process: ChildProcess
  readonly #qmp: Qmp
  readonly #exited: Promise<void>

  private constructor(process: ChildProcess, exited: Promise<void>, qmp: Qmp, channel: CommandChannel) {
    this.#process = process
    this.#exited = exited
    this.#qmp = qmp
    this.channel = channel
  }

  /** Starts QEMU. A machine that boots is not ready yet: see `channel.nextReady`. */
  static async start(files: MachineFiles, memory: Memory, ports: HostPorts): Promise<VirtualMachine> {
    for (const name of ['qmp', 'command', 'shell']) rmSync(join(files.runFolder, `${name}.sock`), { force: true })
    const errorFile = join(files.runFolder, 'qemu-errors.log')
    const errors = openSync(errorFile, 'w')
    const process = spawn('setpriv', ['--pdeathsig', 'KILL', 'qemu-system-x86_64', ...qemuArguments(files, memory, ports)], {
      stdio: ['ignore', 'ignore', errors],
    })
    closeSync(errors)
    const exited = new Promise<void>((resolve) => {
      process.once('exit', () => resolve())
      process.once('error', () => resolve())
    })
    const stillAlive = () => {
      const ended = process.pid === undefined || process.exitCode !== null || process.signalCode !== null
      if (ended) throw new Error(`QEMU ended at once: ${readFileSync(errorFile, 'utf8').trim() || 'is it installed?'}`)
    }
    try {
      const channel = await CommandChannel.connect(join(files.runFolder, 'command.sock'), stillAlive)
      const qmp = await Qmp.connect(join(files.runFolder, 'qmp.sock'), stillAlive)
      return new VirtualMachine(process, exited, qmp, channel)
    } catch (error) {
      process.kill('SIGKILL')
      throw error
    }
  }

  /** Process id of QEMU. */
  get pid(): number | undefined {
    return this.#process.pid
  }

  /** Stops the guest's clock and writes everything but its memory, which lies in the memory file already. */
  async saveState(stateFile: string): Promise<void> {
    await this.#qmp.execute('stop')
    await this.#qmp.execute('migrate-set-capabilities', memoryStaysInFile)
    await this.#qmp.execute('migrate', { uri: `exec:cat > ${stateFile}` })
    for (;;) {
      const { status, 'error-desc': reason } = await this.#qmp.execute('query-migrate')
      if (status === 'completed') return
      if (status === 'failed') throw new Error(`QEMU could not take the snapshot: ${String(reason)}`)
      await sleep(5)
    }
  }

  /** Continues where `saveState` stopped. */
  async restoreState(stateFile: string): Promise<void> {
    await this.#qmp.execute('migrate-set-capabilities', memoryStaysInFile)
    await this.#qmp.execute('migrate-incoming', { uri: `exec:cat ${stateFile}` })
    while ((await this.#qmp.execute('query-status')).status === 'inmigrate') await sleep(2)
    await this.#qmp.execute('cont')
  }

  /** Cuts the power: nothing in the guest gets to know. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.#exited
    this.#qmp.close()
    this.channel.close()
  }
}
