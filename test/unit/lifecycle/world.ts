/**
 * A small world for the lifecycle: a disk that survives power cuts, and a cloud that keeps the contract's rules (§5). The
 * transition function that runs in it is the real one.
 */
import { candidatesOf } from '../../../agent/credential/candidates.ts'
import { type Credential, credentialLabel, type IssuedSecret } from '../../../agent/credential/credential.ts'
import type { FailureCode } from '../../../agent/failure.ts'
import type { Effect, Event } from '../../../agent/lifecycle/state.ts'
import { bssAt, failureOf, issued, linkOn, temporary, tokenOf } from './samples.ts'

/** What becomes of one exchange: it works, the request is lost, the answer is lost, or a rogue forges an EAP-Failure. */
export type Fate = 'ok' | 'request-lost' | 'answer-lost' | 'forged-failure'

type Disk = { pending: IssuedSecret | null; current: IssuedSecret | null; nonce: string | null }
type Pending = { readonly nonce: string; readonly secretId: string }

export class World {
  readonly disk: Disk = { pending: null, current: null, nonce: null }
  temporaryGood = true
  currentId: string | null = null
  #pending: Pending | null = null
  readonly #spent = new Set<string>()
  #drawn = 0
  readonly fateOf: (n: number) => Fate
  #exchanges = 0

  constructor(fateOf: (n: number) => Fate = () => 'ok') {
    this.fateOf = fateOf
  }

  /** Whether the cloud would let this credential in now. */
  accepts(credential: Credential): boolean {
    if (credential.kind === 'temporary-secret') return this.temporaryGood
    const label = credentialLabel(credential)
    return label === `s.${this.currentId}` || label === `s.${this.#pending?.secretId}`
  }

  /** The contract's invariant: something durably on the device is accepted by the cloud. */
  holdsInvariant(): boolean {
    const { pending, current } = this.disk
    return this.accepts(temporary) || [pending, current].some((credential) => credential !== null && this.accepts(credential))
  }

  /** Carries out an effect as a device in this world would. */
  act(effect: Exclude<Effect, { do: 'watch-link' | 'watch-radio' | 'keep-token' }>): Event {
    switch (effect.do) {
      case 'load':
        return { type: 'loaded', candidates: candidatesOf(this.disk, [temporary]), clockTrusted: true }
      case 'scan':
        return { type: 'scanned', bsss: [bssAt(1)] }
      case 'wait':
        return { type: 'waited' }
      case 'store-pending':
        this.disk.pending = effect.credential
        return { type: 'stored' }
      case 'promote':
        this.disk.current = effect.credential
        this.disk.pending = null
        return { type: 'promoted' }
      case 'join':
      case 'ask-time':
      case 'authenticate':
      case 'request-swap':
        return this.#exchange(effect)
    }
  }

  #exchange(effect: Extract<Effect, { do: 'join' | 'ask-time' | 'authenticate' | 'request-swap' }>): Event {
    const fate = this.fateOf(this.#exchanges++)
    const lost: FailureCode = effect.do === 'join' ? 'ERR_WIFI_JOIN_TIMEOUT' : 'ERR_CLOUD_UNREACHABLE'
    if (fate === 'request-lost') return { type: 'failed', failure: failureOf(lost) }
    if (fate === 'forged-failure' && effect.do === 'join') return { type: 'failed', failure: failureOf('ERR_WIFI_EAP_REJECTED') }
    const event = this.#answer(effect)
    return fate === 'answer-lost' ? { type: 'failed', failure: failureOf(lost) } : event
  }

  #answer(effect: Extract<Effect, { do: 'join' | 'ask-time' | 'authenticate' | 'request-swap' }>): Event {
    switch (effect.do) {
      case 'join':
        if (!this.accepts(effect.candidate.credential)) return { type: 'failed', failure: failureOf('ERR_WIFI_EAP_REJECTED') }
        return { type: 'joined', link: linkOn(effect.bss) }
      case 'ask-time':
        return { type: 'time-known', challenge: 'challenge' }
      case 'authenticate':
        return this.#token(effect.candidate.credential)
      case 'request-swap':
        if (effect.nonce === 'fresh' || this.disk.nonce === null) this.disk.nonce = `nonce ${this.#drawn++}`
        return this.#swap(this.disk.nonce)
    }
  }

  #token(credential: Credential): Event {
    if (!this.accepts(credential)) return { type: 'failed', failure: failureOf('ERR_CLOUD_REFUSED') }
    if (credential.kind === 'temporary-secret') return { type: 'authenticated', token: tokenOf('enrol') }
    if (this.#pending !== null && credentialLabel(credential) === `s.${this.#pending.secretId}`) {
      this.currentId = this.#pending.secretId
      this.#spent.add(this.#pending.nonce)
      this.#pending = null
      this.temporaryGood = false
    }
    return { type: 'authenticated', token: tokenOf('device') }
  }

  #swap(nonce: string): Event {
    if (!this.temporaryGood) return { type: 'failed', failure: failureOf('ERR_CLOUD_REFUSED') }
    if (this.#spent.has(nonce)) return { type: 'failed', failure: failureOf('ERR_CLOUD_NONCE_SPENT') }
    if (this.#pending?.nonce !== nonce) {
      if (this.#pending !== null) this.#spent.add(this.#pending.nonce)
      this.#pending = { nonce, secretId: `mk-${this.#drawn++}` }
    }
    return { type: 'issued', credential: issued(this.#pending.secretId) }
  }
}
