import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** Connects to a unix socket that another process is about to create. `stillAlive` throws when waiting makes no sense any more. */
export async function connectSoon(path: string, stillAlive: () => void): Promise<Socket> {
  const deadline = Date.now() + 10_000
  for (;;) {
    stillAlive()
    try {
      return await connectOnce(path)
    } catch (error) {
      if (Date.now() > deadline) throw error
      await sleep(10)
    }
  }
}

function connectOnce(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.off('error', reject)
      resolve(socket)
    })
    socket.once('error', reject)
  })
}

/** Calls back for each complete line of JSON that arrives. */
export function onJsonLine(socket: Socket, receive: (message: Record<string, unknown>) => void): void {
  let partOfLine = ''
  socket.setEncoding('utf8')
  socket.on('data', (text: string) => {
    const lines = (partOfLine + text).split('\n')
    partOfLine = lines.pop() ?? ''
    for (const line of lines) {
      const message: unknown = line.trim() === '' ? undefined : JSON.parse(line)
      if (typeof message === 'object' && message !== null) receive(message as Record<string, unknown>)
    }
  })
}
