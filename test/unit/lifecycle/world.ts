/**
 * A small world for the lifecycle: a disk that survives power cuts, and a cloud whose credential rules are the real ones
 * (cloud/rules). The transition function that runs in it is the real one too.
 */

import { candidatesOf } from '../../../agent/credential/candidates.ts'
import { type Credential, credentialLabel, type IssuedCredential } from '../../../agent/credential/credential.ts'
import type { FailureCode } from '../../../agent/failure.ts'
import type { Effect, Event } from '../../../agent/lifecycle/state.ts'
import { type DeviceCredentials, type IssuedId, issuedName } from '../../../cloud/rules/device-credentials.ts'
import type { TemporaryPresented } from '../../../cloud/rules/enrolment.ts'
import { judgeAtHotspot } from '../../../cloud/rules/hotspot.ts'
import { requestRotation } from '../../../cloud/rules/rotation.ts'
import { requestCredential } from '../../../cloud/rules/swap.ts'
import { tokenByIssued, tokenByTemporary } from '../../../cloud/rules/token.ts'
import { bssAt, failureOf, issued, linkOn, temporary, tokenOf } from './samples.ts'

/** What becomes of one exchange: it works, the request is lost, the answer is lost, or a rogue forges an EAP-Failure. */
export type Fate = 'ok' | 'request-lost' | 'answer-lost' | 'forged-failure'

/** The effects that are a step of the way; watches end by themselves and are left out of this world. */
export type StepEffect = Exclude<Effect, { do: 'watch-link' | 'watch-radio' | 'keep-token' }>

type Exchange = Extract<Effect, { do: 'join' | 'ask-time' | 'authenticate' | 'request-swap' }>
type Disk = { pending: IssuedCredential | null; current: IssuedCredential | null; nonce: string | null }

const PRESENTED: TemporaryPresented = {
  deviceId: 'dev-1',
  key: { keyId: temporary.id.keyId, retired: false, allow: ['*'], notBeforeMs: null, notAfterMs: null, maxDevices: 1 },
  enrolledDevices: 0,
  nowMs: 0,
}

const CODES: Readonly<Record<string, FailureCode>> = { 'nonce-spent': 'ERR_CLOUD_NONCE_SPENT', 'order-closed': 'ERR_CLOUD_ANSWER' }

const SHOWN = { nowMs: 0, madeMs: 0 }

const NOBODYS: IssuedId = { kind: 'issued', secretId: '' }

/** A device's disk and the cloud's record of the device. */
export class World {
  readonly disk: Disk = { pending: null, current: null, nonce: null }
  cloud: DeviceCredentials | null = null
  /** The rotation order that an operator opened. */
  order: string | null = null
  readonly #fateOf: (n: number) => Fate
  exchanges = 0
  #nonces = 0

  constructor(fateOf: (n: number) => Fate = () => 'ok') {
    this.#fateOf = fateOf
  }

  /** Whether a hotspot, and with it the cloud, would let this credential in now. */
  accepts(credential: Credential): boolean {
    const presented = credential.kind === 'temporary-secret' ? PRESENTED : null
    return judgeAtHotspot(this.cloud, { id: credential.id, presented, nowMs: 0 }).good
  }

  /** The secret id that the cloud holds for current. */
  get currentSecretId(): string | null {
    const id = this.cloud?.issued.find(({ state }) => state === 'current')?.id
    return id?.kind === 'issued' ? id.secretId : null
  }

  /** The contract's invariant: something durably on the device is accepted by the cloud. */
  holdsInvariant(): boolean {
    return candidatesOf(this.disk, [temporary]).some(({ credential }) => this.accepts(credential))
  }

  /** Somebody else who knows the temporary secret asks for a permanent one: the device's own unused answer is superseded. */
  thiefAsks(): void {
    this.#token(temporary)
    this.#swap('the nonce of a thief', null)
  }

  /** Carries out an effect as a device in this world would. */
  act(effect: StepEffect): Event {
    switch (effect.do) {
      case 'load':
        return { type: 'loaded', candidates: candidatesOf(this.disk, [temporary]), clockTrusted: true, isPartial: false, known: [] }
      case 'scan':
        return { type: 'scanned', bsss: [bssAt(1)] }
      case 'renew-profiles':
        return { type: 'profiles-kept', because: null }
      case 'remember-hotspots':
        return { type: 'remembered' }
      case 'wait':
        return { type: 'waited' }
      case 'watch-orders':
        return { type: 'ordered', orderId: this.order ?? 'nobody asks without an order' }
      case 'store-pending':
        this.disk.pending = effect.credential
        return { type: 'stored' }
      case 'promote':
        if (this.disk.pending === null || credentialLabel(this.disk.pending) !== credentialLabel(effect.credential)) {
          return { type: 'failed', failure: failureOf('ERR_STORE_IO') }
        }
        this.disk.current = this.disk.pending
        this.disk.pending = null
        return { type: 'promoted' }
      case 'join':
      case 'ask-time':
      case 'authenticate':
      case 'request-swap':
        return this.#exchange(effect)
    }
  }

  #exchange(effect: Exchange): Event {
    const fate = this.#fateOf(this.exchanges++)
    const lost: FailureCode = effect.do === 'join' ? 'ERR_WIFI_JOIN_TIMEOUT' : 'ERR_CLOUD_UNREACHABLE'
    if (fate === 'request-lost') return { type: 'failed', failure: failureOf(lost) }
    if (fate === 'forged-failure' && effect.do === 'join') return { type: 'failed', failure: failureOf('ERR_WIFI_EAP_REJECTED') }
    const event = this.#answer(effect)
    return fate === 'answer-lost' ? { type: 'failed', failure: failureOf(lost) } : event
  }

  #answer(effect: Exchange): Event {
    switch (effect.do) {
      case 'join':
        if (!this.accepts(effect.candidate.credential)) return { type: 'failed', failure: failureOf('ERR_WIFI_EAP_REJECTED') }
        return { type: 'joined', link: linkOn(effect.bss) }
      case 'ask-time':
        return { type: 'time-known', challenge: 'challenge' }
      case 'authenticate':
        return this.#token(effect.candidate.credential)
      case 'request-swap':
        if (effect.nonce === 'fresh' || this.disk.nonce === null) this.disk.nonce = `nonce ${this.#nonces++}`
        return this.#swap(this.disk.nonce, effect.orderId)
    }
  }

  #token(credential: Credential): Event {
    const verdict =
      credential.kind === 'temporary-secret'
        ? tokenByTemporary(this.cloud, PRESENTED, SHOWN)
        : tokenByIssued(this.cloud, credential.id.kind === 'issued' ? credential.id : NOBODYS, SHOWN)
    this.cloud = verdict.device
    if (verdict.events.some(({ event }) => event === 'became-current')) this.order = null
    if (!verdict.answer.granted) return { type: 'failed', failure: failureOf('ERR_CLOUD_REFUSED') }
    return { type: 'authenticated', token: tokenOf(verdict.answer.scope) }
  }

  /** The credential whose token asks for a rotation: the current one. */
  #asking(): IssuedId {
    return { kind: 'issued', secretId: this.currentSecretId ?? '' }
  }

  #swap(nonce: string, orderId: string | null): Event {
    if (this.cloud === null) return { type: 'failed', failure: failureOf('ERR_CLOUD_REFUSED') }
    const nextId = (generation: number): IssuedId => ({ kind: 'issued', secretId: `mk-${generation}` })
    const verdict =
      orderId === null
        ? requestCredential(this.cloud, { presented: PRESENTED, kind: 'issued', nonce, nextId })
        : requestRotation(this.cloud, {
            credentialId: this.#asking(),
            order: orderId,
            openOrder: this.order,
            nowMs: 0,
            kind: 'issued',
            nonce,
            nextId,
          })
    this.cloud = verdict.device
    if (verdict.answer.issued) return { type: 'issued', credential: issued(issuedName(verdict.answer.id)) }
    const code: FailureCode = CODES[verdict.answer.problem] ?? 'ERR_CLOUD_REFUSED'
    return { type: 'failed', failure: failureOf(code) }
  }
}
