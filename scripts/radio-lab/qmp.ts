import type { Socket } from 'node:net'
import { connectSoon, onJsonLine } from './socket-lines.ts'

/** QEMU's control connection (QEMU Machine Protocol). */
export class Qmp {
  readonly #socket: Socket
  readonly #waiting: { resolve: (answer: Record<string, unknown>) => void; reject: (error: Error) => void }[] = []

  private constructor(socket: Socket) {
    this.#socket = socket
    onJsonLine(socket, (message) => this.#receive(message))
    socket.on('error', () => undefined)
    socket.on('close', () => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error('QEMU closed its control connection'))
    })
  }

  /** Connects and ends the greeting, after which commands are accepted. */
  static async connect(path: string, stillAlive: () => void): Promise<Qmp> {
    const qmp = new Qmp(await connectSoon(path, stillAlive))
    await qmp.execute('qmp_capabilities')
    return qmp
  }

  /** Runs one command; commands are answered in the order in which they were sent. */
  execute(command: string, parameters: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) {
        reject(new Error('QEMU has ended'))
        return
      }
      this.#waiting.push({ resolve, reject })
      this.#socket.write(`${JSON.stringify({ execute: command, arguments: parameters })}\n`)
    })
  }

  /** Ends the connection. */
  close(): void {
    this.#socket.destroy()
  }

  #receive(message: Record<string, unknown>): void {
    if ('event' in message || 'QMP' in message) return
    const first = this.#waiting.shift()
    if (first === undefined) return
    if ('error' in message) first.reject(new Error(`QEMU: ${JSON.stringify(message.error)}`))
    else first.resolve(typeof message.return === 'object' && message.return !== null ? (message.return as Record<string, unknown>) : {})
  }
}
