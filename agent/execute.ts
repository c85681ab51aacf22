/** Carries out each effect of the lifecycle with the ports; every one ends in exactly one event or throws an AgentError. */
import { candidatesOf } from './credential/candidates.ts'
import type { Credential, Identity, PermanentKind } from './credential/credential.ts'
import { eapProfile } from './credential/eap-profile.ts'
import { type HotspotProfile, isPlain } from './credential/hotspot.ts'
import { AgentError } from './failure.ts'
import { type BackoffLimits, backoffMs } from './lifecycle/backoff.ts'
import type { Effect, Event } from './lifecycle/state.ts'
import type {
  Clock,
  CloudClient,
  CredentialAsk,
  CredentialStore,
  FlashedCredentials,
  KnownHotspots,
  Link,
  LoginPages,
  Supplicant,
  SystemClock,
  WiredNetworks,
} from './ports.ts'
import { createProfileList } from './profile-list.ts'
import type { Deadlines, Executors } from './run.ts'

/** What the executors need. */
export type ExecutorOptions = {
  readonly identity: Identity
  /** Those that can be used now. */
  readonly flashed: (signal: AbortSignal) => Promise<FlashedCredentials>
  /** The hotspot profiles flashed at the factory. */
  readonly hotspots: readonly HotspotProfile[]
  /** What the swap and a rotation ask for. */
  readonly permanentCredential: PermanentKind
  readonly supplicant: Supplicant
  readonly wiredNetworks: WiredNetworks
  readonly loginPages: LoginPages
  readonly cloud: CloudClient
  readonly store: CredentialStore
  readonly knownHotspots: KnownHotspots
  readonly clock: Clock
  readonly systemClock: SystemClock
  readonly limits: BackoffLimits
  /** How often orders of the cloud are asked for: just after the device became steady, and later. */
  readonly timers: { readonly actionsFastMs: number; readonly actionsMs: number }
  /** In [0, 1). */
  readonly random: () => number
  /** A promoted secret is on the device: what only a first connection needs may go. It takes its own time and never throws. */
  readonly whenPromoted: () => void
  /** Tells that the time floor was not read or not raised, so that the time counts for this run only. */
  readonly whenFloorFails: (error: unknown) => void
  /** Tells that the profiles of the cloud cannot be read, so that only the factory's are used. */
  readonly whenProfilesFail: (error: unknown) => void
  /** No time before the build of this program is true. */
  readonly buildTimeMs: number
}

/** A clock this far from the cloud's is set; less is left to NTP. */
const CLOCK_TOLERANCE_MS = 5_000

/** Somebody who just joined a device may be waiting for it: it listens more often for a while (contract §7). */
const ASK_FAST_FOR_MS = 120_000

/** How long a wired network may take to show that it leads to the cloud, at the very most. */
const WIRED_MS = 5_000

/** How long the search for a login page and the login may take together. */
const LOGIN_PAGE_MS = 60_000

/** Where in a token's life the next one is asked for. */
const RENEW_AT = 0.8

/** The executors over these ports. */
export function createExecutors(options: ExecutorOptions): Executors {
  const { identity, supplicant, wiredNetworks, cloud, store, clock } = options
  const profiles = createProfileList(options)
  return {
    load: async (_, signal) => {
      const stored = await store.load()
      if (stored.current !== null) options.whenPromoted()
      const { usable, refusal } = await options.flashed(signal)
      const candidates = candidatesOf(stored, usable)
      if (candidates.length === 0 && refusal !== null) throw refusal
      const known = await options.knownHotspots.load()
      await profiles.load()
      return { type: 'loaded', candidates, clockTrusted: await isClockTrusted(options), isPartial: stored.isPartial, known }
    },
    scan: async ({ maxAgeMs, everywhere }, signal) => {
      const wired = await wiredNetworks.find(signal)
      if (wired === null)
        return { type: 'scanned', bsss: await supplicant.scan({ profiles: profiles.all(), maxAgeMs, everywhere }, signal) }
      await supplicant.leave()
      return { type: 'joined', link: wired }
    },
    join: async ({ bss, candidate, checkDates }, signal) => {
      if (!isPlain(bss.hotspot)) await requireUsable(options, candidate.credential, signal)
      const eap = isPlain(bss.hotspot) ? null : eapProfile(identity, candidate.credential, bss.hotspot.eap, checkDates)
      const link = await supplicant.join(bss, eap, signal)
      if (isPlain(bss.hotspot)) await passLoginPage(options, link, signal)
      return { type: 'joined', link }
    },
    'ask-time': async (_, signal) => {
      const { timeMs, challenge } = await cloud.time(signal)
      if (Math.abs(clock.nowMs() - timeMs) > CLOCK_TOLERANCE_MS) await options.systemClock.set(timeMs)
      // A disk that takes nothing must not keep the device from what it already holds; the next start asks for the time again.
      await store.raiseTimeFloor(timeMs).catch(options.whenFloorFails)
      return { type: 'time-known', challenge }
    },
    authenticate: async ({ candidate, challenge }, signal) => ({
      type: 'authenticated',
      token: await cloud.token(candidate.credential, challenge, signal),
    }),
    'request-swap': async ({ token, orderId, nonce }, signal) => ({
      type: 'issued',
      credential: await cloud.requestCredential({ token, orderId, ask: await askFor(options, nonce) }, signal),
    }),
    'store-pending': async ({ credential }) => {
      await store.storePending(credential)
      return { type: 'stored' }
    },
    promote: async ({ credential }) => {
      await store.promote(credential)
      options.whenPromoted()
      return { type: 'promoted' }
    },
    'remember-hotspots': async ({ known }) => {
      await options.knownHotspots.keep(known)
      return { type: 'remembered' }
    },
    'renew-profiles': (effect, signal) => profiles.renew(effect, signal),
    'keep-token': async ({ candidate, token }, signal) => {
      await clock.sleep(Math.max(0, token.expiresAtMs - clock.nowMs()) * RENEW_AT, signal)
      return { type: 'authenticated', token: await cloud.token(candidate.credential, null, signal) }
    },
    wait: async ({ attempt, atLeastMs }, signal) => {
      await clock.sleep(backoffMs(attempt, atLeastMs, options.limits, options.random()), signal)
      return { type: 'waited' }
    },
    'watch-link': async ({ link }, signal) => {
      const network = link.bss === null ? wiredNetworks.lost(link, signal) : supplicant.linkLost(link, signal)
      return { type: 'link-lost', failure: await network }
    },
    'watch-radio': async (_, signal) => {
      await supplicant.radioAppeared(signal)
      return { type: 'radio-appeared' }
    },
    'watch-orders': (effect, signal) => watchOrders(options, effect, signal),
  }
}

/** A hotspot behind a page that stays is left: joined it may be, but not online. */
async function passLoginPage({ loginPages, supplicant }: ExecutorOptions, link: Link, signal: AbortSignal): Promise<void> {
  try {
    await loginPages.pass(link, signal)
  } catch (error) {
    await supplicant.leave()
    throw error
  }
}

/** A token may be gone, or take another PIN by now: the supplicant is not sent to find that out, since it would try again and again. */
async function requireUsable({ flashed }: ExecutorOptions, credential: Credential, signal: AbortSignal): Promise<void> {
  if (credential.kind !== 'token-certificate') return
  const { usable, refusal } = await flashed(signal)
  if (refusal !== null && !usable.includes(credential)) throw refusal
}

/** What is asked with is durable before it is sent. The nonce of a key is its own hash: both are kept, or drawn anew, together. */
async function askFor({ permanentCredential, store }: ExecutorOptions, nonce: 'kept' | 'fresh'): Promise<CredentialAsk> {
  switch (permanentCredential) {
    case 'secret':
      return { kind: 'secret', nonce: await store.nonce(nonce) }
    case 'certificate':
      return { kind: 'certificate', privateKeyPem: await store.key(nonce) }
  }
}

/** A floor that cannot be read vouches for nothing: the device then asks for the time. */
async function isClockTrusted({ store, clock, buildTimeMs, whenFloorFails }: ExecutorOptions): Promise<boolean> {
  const floorMs = await store.timeFloor().catch((error: unknown) => {
    whenFloorFails(error)
    return Number.POSITIVE_INFINITY
  })
  return clock.nowMs() >= Math.max(buildTimeMs, floorMs)
}

/** Asks for orders until there is one. A cloud that does not answer is asked again: whether it is away is for the token to find out. */
async function watchOrders(
  { cloud, clock, timers, random }: ExecutorOptions,
  { token, steadySinceMs }: Extract<Effect, { do: 'watch-orders' }>,
  signal: AbortSignal,
): Promise<Event> {
  for (;;) {
    const asked = await cloud.rotationOrder(token, signal).catch((error: unknown) => {
      if (error instanceof AgentError) return { retryAfterMs: error.retryAfterMs }
      throw error
    })
    if (typeof asked === 'string') return { type: 'ordered', orderId: asked }
    const everyMs = clock.monotonicMs() - steadySinceMs < ASK_FAST_FOR_MS ? timers.actionsFastMs : timers.actionsMs
    await clock.sleep(Math.max(everyMs * (0.5 + random()), asked?.retryAfterMs ?? 0), signal)
  }
}

/** How long each effect may take at the very most; adapters have tighter deadlines of their own. */
export function deadlinesOf(timers: {
  readonly scanMs: number
  readonly joinMs: number
  readonly addressMs: number
  readonly cloudCallMs: number
}): Deadlines {
  const graceMs = 5_000
  const cloudCall = { ms: timers.cloudCallMs + graceMs, code: 'ERR_CLOUD_UNREACHABLE' } as const
  const store = { ms: 30_000, code: 'ERR_STORE_IO' } as const
  return {
    load: store,
    scan: { ms: timers.scanMs + WIRED_MS + graceMs, code: 'ERR_WIFI_SUPPLICANT' },
    join: { ms: timers.joinMs + timers.addressMs + LOGIN_PAGE_MS + graceMs, code: 'ERR_WIFI_JOIN_TIMEOUT' },
    'ask-time': { ms: cloudCall.ms + store.ms, code: 'ERR_CLOUD_UNREACHABLE' },
    authenticate: cloudCall,
    'request-swap': { ms: cloudCall.ms + store.ms, code: 'ERR_CLOUD_UNREACHABLE' },
    'store-pending': store,
    promote: store,
    'remember-hotspots': null,
    'renew-profiles': null,
    'keep-token': null,
    wait: null,
    'watch-link': null,
    'watch-radio': null,
    'watch-orders': null,
  }
}
