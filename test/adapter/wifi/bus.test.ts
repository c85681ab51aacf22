/** The wrapper around dbus-next against a real dbus-daemon, and against a bus that says nothing. */
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createLog } from '../../../agent/log.ts'
import { findPeer } from '../../../agent/wifi/bus-peer.ts'
import { type Bus, connectBus } from '../../../agent/wifi/dbus.ts'
import { runProgram } from '../../../scripts/run-program.ts'
import { type MessageBus, startMessageBus } from '../../../scripts/wired-lab/message-bus.ts'

const DAEMON = { destination: 'org.freedesktop.DBus', path: '/org/freedesktop/DBus', interface: 'org.freedesktop.DBus' } as const
const OBJECT = { path: '/test', interface: 'test.Interface' } as const
const NAME = 'zipkey.test.Peer'
const log = createLog('error', { journal: false })
const never = (): AbortSignal => new AbortController().signal
let folder: string
let daemon: MessageBus

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zipkey-bus-'))
  daemon = await startMessageBus(folder)
})
afterAll(async () => {
  await daemon.daemon.stop()
  await rm(folder, { recursive: true })
})

async function withBus(use: (bus: Bus) => Promise<void>): Promise<void> {
  const bus = await connectBus(daemon.address, log, never())
  try {
    await use(bus)
  } finally {
    bus.close()
  }
}

const nameOf = async (bus: Bus): Promise<string> =>
  String((await bus.call({ ...DAEMON, member: 'GetNameOwner', signature: 's', body: [NAME] }, never()))[0])
const takeName = (bus: Bus): Promise<unknown> => bus.call({ ...DAEMON, member: 'RequestName', signature: 'su', body: [NAME, 0] }, never())
/** dbus-send is another client, with a name of its own. */
const sendSignal = (...destination: string[]): Promise<string> =>
  runProgram('dbus-send', [
    `--bus=${daemon.address}`,
    '--type=signal',
    ...destination,
    OBJECT.path,
    `${OBJECT.interface}.Happened`,
    'string:spoofed',
  ])

describe('a call', () => {
  it('gives the answer', async () => {
    await withBus(async (bus) => {
      const [id] = await bus.call({ ...DAEMON, member: 'GetId' }, never())
      expect(id).toMatch(/^[0-9a-f]{32}$/)
    })
  })

  it('rejects with what the peer answered in place of a result', async () => {
    await withBus(async (bus) => {
      await expect(bus.call({ ...DAEMON, member: 'NoSuchMethod' }, never())).rejects.toMatchObject({
        errorName: 'org.freedesktop.DBus.Error.UnknownMethod',
      })
    })
  })

  it('rejects with the signal’s reason when it is aborted, before and meanwhile', async () => {
    await withBus(async (bus) => {
      const reason = new Error('left')
      await expect(bus.call({ ...DAEMON, member: 'GetId' }, AbortSignal.abort(reason))).rejects.toBe(reason)
      const abort = new AbortController()
      const call = bus.call({ ...DAEMON, member: 'GetId' }, abort.signal)
      abort.abort(reason)
      await expect(call).rejects.toBe(reason)
      await bus.call({ ...DAEMON, member: 'GetId' }, never())
    })
  })

  it('rejects a body that does not fit its signature, and leaves nothing pending', async () => {
    await withBus(async (bus) => {
      const call = bus.call({ ...DAEMON, member: 'GetNameOwner', signature: 's', body: [7] }, never(), 300)
      await expect(call).rejects.toMatchObject({ code: 'ERR_WIFI_BUS' })
      await bus.call({ ...DAEMON, member: 'GetId' }, never())
    })
  })

  it('to the agent itself is refused, so that nobody waits for it', async () => {
    await withBus(async (bus) => {
      await takeName(bus)
      const call = runProgram('dbus-send', [`--bus=${daemon.address}`, '--print-reply', `--dest=${NAME}`, '/', 'test.Interface.Anything'])
      await expect(call).rejects.toThrow('no such method')
    })
  })
})

describe('signals', () => {
  it('are delivered in their order, with variants taken off, until they are no longer wanted', async () => {
    await withBus(async (bus) => {
      const seen: unknown[] = []
      const match = { sender: DAEMON.destination, path: DAEMON.path, interface: DAEMON.interface, member: 'NameOwnerChanged', arg0: NAME }
      const stop = bus.subscribe(match, ([, before, after]) => seen.push([before === '', after === '']))
      await withBus(async (other) => void (await takeName(other)))
      await bus.call({ ...DAEMON, member: 'GetId' }, never())
      await sleep(50)
      expect(seen).toEqual([
        [true, false],
        [false, true],
      ])
      stop()
      await withBus(async (other) => void (await takeName(other)))
      await bus.call({ ...DAEMON, member: 'GetId' }, never())
      expect(seen).toHaveLength(2)
    })
  })

  it('of somebody else do not count, even when they are sent to the agent alone', async () => {
    await withBus((bus) =>
      withBus(async (peerBus) => {
        await takeName(peerBus)
        const peer = await findPeer(bus, NAME, never())
        const seen: unknown[] = []
        peer.on(OBJECT, 'Happened', (body) => seen.push(body[0]))
        await bus.call({ ...DAEMON, member: 'RequestName', signature: 'su', body: ['zipkey.test.Agent', 0] }, never())
        await sendSignal()
        await sendSignal('--dest=zipkey.test.Agent')
        await sleep(100)
        expect(seen).toEqual([])
        expect(await nameOf(bus)).toMatch(/^:/)
      }),
    )
  })
})

describe('a peer', () => {
  it('is gone when it lets its name go, and a call to it fails', async () => {
    await withBus(async (bus) => {
      const peerBus = await connectBus(daemon.address, log, never())
      await takeName(peerBus)
      const peer = await findPeer(bus, NAME, never())
      expect(peer.isGone()).toBe(false)
      peerBus.close()
      await peer.gone
      expect(peer.isGone()).toBe(true)
      await expect(peer.call(OBJECT, 'Anything', '', [], never())).rejects.toMatchObject({ name: 'RemoteError' })
    })
  })

  it('that nobody is, and that cannot be started, is told', async () => {
    await withBus(async (bus) => {
      await expect(findPeer(bus, NAME, never())).rejects.toMatchObject({ code: 'ERR_WIFI_SUPPLICANT' })
    })
  })
})

describe('the end of a bus', () => {
  it('settles every pending call, tells why, and fails every later call', async () => {
    const ownFolder = await mkdtemp(join(tmpdir(), 'zipkey-bus-'))
    const own = await startMessageBus(ownFolder)
    const bus = await connectBus(own.address, log, never())
    process.kill(own.daemon.pid, 'SIGSTOP')
    const pending = bus.call({ ...DAEMON, member: 'GetId' }, never())
    pending.catch(() => {})
    await own.daemon.stop('SIGKILL')
    await expect(pending).rejects.toMatchObject({ code: 'ERR_WIFI_BUS' })
    expect(await bus.closed).toBeInstanceOf(Error)
    await expect(bus.call({ ...DAEMON, member: 'GetId' }, never())).rejects.toMatchObject({ code: 'ERR_WIFI_BUS' })
    await rm(ownFolder, { recursive: true })
  })

  it.each([
    ['is not there', 'unix:path=/nowhere/bus'],
    ['has no listener', 'tcp:host=127.0.0.1,port=1'],
  ])('that %s is told at once', async (_, address) => {
    await expect(connectBus(address, log, never())).rejects.toMatchObject({ code: 'ERR_WIFI_BUS' })
  })

  it('that lets the agent in and then says nothing is given up at the deadline', async () => {
    const path = join(folder, 'silent')
    const server = await listenSilently(path)
    const bus = await connectBus(`unix:path=${path}`, log, AbortSignal.timeout(300)).catch((error: unknown) => error)
    expect(bus).toMatchObject({ name: 'TimeoutError' })
    server.close()
  })
})

/** Accepts the authentication, as dbus-daemon does, and answers no message. */
async function listenSilently(path: string): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (data) => {
      if (data.includes('AUTH')) socket.write('OK 0123456789abcdef0123456789abcdef\r\n')
    })
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  return server
}
