/** A program on the bus, from when it took its name until it lost it: a restarted program is another peer. */
import { AgentError } from '../failure.ts'
import { type Bus, RemoteError } from './dbus.ts'

const DAEMON = { destination: 'org.freedesktop.DBus', path: '/org/freedesktop/DBus', interface: 'org.freedesktop.DBus' } as const
const ACTIVATION_TIMEOUT_MS = 25_000

/** One run of a program on the bus. Its calls go to the unique name, so none can reach a successor that knows nothing of our objects. */
export type Peer = {
  /** Ends when the program left the bus, or the bus is gone. */
  readonly gone: Promise<void>
  isGone(): boolean
  call(
    object: ObjectInterface,
    member: string,
    signature: string,
    body: readonly unknown[],
    signal: AbortSignal,
  ): Promise<readonly unknown[]>
  /** Delivers a signal of this peer; the returned function ends it. */
  on(object: ObjectInterface, member: string, listener: (body: readonly unknown[]) => void): () => void
}

/** An interface of an object. */
export type ObjectInterface = { readonly path: string; readonly interface: string }

/** Finds the program that owns the name, started by the bus where it can be. */
export async function findPeer(bus: Bus, name: string, signal: AbortSignal): Promise<Peer> {
  let owner: string | null = null
  let lost = false
  let announceGone = (): void => {}
  const gone = new Promise<void>((resolve) => {
    announceGone = () => {
      lost = true
      resolve()
    }
  })
  const daemon = { sender: DAEMON.destination, path: DAEMON.path, interface: DAEMON.interface }
  const unsubscribe = bus.subscribe({ ...daemon, member: 'NameOwnerChanged', arg0: name }, ([, formerOwner]) => {
    if (formerOwner !== owner) return
    unsubscribe()
    announceGone()
  })
  void bus.closed.then(announceGone)
  try {
    owner = await findOwner(bus, name, signal)
  } catch (error) {
    unsubscribe()
    throw error
  }
  return peerOf(bus, owner, gone, () => lost)
}

function peerOf(bus: Bus, owner: string, gone: Promise<void>, isGone: () => boolean): Peer {
  return {
    gone,
    isGone,
    call: (object, member, signature, body, signal) => bus.call({ ...object, destination: owner, member, signature, body }, signal),
    on: (object, member, listener) => bus.subscribe({ ...object, sender: owner, member }, listener),
  }
}

async function findOwner(bus: Bus, name: string, signal: AbortSignal): Promise<string> {
  const ask = async (): Promise<string> => {
    const [owner] = await bus.call({ ...DAEMON, member: 'GetNameOwner', signature: 's', body: [name] }, signal)
    return String(owner)
  }
  try {
    return await ask()
  } catch (error) {
    if (!(error instanceof RemoteError)) throw error
  }
  try {
    await bus.call({ ...DAEMON, member: 'StartServiceByName', signature: 'su', body: [name, 0] }, signal, ACTIVATION_TIMEOUT_MS)
    return await ask()
  } catch (error) {
    if (!(error instanceof RemoteError)) throw error
    throw new AgentError('ERR_WIFI_SUPPLICANT', `${name} is not on the bus and could not be started (${error.message})`, { cause: error })
  }
}
