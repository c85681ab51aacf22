/**
 * One connection of the load: TLS that is kept alive, and one request after another. Requests are bytes made beforehand and answers
 * are barely read, so that the load leaves as much of the machine as it can to whom it measures.
 */
import { once } from 'node:events'
import { connect, type SecureContext, type TLSSocket } from 'node:tls'

/** Where to connect to; `trust` holds the CA, read once. */
export type Server = { readonly port: number; readonly serverName: string; readonly trust: SecureContext }

/** What came back. */
export type Answer = { readonly status: number; readonly retryAfterS: number; readonly body: string }

const HEAD_END = '\r\n\r\n'

/** The bytes of a request with a body. */
export function postRequest(path: string, headers: Readonly<Record<string, string>>, body: string): Buffer {
  const lines = Object.entries({ host: 'localhost', ...headers, 'content-length': String(Buffer.byteLength(body)) })
  return Buffer.from(`POST ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`)
}

/** A connection that asks. */
export class Lane {
  readonly #socket: TLSSocket
  #received = ''
  #settle: { readonly resolve: (answer: Answer) => void; readonly reject: (error: Error) => void } | null = null

  constructor(socket: TLSSocket) {
    this.#socket = socket
    socket.setEncoding('latin1').on('data', (text: string) => this.#read(text))
    socket.on('error', (error) => this.#settle?.reject(error))
    socket.on('close', () => this.#settle?.reject(new Error('the server closed the connection')))
  }

  /** Connects. */
  static async open({ port, serverName, trust }: Server): Promise<Lane> {
    const socket = connect({ host: '127.0.0.1', port, servername: serverName, secureContext: trust })
    await once(socket, 'secureConnect')
    return new Lane(socket)
  }

  /** Sends a request and gives its answer; one at a time. */
  ask(request: Buffer): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
      this.#socket.write(request)
    })
  }

  /** Ends the connection. */
  close(): void {
    this.#settle = null
    this.#socket.destroy()
  }

  #read(text: string): void {
    this.#received += text
    const headEnd = this.#received.indexOf(HEAD_END)
    if (headEnd < 0) return
    const head = this.#received.slice(0, headEnd)
    const bodyStart = headEnd + HEAD_END.length
    const length = numberOf(head, 'content-length')
    if (this.#received.length < bodyStart + length) return
    const body = this.#received.slice(bodyStart, bodyStart + length)
    this.#received = this.#received.slice(bodyStart + length)
    const settle = this.#settle
    this.#settle = null
    settle?.resolve({ status: Number(head.slice(9, 12)), retryAfterS: numberOf(head, 'retry-after'), body })
  }
}

/** A header's number; 0 where there is none. */
const numberOf = (head: string, name: string): number => Number(new RegExp(`\r\n${name}: *(\\d+)`, 'i').exec(head)?.[1] ?? 0)
