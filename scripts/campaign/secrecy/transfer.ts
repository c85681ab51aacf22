/** Brings bytes into the guest and out of it, by TCP over the hotspot's uplink: the device's own processes and files show nothing of it. */
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import type { Lab } from '../../radio-lab/lab.ts'

/** The guest's name for the host. */
const HOST = '10.0.2.2'
const IN_HOTSPOT = 'ip netns exec ap socat -u'

async function listen(onConnection: (socket: Socket) => void): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer(onConnection)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('no TCP port')
  return { server, port: address.port }
}

async function bytesOf(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** Writes a file in the guest. */
export async function putFile(lab: Lab, content: Buffer, path: string): Promise<void> {
  const { server, port } = await listen((socket) => socket.end(content))
  try {
    await lab.sh(`${IN_HOTSPOT} TCP:${HOST}:${port} OPEN:${path},creat,trunc,mode=0600`, { timeoutMs: 120_000 })
  } finally {
    server.close()
  }
}

/** Reads what a command in the guest prints. */
export async function takeOutput(lab: Lab, command: string): Promise<Buffer> {
  const taken: Promise<Buffer>[] = []
  const { server, port } = await listen((socket) => taken.push(bytesOf(socket)))
  try {
    await lab.sh(`set -o pipefail; ${command} | ${IN_HOTSPOT} - TCP:${HOST}:${port}`, { timeoutMs: 120_000 })
    return Buffer.concat(await Promise.all(taken))
  } finally {
    server.close()
  }
}

/** Takes what is sent to it, each connection by itself, until it is closed. */
export class Inbox {
  readonly port: number
  readonly #server: Server
  readonly #taken: Promise<Buffer>[]

  private constructor(server: Server, port: number, taken: Promise<Buffer>[]) {
    this.#server = server
    this.port = port
    this.#taken = taken
  }

  /** Opens one. */
  static async open(): Promise<Inbox> {
    const taken: Promise<Buffer>[] = []
    const { server, port } = await listen((socket) => taken.push(bytesOf(socket)))
    return new Inbox(server, port, taken)
  }

  get count(): number {
    return this.#taken.length
  }

  /** Everything so far. */
  contents(): Promise<Buffer[]> {
    return Promise.all(this.#taken)
  }

  close(): void {
    this.#server.close()
  }
}
