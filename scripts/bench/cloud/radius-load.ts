/** A load for a RADIUS server: Access-Requests with PAP (RFC 2865), so many on their way at a time. */
import { createHash, createHmac, randomBytes } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'

/** Who asks for whom. */
export type Login = { readonly name: string; readonly password: string }

/** The server, and the secret that it shares with this client. */
export type RadiusServer = { readonly port: number; readonly secret: string }

const CODE = { request: 1, accept: 2 } as const
const ATTRIBUTE = { userName: 1, userPassword: 2, messageAuthenticator: 80 } as const
const HEADER_BYTES = 20
const MAC_BYTES = 16
const BLOCK_BYTES = 16
/** An identifier is one byte: a socket has no more on their way. */
const IDENTIFIERS = 256
const GIVE_UP_MS = 10_000

const attribute = (type: number, value: Uint8Array): Buffer => Buffer.concat([Buffer.from([type, value.length + 2]), value])

/** User-Password is hidden block by block (RFC 2865 §5.2). */
function hide(password: string, authenticator: Uint8Array, secret: string): Buffer {
  const plain = Buffer.alloc(Math.max(1, Math.ceil(password.length / BLOCK_BYTES)) * BLOCK_BYTES)
  plain.write(password, 'utf8')
  let before: Uint8Array = authenticator
  for (let start = 0; start < plain.length; start += BLOCK_BYTES) {
    const mask = createHash('md5').update(secret).update(before).digest()
    for (let index = 0; index < BLOCK_BYTES; index += 1) plain[start + index] = (plain[start + index] ?? 0) ^ (mask[index] ?? 0)
    before = plain.subarray(start, start + BLOCK_BYTES)
  }
  return plain
}

/** An Access-Request, signed by Message-Authenticator (RFC 3579 §3.2). */
export function accessRequest({ name, password }: Login, identifier: number, secret: string): Buffer {
  const authenticator = randomBytes(BLOCK_BYTES)
  const attributes = Buffer.concat([
    attribute(ATTRIBUTE.userName, Buffer.from(name)),
    attribute(ATTRIBUTE.userPassword, hide(password, authenticator, secret)),
    attribute(ATTRIBUTE.messageAuthenticator, Buffer.alloc(MAC_BYTES)),
  ])
  const header = Buffer.from([CODE.request, identifier, 0, 0])
  header.writeUInt16BE(HEADER_BYTES + attributes.length, 2)
  const packet = Buffer.concat([header, authenticator, attributes])
  createHmac('md5', secret)
    .update(packet)
    .digest()
    .copy(packet, packet.length - MAC_BYTES)
  return packet
}

/** Sends all of them, `atOnce` on their way at a time, and gives how long it took. Requests are made beforehand; one that is refused or lost throws. */
export async function driveRadius({ port, secret }: RadiusServer, logins: readonly Login[], atOnce: number): Promise<number> {
  if (atOnce > IDENTIFIERS) throw new RangeError(`at most ${IDENTIFIERS} requests of a client are on their way`)
  const requests = logins.map((login, index) => accessRequest(login, index % atOnce, secret))
  const socket = createSocket('udp4')
  try {
    return await drive(socket, port, requests, atOnce)
  } finally {
    socket.close()
  }
}

function drive(socket: Socket, port: number, requests: readonly Buffer[], atOnce: number): Promise<number> {
  return new Promise((resolve, reject) => {
    let answered = 0
    const startMs = performance.now()
    const impatience = setTimeout(() => reject(new Error(`${requests.length - answered} requests were not answered`)), GIVE_UP_MS)
    const send = (index: number): void => {
      const request = requests[index]
      if (request !== undefined) socket.send(request, port, '127.0.0.1')
    }
    // Each identifier is a lane: its next request goes when the last was answered.
    const next = Array.from({ length: atOnce }, (_, lane) => lane)
    socket.on('error', reject)
    socket.on('message', (answer) => {
      const lane = answer[1] ?? 0
      if (answer[0] !== CODE.accept) return reject(new Error(`a login was answered with code ${answer[0]}`))
      answered += 1
      if (answered === requests.length) {
        clearTimeout(impatience)
        return resolve(performance.now() - startMs)
      }
      next[lane] = (next[lane] ?? 0) + atOnce
      send(next[lane] ?? requests.length)
    })
    for (const lane of next) send(lane)
  })
}
