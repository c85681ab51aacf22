/** The agent's own interface object in wpa_supplicant (D-Bus API fi.w1.wpa_supplicant1). */
import { AgentError, type Failure } from '../failure.ts'
import type { Log } from '../log.ts'
import type { ObjectInterface, Peer } from './bus-peer.ts'
import { RemoteError, variant } from './dbus.ts'
import type { Driver } from './netdevs.ts'

/** wpa_supplicant's name on the bus. */
export const WPA_NAME = 'fi.w1.wpa_supplicant1'

const ROOT = { path: '/fi/w1/wpa_supplicant1', interface: WPA_NAME } as const
const INTERFACE = `${WPA_NAME}.Interface`
const PROPERTIES = 'org.freedesktop.DBus.Properties'

/** A blob of this name marks an interface object as made by an agent, also one that an agent left behind when it was killed. */
const OWNER_MARK = 'zipkey-agent'

/** What the agent listens for. `PropertiesChanged` is wpa_supplicant's own one: it comes once per change, and only for this object. */
const SIGNALS = ['PropertiesChanged', 'EAP', 'Certification', 'ScanDone', 'InterworkingAPAdded', 'InterworkingSelectDone'] as const

/** One of them. */
export type InterfaceSignal = (typeof SIGNALS)[number]

/** Receives them all in their order. */
export type SignalListener = (member: InterfaceSignal, body: readonly unknown[]) => void

/** An interface object for as long as wpa_supplicant has it. */
export type WpaInterface = {
  readonly interfaceName: string
  readonly driver: Driver
  /** Why it cannot be used any more; null while it can. */
  failure(): Failure | null
  /** The `State` property as last announced; null before the first announcement. */
  state(): string | null
  call(member: string, signature: string, body: readonly unknown[], signal: AbortSignal): Promise<readonly unknown[]>
  property(name: string, signal: AbortSignal): Promise<unknown>
  /** All properties of another object of this wpa_supplicant; null when it is gone meanwhile. */
  propertiesOf(object: ObjectInterface, signal: AbortSignal): Promise<unknown>
  /** Delivers signals; `onGone` is called once, at once where the interface is gone already. */
  listen(listener: SignalListener, onGone: (failure: Failure) => void): () => void
  /** Takes the object back, if an agent made it. */
  remove(signal: AbortSignal): Promise<void>
}

/** Makes the interface object, or gets it, and sets it up. */
export async function openWpaInterface(
  peer: Peer,
  options: { readonly interfaceName: string; readonly driver: Driver; readonly country: string | null },
  log: Log,
  signal: AbortSignal,
): Promise<WpaInterface> {
  const { path, isOurs } = await createOrGet(peer, options, signal)
  if (!isOurs)
    log.warn({ interface: options.interfaceName }, 'another program has given this interface to wpa_supplicant; it may interfere')
  const opened = follow(peer, path, isOurs, options)
  const set = (name: string, value: unknown): Promise<unknown> =>
    peer.call({ path, interface: PROPERTIES }, 'Set', 'ssv', [INTERFACE, name, value], signal).catch(explain(`Set ${name}`))
  // Without fast re-authentication there is no TLS session to resume: every join proves the credential.
  const calls = [set('ApScan', variant('u', options.driver === 'wired' ? 0 : 1)), set('FastReauth', variant('b', false))]
  // SAE by hash-to-element too, which some access points insist on; one that was built without SAE has no such property.
  calls.push(set('SaePwe', variant('s', '2')).catch(() => {}))
  if (options.country !== null && options.driver === 'nl80211') calls.push(set('Country', variant('s', options.country)))
  if (isOurs) calls.push(opened.call('AddBlob', 'say', [OWNER_MARK, Buffer.from('1')], signal))
  await Promise.all(calls)
  return opened
}

type Found = { readonly path: string; readonly isOurs: boolean }

async function createOrGet(
  peer: Peer,
  { interfaceName, driver }: { readonly interfaceName: string; readonly driver: Driver },
  signal: AbortSignal,
): Promise<Found> {
  const create = async (): Promise<Found> => {
    const description = { Ifname: variant('s', interfaceName), Driver: variant('s', driver) }
    const [path] = await peer.call(ROOT, 'CreateInterface', 'a{sv}', [description], signal)
    return { path: String(path), isOurs: true }
  }
  try {
    return await create().catch(async (error: unknown) => {
      if (!(error instanceof RemoteError && error.errorName === `${WPA_NAME}.InterfaceExists`)) throw error
      return (await findForeign(peer, interfaceName, signal)) ?? create()
    })
  } catch (error) {
    if (!(error instanceof RemoteError)) throw error
    const isRefused = error.errorName.startsWith(WPA_NAME)
    const detail = `wpa_supplicant cannot use ${interfaceName} with driver ${driver} (${error.message})`
    throw new AgentError(isRefused ? 'ERR_WIFI_NO_RADIO' : 'ERR_WIFI_SUPPLICANT', detail, { cause: error })
  }
}

/** The object that somebody else has made; one that an agent left behind is removed with all that is in it. */
async function findForeign(peer: Peer, interfaceName: string, signal: AbortSignal): Promise<Found | null> {
  const [path] = await peer.call(ROOT, 'GetInterface', 's', [interfaceName], signal)
  const [blobs] = await peer.call({ path: String(path), interface: PROPERTIES }, 'Get', 'ss', [INTERFACE, 'Blobs'], signal)
  const isLeftBehind = typeof blobs === 'object' && blobs !== null && OWNER_MARK in blobs
  if (!isLeftBehind) return { path: String(path), isOurs: false }
  await peer.call(ROOT, 'RemoveInterface', 'o', [path], signal)
  return null
}

function follow(
  peer: Peer,
  path: string,
  isOurs: boolean,
  { interfaceName, driver }: { readonly interfaceName: string; readonly driver: Driver },
): WpaInterface {
  const object = { path, interface: INTERFACE }
  const listeners = new Set<SignalListener>()
  const goneListeners = new Set<(failure: Failure) => void>()
  let failure: Failure | null = null
  let state: string | null = null
  const subscriptions = SIGNALS.map((member) =>
    peer.on(object, member, (body) => {
      if (member === 'PropertiesChanged') state = stateIn(body) ?? state
      for (const listener of [...listeners]) listener(member, body)
    }),
  )
  const end = (code: 'ERR_WIFI_SUPPLICANT' | 'ERR_WIFI_NO_RADIO', detail: string): void => {
    if (failure !== null) return
    failure = { code, detail, retryAfterMs: 0 }
    for (const unsubscribe of subscriptions) unsubscribe()
    for (const onGone of [...goneListeners]) onGone(failure)
  }
  subscriptions.push(
    peer.on(ROOT, 'InterfaceRemoved', ([removed]) => {
      if (removed === path) end('ERR_WIFI_NO_RADIO', `${interfaceName} was taken away from wpa_supplicant`)
    }),
  )
  void peer.gone.then(() => end('ERR_WIFI_SUPPLICANT', 'wpa_supplicant left the bus'))
  return {
    interfaceName,
    driver,
    failure: () => failure,
    state: () => state,
    call: (member, signature, body, signal) => peer.call(object, member, signature, body, signal).catch(explain(member)),
    property: async (name, signal) => {
      const call = peer.call({ path, interface: PROPERTIES }, 'Get', 'ss', [INTERFACE, name], signal)
      return (await call.catch(explain(`Get ${name}`)))[0]
    },
    propertiesOf: (other, signal) => propertiesOf(peer, other, signal),
    listen: (listener, onGone) => {
      if (failure !== null) onGone(failure)
      listeners.add(listener)
      goneListeners.add(onGone)
      return () => {
        listeners.delete(listener)
        goneListeners.delete(onGone)
      }
    },
    remove: async (signal) => {
      if (failure === null && isOurs) await peer.call(ROOT, 'RemoveInterface', 'o', [path], signal).catch(explain('RemoveInterface'))
      end('ERR_WIFI_SUPPLICANT', 'the agent took its interface object back')
    },
  }
}

async function propertiesOf(peer: Peer, object: ObjectInterface, signal: AbortSignal): Promise<unknown> {
  try {
    const [properties] = await peer.call({ path: object.path, interface: PROPERTIES }, 'GetAll', 's', [object.interface], signal)
    return properties
  } catch (error) {
    if (error instanceof RemoteError) return null
    throw error
  }
}

/** The new `State`, where a PropertiesChanged body has one. */
export function stateIn([changed]: readonly unknown[]): string | null {
  const state = typeof changed === 'object' && changed !== null && 'State' in changed ? changed.State : null
  return typeof state === 'string' ? state : null
}

/** Turns an error reply into the failure that the lifecycle knows; wpa_supplicant's error texts hold no values of ours. */
const explain =
  (member: string) =>
  (error: unknown): never => {
    if (!(error instanceof RemoteError)) throw error
    throw new AgentError('ERR_WIFI_SUPPLICANT', `wpa_supplicant refused ${member} (${error.message})`, { cause: error })
  }
