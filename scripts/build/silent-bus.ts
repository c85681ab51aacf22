/**
 * A message bus with nobody on it: it welcomes whoever connects, takes match rules, and answers every other call with
 * ServiceUnknown. Enough of the D-Bus specification ("Authentication Protocol", "Message Format") for an agent to start against.
 */
import { createServer, type Server, type Socket } from 'node:net'

const METHOD_CALL = 1
const METHOD_RETURN = 2
const ERROR = 3
const FIXED_HEADER_BYTES = 16
const NO_REPLY_EXPECTED = 1

/** Listens on a Unix socket; `onCall` hears of every call, with its ordinal from 1. */
export function openSilentBus(socketFile: string, onCall: (ordinal: number) => void): Promise<Server> {
  let calls = 0
  const server = createServer((socket) => {
    serve(socket, () => {
      calls += 1
      onCall(calls)
    })
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(socketFile, () => resolve(server))
  })
}

function serve(socket: Socket, onCall: () => void): void {
  let received = Buffer.alloc(0)
  let greeted = false
  socket.on('error', () => socket.destroy())
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk])
    if (!greeted) {
      const text = received.toString('latin1')
      if (/AUTH [^\r]*\r\n$/.test(text)) socket.write('OK 00000000000000000000000000000000\r\n')
      else if (text.endsWith('NEGOTIATE_UNIX_FD\r\n')) socket.write('ERROR\r\n')
      const begin = text.indexOf('BEGIN\r\n')
      if (begin < 0) return
      greeted = true
      received = received.subarray(begin + 'BEGIN\r\n'.length)
    }
    for (let call = takeMessage(received); call !== null; call = takeMessage(received)) {
      received = received.subarray(call.length)
      if (call[1] !== METHOD_CALL) continue
      onCall()
      if (((call[2] ?? 0) & NO_REPLY_EXPECTED) === 0) socket.write(replyTo(call))
    }
  })
}

/** The first whole message, or null; messages of our agent are little-endian. */
function takeMessage(received: Buffer): Buffer | null {
  if (received.length < FIXED_HEADER_BYTES) return null
  const length = aligned(FIXED_HEADER_BYTES + received.readUInt32LE(12)) + received.readUInt32LE(4)
  return received.length < length ? null : received.subarray(0, length)
}

const aligned = (offset: number): number => Math.ceil(offset / 8) * 8

function replyTo(call: Buffer): Buffer {
  const replySerial = Buffer.from([5, 1, 0x75, 0, ...uint32(call.readUInt32LE(8))])
  if (call.includes('Match')) return message(METHOD_RETURN, replySerial, Buffer.alloc(0))
  const signature = Buffer.from([8, 1, 0x67, 0, 1, 0x73, 0])
  if (call.includes('Hello')) return message(METHOD_RETURN, Buffer.concat([replySerial, signature]), string(':1.1'))
  const errorName = Buffer.concat([Buffer.from([4, 1, 0x73, 0]), string('org.freedesktop.DBus.Error.ServiceUnknown')])
  return message(ERROR, Buffer.concat([replySerial, errorName]), Buffer.alloc(0))
}

function message(type: number, fields: Buffer, body: Buffer): Buffer {
  const header = Buffer.from([0x6c, type, NO_REPLY_EXPECTED, 1, ...uint32(body.length), ...uint32(1), ...uint32(fields.length)])
  const head = Buffer.concat([header, fields])
  return Buffer.concat([head, Buffer.alloc(aligned(head.length) - head.length), body])
}

const uint32 = (value: number): readonly number[] => [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, value >>> 24]

const string = (text: string): Buffer => Buffer.concat([Buffer.from(uint32(text.length)), Buffer.from(text), Buffer.from([0])])
