/**
 * The real executors, one port call at a time. An executor is asynchronous code, and a state of the explorer is data: so an
 * executor is run again from its beginning with the replies that it has had so far, up to the next call that has no reply yet.
 */
import { NO_CLOUD_PROFILES } from '../../agent/credential/cloud-profiles.ts'
import type { IssuedCredential, PermanentKind } from '../../agent/credential/credential.ts'
import type { Effect, Event } from '../../agent/lifecycle/state.ts'
import type { CloudClient, CredentialAsk, CredentialStore, Supplicant } from '../../agent/ports.ts'
import type { IssuedId } from '../../cloud/rules/device-credentials.ts'
import type { Product } from './product.ts'
import type { Reply, StoreCall } from './store-calls.ts'
import { IDENTITY, NOW_MS, type Token, type Values } from './values.ts'

/** What an executor asks the world for; credentials by their names, null for the temporary secret. */
export type Call =
  | { readonly port: 'scan' }
  | { readonly port: 'join'; readonly shown: string | null; readonly checkDates: boolean }
  | { readonly port: 'join-plainly' }
  | { readonly port: 'time' }
  | { readonly port: 'token'; readonly by: string | null }
  | {
      readonly port: 'swap'
      readonly by: string | null
      readonly kind: IssuedId['kind']
      readonly nonce: string
      readonly orderId: string | null
    }
  | { readonly port: 'order' }
  | { readonly port: 'store'; readonly call: StoreCall }
  | { readonly port: 'sleep' }
  | { readonly port: 'never' }

/** How far an effect is: waiting for a reply, or ended. */
export type Progress = { readonly at: 'call'; readonly call: Call } | { readonly at: 'event'; readonly event: Event }

type Ask = (call: Call) => Promise<unknown>

const SIGNAL = new AbortController().signal

/** Remembers what it found: the same effect with the same replies gets equally far. */
export class Executor {
  readonly #product: Product
  readonly #values: Values
  readonly #known = new Map<string, Promise<Progress>>()

  constructor(product: Product, values: Values) {
    this.#product = product
    this.#values = values
  }

  /** Where an effect stands after these replies. */
  progress(effect: Effect, replies: readonly Reply[], asksFor: PermanentKind): Promise<Progress> {
    const key = JSON.stringify([asksFor, effect, replies.map((reply) => (reply.ok ? [reply.value] : reply.failure.failure))])
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const progress = this.#replay(effect, replies, asksFor)
    this.#known.set(key, progress)
    return progress
  }

  #replay(effect: Effect, replies: readonly Reply[], asksFor: PermanentKind): Promise<Progress> {
    return new Promise((resolve, reject) => {
      let replied = 0
      const ask: Ask = async (call) => {
        const reply = replies[replied]
        replied += 1
        if (reply === undefined) {
          resolve({ at: 'call', call })
          return new Promise(() => {})
        }
        if (reply.ok) return reply.value
        throw reply.failure
      }
      this.#execute(effect, ask, asksFor).then(
        (event) => resolve({ at: 'event', event }),
        (error: unknown) => {
          if (error instanceof this.#product.AgentError) resolve({ at: 'event', event: { type: 'failed', failure: error.failure } })
          else reject(error)
        },
      )
    })
  }

  #execute(effect: Effect, ask: Ask, permanentCredential: PermanentKind): Promise<Event> {
    const values = this.#values
    const executors = this.#product.createExecutors({
      identity: IDENTITY,
      hotspots: [],
      whenProfilesFail: () => {},
      flashed: async () => ({ usable: [values.temporary], refusal: null }),
      permanentCredential,
      supplicant: {
        scan: () => ask({ port: 'scan' }) as ReturnType<Supplicant['scan']>,
        join: (_, eap) => {
          const call: Call =
            eap === null ? { port: 'join-plainly' } : { port: 'join', shown: values.shownBy(eap), checkDates: eap.checkDates }
          return ask(call) as ReturnType<Supplicant['join']>
        },
        linkLost: () => ask({ port: 'never' }) as ReturnType<Supplicant['linkLost']>,
        radioAppeared: () => ask({ port: 'never' }) as Promise<void>,
        leave: async () => {},
        close: async () => {},
      },
      wiredNetworks: { find: async () => null, lost: () => ask({ port: 'never' }) as Promise<never> },
      loginPages: { pass: async () => {} },
      cloud: {
        reach: async () => '',
        time: () => ask({ port: 'time' }) as ReturnType<CloudClient['time']>,
        token: (credential) => ask({ port: 'token', by: values.nameOf(credential) }) as ReturnType<CloudClient['token']>,
        requestCredential: ({ token, ask: wish, orderId }) => {
          const { by } = token as Token
          return ask({ port: 'swap', by, ...this.#asked(wish), orderId }) as ReturnType<CloudClient['requestCredential']>
        },
        rotationOrder: () => ask({ port: 'order' }) as Promise<string | null>,
        hotspotProfiles: async () => null,
      },
      store: this.#storeAsking(ask),
      knownHotspots: { load: async () => [], keep: async () => {} },
      clock: { nowMs: () => NOW_MS, monotonicMs: () => 0, sleep: () => ask({ port: 'sleep' }) as Promise<void> },
      systemClock: { set: () => ask({ port: 'never' }) as Promise<void> },
      limits: { backoffBaseMs: 1_000, backoffCapMs: 60_000 },
      timers: { actionsFastMs: 1_000, actionsMs: 60_000 },
      whenPromoted: () => {},
      whenFloorFails: () => {},
      random: () => 0,
      buildTimeMs: 0,
    })
    // As in run.ts: the executor's parameter is the effect's own type, which the union hides from the compiler.
    const execute = executors[effect.do] as (effect: Effect, signal: AbortSignal) => Promise<Event>
    return execute(effect, SIGNAL)
  }

  #asked(wish: CredentialAsk) {
    switch (wish.kind) {
      case 'secret':
        return { kind: 'issued', nonce: wish.nonce } as const
      case 'certificate':
        return { kind: 'certificate', nonce: this.#values.nonceOf(wish.privateKeyPem) } as const
    }
  }

  #storeAsking(ask: Ask): CredentialStore {
    const store = (call: StoreCall): Promise<unknown> => ask({ port: 'store', call })
    const nameOf = (credential: IssuedCredential): string => this.#values.nameOf(this.#values.known(credential)) ?? ''
    return {
      load: () => store({ call: 'load' }) as ReturnType<CredentialStore['load']>,
      nonce: (which) => store({ call: 'nonce', which }) as Promise<string>,
      key: (which) => store({ call: 'key', which }) as ReturnType<CredentialStore['key']>,
      storePending: (credential) => store({ call: 'storePending', name: nameOf(credential) }) as Promise<void>,
      promote: (credential) => store({ call: 'promote', name: nameOf(credential) }) as Promise<void>,
      timeFloor: () => store({ call: 'timeFloor' }) as Promise<number>,
      raiseTimeFloor: (timeMs) => store({ call: 'raiseTimeFloor', timeMs }) as Promise<void>,
      cloudProfiles: async () => NO_CLOUD_PROFILES,
      keepCloudProfiles: async () => {},
    }
  }
}
