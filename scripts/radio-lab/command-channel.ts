import { EventEmitter, once } from 'node:events'
import type { Socket } from 'node:net'
import { connectSoon, onJsonLine } from './socket-lines.ts'

/** What a script in the guest printed, and how it ended: an exit code, `timeout`, or the name of the signal that ended it. */
export type CommandResult = { exitCode: number | string; stdout: string; stderr: string }

/** A script in the guest that keeps printing lines. */
export type Follower = { stop: () => void; ended: Promise<void> }

type Pending = { onLine: (line: string) => void; finish: (result: CommandResult) => void; fail: (error: Error) => void }

/** Runs scripts in the guest, over a virtio-serial port (`guest/rootfs/usr/lib/radio-lab/command-channel.mjs` is the other end). */
export class CommandChannel {
  readonly #socket: Socket
  readonly #pending = new Map<number, Pending>()
  readonly #events = new EventEmitter()
  #lastId = 0

  private constructor(socket: Socket) {
    this.#socket = socket
    this.#events.setMaxListeners(100)
    onJsonLine(socket, (message) => this.#receive(message))
    socket.on('error', () => undefined)
    socket.on('close', () => this.#failAll('the virtual machine has ended'))
  }

  /** Connects to the port's socket on the host; the guest need not be up yet. */
  static async connect(path: string, stillAlive: () => void): Promise<CommandChannel> {
    return new CommandChannel(await connectSoon(path, stillAlive))
  }

  /** Runs a bash script as root in the guest and waits for its end. It does not throw on a failing script. */
  run(script: string, timeoutMs: number): Promise<CommandResult> {
    return new Promise((resolve, reject) => {
      const overdue = setTimeout(() => reject(new Error(`the guest did not answer in ${timeoutMs} ms: ${script}`)), timeoutMs + 5_000)
      this.#send(
        { script, timeoutMs, stream: false },
        {
          onLine: () => undefined,
          finish: (result) => {
            clearTimeout(overdue)
            resolve(result)
          },
          fail: (error) => {
            clearTimeout(overdue)
            reject(error)
          },
        },
      )
    })
  }

  /** Runs a bash script as root in the guest and passes its output on, line by line, until it ends or is stopped. */
  follow(script: string, onLine: (line: string) => void): Follower {
    let id = 0
    const ended = new Promise<void>((resolve) => {
      id = this.#send({ script, stream: true }, { onLine, finish: () => resolve(), fail: () => resolve() })
    })
    return { stop: () => this.#socket.write(`${JSON.stringify({ id, stop: true })}\n`), ended }
  }

  /** Calls back whenever a guest has booted so far that it takes commands. */
  onReady(callback: () => void): void {
    this.#events.on('ready', callback)
  }

  /** Waits for the next boot to get so far. */
  async nextReady(timeoutMs: number): Promise<void> {
    try {
      await once(this.#events, 'ready', { signal: AbortSignal.timeout(timeoutMs) })
    } catch {
      throw new Error(`the guest took no commands within ${timeoutMs} ms of its start`)
    }
  }

  /** Ends the connection. */
  close(): void {
    this.#socket.destroy()
  }

  #send(message: Record<string, unknown>, pending: Pending): number {
    const id = ++this.#lastId
    if (this.#socket.destroyed) {
      pending.fail(new Error('the virtual machine has ended'))
      return id
    }
    this.#pending.set(id, pending)
    this.#socket.write(`${JSON.stringify({ id, ...message })}\n`)
    return id
  }

  #receive(message: Record<string, unknown>): void {
    if (message.event === 'ready') {
      this.#failAll('the guest was rebooted')
      this.#events.emit('ready')
      return
    }
    const pending = typeof message.id === 'number' ? this.#pending.get(message.id) : undefined
    if (pending === undefined) return
    if (typeof message.line === 'string') {
      pending.onLine(message.line)
      return
    }
    this.#pending.delete(message.id as number)
    const exitCode = typeof message.exitCode === 'number' ? message.exitCode : String(message.exitCode)
    pending.finish({ exitCode, stdout: String(message.stdout), stderr: String(message.stderr) })
  }

  #failAll(reason: string): void {
    const open = [...this.#pending.values()]
    this.#pending.clear()
    for (const { fail } of open) fail(new Error(reason))
  }
}
