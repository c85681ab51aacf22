/**
 * A process that opens connections and lets the cloud do its half of a TLS handshake on each, by a ClientHello that was recorded
 * once. Doing so costs next to nothing on this side, so that one process asks for more handshakes than the cloud can do.
 */
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { connect as connectTls } from 'node:tls'

async function recordClientHello(): Promise<Buffer> {
  const listener = createServer().listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const address = listener.address()
  if (typeof address !== 'object' || address === null) throw new Error('no port to record at')
  const caller = connectTls({ host: '127.0.0.1', port: address.port, servername: 'localhost' }).on('error', () => {})
  const [socket] = await once(listener, 'connection')
  const [hello] = await once(socket, 'data')
  caller.destroy()
  listener.close()
  return hello
}

/** One connection: answered with a ServerHello, or closed; gives which. */
function knock(port: number, hello: Buffer): Promise<'answered' | 'closed'> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    const end = (how: 'answered' | 'closed') => (): void => {
      resolve(how)
      socket.destroy()
    }
    socket
      .on('connect', () => socket.write(hello))
      .on('data', end('answered'))
      .on('close', end('closed'))
      .on('error', end('closed'))
  })
}

async function main([port = '', seconds = '', atOnce = '']: readonly string[]): Promise<void> {
  const hello = await recordClientHello()
  const counts = { answered: 0, closed: 0 }
  const endMs = performance.now() + Number(seconds) * 1000
  const knocking = async (): Promise<void> => {
    while (performance.now() < endMs) counts[await knock(Number(port), hello)] += 1
  }
  await Promise.all(Array.from({ length: Number(atOnce) }, knocking))
  process.stdout.write(JSON.stringify(counts))
}

void main(process.argv.slice(2))
