/**
 * A cloud for one device in memory, with the real cloud's rules, and mishaps on request. Its client implements the agent's port;
 * the adapter's tests put the same cloud behind HTTPS.
 */
import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'
import { issuedCredential } from '../../agent/cloud-client/credential-forms.ts'
import { certificateFingerprint, nonceOfKey } from '../../agent/contract/certificate.ts'
import { deriveIssuedSecret, deriveTemporarySecret } from '../../agent/contract/derivation.ts'
import type { HotspotForm } from '../../agent/contract/hotspot-form.ts'
import { type CredentialId, formatCredentialId } from '../../agent/contract/names.ts'
import { type DeviceReaction, PROBLEMS, type ProblemType } from '../../agent/contract/problems.ts'
import { makeSecretId } from '../../agent/contract/secret-id.ts'
import type { SwapAnswer } from '../../agent/contract/swap.ts'
import { ASSERTION_MAX_LIFE_MS, type Scope } from '../../agent/contract/token.ts'
import type { Credential, Identity, IssuedCredential, TemporarySecret } from '../../agent/credential/credential.ts'
import { profileOf } from '../../agent/credential/profile-form.ts'
import { Secret } from '../../agent/credential/secret.ts'
import { AgentError, type FailureCode } from '../../agent/failure.ts'
import type { AccessToken, Clock, CloudClient, CredentialAsk } from '../../agent/ports.ts'
import type { CredentialEvent, DeviceCredentials, IssuedId } from '../../cloud/rules/device-credentials.ts'
import type { ProvisioningKeyRules, TemporaryPresented } from '../../cloud/rules/enrolment.ts'
import { requestRotation } from '../../cloud/rules/rotation.ts'
import { requestCredential } from '../../cloud/rules/swap.ts'
import { tokenByFlashed, tokenByIssued, tokenByTemporary } from '../../cloud/rules/token.ts'
import { certify } from './device-ca.ts'

/** What can befall the next call: the cloud says no, cannot be reached, never answers, or does as asked and its answer is lost. */
export type Mishap =
  | { readonly kind: 'problem'; readonly type: ProblemType; readonly retryAfterS: number }
  | { readonly kind: 'unreachable' }
  | { readonly kind: 'silence' }
  | { readonly kind: 'answer-lost' }

/** An answer of the cloud, before it takes the form of HTTP or of the port. */
export type Answer<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: ProblemType }

const KEY_ID = 'line-7'
const MASTER_KEY = new Uint8Array(32).fill(7)
const PROVISIONING_KEY = new Uint8Array(32).fill(9)
const TOKEN_LIFE_MS = 900_000
const KEY: ProvisioningKeyRules = { keyId: KEY_ID, retired: false, allow: ['*'], notBeforeMs: null, notAfterMs: null, maxDevices: null }

const CODE_OF: Readonly<Record<DeviceReaction, FailureCode>> = {
  'next-candidate': 'ERR_CLOUD_REFUSED',
  'new-nonce': 'ERR_CLOUD_NONCE_SPENT',
  'time-step': 'ERR_CLOUD_CLOCK',
  wait: 'ERR_CLOUD_BUSY',
  'try-again': 'ERR_CLOUD_ANSWER',
}

const refused = (problem: ProblemType, retryAfterS = 0): AgentError =>
  new AgentError(CODE_OF[PROBLEMS[problem].reaction], problem, { retryAfterMs: retryAfterS * 1000 })

/** What a device asks for, as it reaches the cloud: of its key only the public half. */
export type FakeAsk = { readonly kind: 'secret'; readonly nonce: string } | { readonly kind: 'certificate'; readonly publicKey: KeyObject }

function asFakeAsk(ask: CredentialAsk): FakeAsk {
  switch (ask.kind) {
    case 'secret':
      return ask
    case 'certificate':
      return { kind: 'certificate', publicKey: createPublicKey(createPrivateKey(ask.privateKeyPem.reveal())) }
  }
}

/** Hotspot profiles as an operator gave them. */
export type FakeProfiles = { readonly version: number; readonly hotspots: readonly HotspotForm[] }

/** The cloud of one device. */
export class FakeCloud {
  readonly identity: Identity
  /** What happened to the device's credentials, as the audit log would tell it. */
  readonly events: CredentialEvent[] = []
  /** The cloud's own clock, which is right by definition. */
  readonly clock: Clock
  #device: DeviceCredentials | null = null
  #mishaps: readonly Mishap[] = []
  readonly #chains = new Map<string, string>()
  readonly #enrolTokens = new Set<string>()
  readonly #deviceTokens = new Map<string, CredentialId>()
  #order: string | null = null
  #profiles: FakeProfiles | null = null
  readonly #challenges = new Set<string>()
  #drawn = 0

  constructor(identity: Identity, clock: Clock) {
    this.identity = identity
    this.clock = clock
  }

  /** What the factory wrote onto the device. */
  temporarySecret(): TemporarySecret {
    const secret = new Secret(deriveTemporarySecret(PROVISIONING_KEY, this.identity))
    return { kind: 'temporary-secret', id: { kind: 'temporary', keyId: KEY_ID }, secret }
  }

  /** What befalls the next calls, one each. */
  befall(...mishaps: readonly Mishap[]): void {
    this.#mishaps = [...this.#mishaps, ...mishaps]
  }

  /** The mishap of this call, if there is one. */
  takeMishap(): Mishap | null {
    const [next = null, ...rest] = this.#mishaps
    this.#mishaps = rest
    return next
  }

  /** The certificate (PEM) of this fingerprint; null where this cloud issued none. */
  certificateOf(fingerprint: string): string | null {
    return this.#chains.get(fingerprint) ?? null
  }

  /** What the secret of this id must be; null where the id is not known, or none of a secret. */
  expectedSecret(id: CredentialId): Uint8Array | null {
    switch (id.kind) {
      case 'temporary':
        return id.keyId === KEY_ID ? deriveTemporarySecret(PROVISIONING_KEY, this.identity) : null
      case 'issued':
        return deriveIssuedSecret(MASTER_KEY, this.identity, id.secretId)
      case 'flashed':
      case 'certificate':
        return null
    }
  }

  /** Judges a token request whose signature was good. */
  grantToken(id: CredentialId, assertedMs: number, challenge: string | null): Answer<{ readonly token: string; readonly scope: Scope }> {
    const isTimely = Math.abs(assertedMs - this.clock.nowMs()) <= ASSERTION_MAX_LIFE_MS
    if (!isTimely && !(challenge !== null && this.#challenges.delete(challenge))) return { ok: false, problem: 'clock-skew' }
    const verdict = this.#tokenVerdict(id)
    this.#device = verdict.device
    this.events.push(...verdict.events)
    if (!verdict.answer.granted) return { ok: false, problem: verdict.answer.problem }
    const token = this.#draw('token')
    if (verdict.answer.scope === 'enrol') this.#enrolTokens.add(token)
    else this.#deviceTokens.set(token, id)
    if (verdict.events.some(({ event }) => event === 'became-current')) this.#order = null
    return { ok: true, value: { token, scope: verdict.answer.scope } }
  }

  /** An operator orders a rotation. */
  orderRotation(id: string): void {
    this.#order = id
  }

  /** The open order, for a token of scope `device`. */
  openOrder(token: string): Answer<string | null> {
    return this.#deviceTokens.has(token) ? { ok: true, value: this.#order } : { ok: false, problem: 'invalid-token' }
  }

  /** An operator gives the devices of the account these profiles. */
  setProfiles(version: number, hotspots: readonly HotspotForm[]): void {
    this.#profiles = { version, hotspots }
  }

  /** The profiles, for a token of scope `device` whose device has an earlier version. */
  profilesAfter(token: string, after: number): Answer<FakeProfiles | null> {
    if (!this.#deviceTokens.has(token)) return { ok: false, problem: 'invalid-token' }
    return { ok: true, value: this.#profiles !== null && this.#profiles.version > after ? this.#profiles : null }
  }

  /** Whose a token of scope `device` is. */
  holderOf(token: string): CredentialId | null {
    return this.#deviceTokens.get(token) ?? null
  }

  /** Judges the swap's request, or a rotation's where the token is of scope `device`. */
  issue(token: string, ask: FakeAsk, orderId: string | null): Answer<SwapAnswer> {
    const credentialId = this.#deviceTokens.get(token)
    if (this.#device === null || (credentialId === undefined && !this.#enrolTokens.has(token)))
      return { ok: false, problem: 'invalid-token' }
    const asked = this.#asked(ask)
    const verdict =
      credentialId === undefined
        ? requestCredential(this.#device, { presented: this.#presented(), ...asked })
        : requestRotation(this.#device, { credentialId, order: orderId, openOrder: this.#order, nowMs: this.clock.nowMs(), ...asked })
    this.#device = verdict.device
    this.events.push(...verdict.events)
    return verdict.answer.issued ? { ok: true, value: this.#answer(verdict.answer.id) } : { ok: false, problem: verdict.answer.problem }
  }

  #asked(ask: FakeAsk) {
    switch (ask.kind) {
      case 'secret': {
        const nextId = (generation: number): IssuedId => ({
          kind: 'issued',
          secretId: makeSecretId('mk1', MASTER_KEY, this.identity, generation, new Uint8Array(10).fill(generation)),
        })
        return { kind: 'issued', nonce: ask.nonce, nextId } as const
      }
      case 'certificate': {
        const nextId = (): IssuedId => {
          const chainPem = certify(ask.publicKey, this.identity.device)
          const fingerprint = certificateFingerprint(new X509Certificate(chainPem).raw)
          this.#chains.set(fingerprint, chainPem)
          return { kind: 'certificate', fingerprint }
        }
        return { kind: 'certificate', nonce: nonceOfKey(ask.publicKey), nextId } as const
      }
    }
  }

  #answer(id: IssuedId): SwapAnswer {
    switch (id.kind) {
      case 'issued':
        return { kind: 'secret', secretId: id.secretId, secret: deriveIssuedSecret(MASTER_KEY, this.identity, id.secretId) }
      case 'certificate':
        return { kind: 'certificate', fingerprint: id.fingerprint, chainPem: this.#chains.get(id.fingerprint) ?? '' }
    }
  }

  /** The time, and a challenge that is good once. */
  tellTime(): { readonly timeMs: number; readonly challenge: string } {
    const challenge = this.#draw('challenge')
    this.#challenges.add(challenge)
    return { timeMs: Math.floor(this.clock.nowMs() / 1000) * 1000, challenge }
  }

  /** The port, for a device whose clock is this one. */
  client(deviceClock: Clock): CloudClient {
    return {
      reach: (signal) => this.#call(signal, () => ({ ok: true, value: '127.0.0.1' })),
      time: (signal) => this.#call(signal, () => ({ ok: true, value: this.tellTime() })),
      token: async (credential, challenge, signal): Promise<AccessToken> => {
        const askedMs = deviceClock.nowMs()
        const { token, scope } = await this.#call(signal, () => this.#judgeSigned(credential, askedMs, challenge))
        return { value: new Secret(token), scope, expiresAtMs: askedMs + TOKEN_LIFE_MS }
      },
      hotspotProfiles: async ({ token, after }, signal) => {
        const profiles = await this.#call(signal, () => this.profilesAfter(token.value.reveal(), after))
        return profiles === null ? null : { ...profiles, hotspots: profiles.hotspots.map((form) => profileOf(form, this.identity.realm)) }
      },
      rotationOrder: (token, signal) => this.#call(signal, () => this.openOrder(token.value.reveal())),
      requestCredential: async ({ token, ask, orderId }, signal): Promise<IssuedCredential> => {
        const answer = await this.#call(signal, () => this.issue(token.value.reveal(), asFakeAsk(ask), orderId))
        const issued = issuedCredential(ask, answer)
        if (!issued.ok) throw new AgentError('ERR_CLOUD_ANSWER', issued.problem)
        return issued.value
      },
    }
  }

  #judgeSigned(credential: Credential, assertedMs: number, challenge: string | null): Answer<{ token: string; scope: Scope }> {
    return this.#isGenuine(credential)
      ? this.grantToken(credential.id, assertedMs, challenge)
      : { ok: false, problem: 'unknown-credential' }
  }

  /** Whether the device holds the secret or the private key that belongs to the id. */
  #isGenuine(credential: Credential): boolean {
    if (credential.kind === 'token-certificate') return false
    if (credential.kind === 'certificate') {
      const chainPem = this.certificateOf(credential.id.fingerprint)
      return chainPem !== null && new X509Certificate(chainPem).checkPrivateKey(createPrivateKey(credential.privateKeyPem.reveal()))
    }
    const expected = this.expectedSecret(credential.id)
    return expected !== null && Buffer.from(expected).equals(credential.secret.reveal())
  }

  async #call<T>(signal: AbortSignal, ask: () => Answer<T>): Promise<T> {
    signal.throwIfAborted()
    await Promise.resolve()
    const mishap = this.takeMishap()
    switch (mishap?.kind) {
      case 'problem':
        throw refused(mishap.type, mishap.retryAfterS)
      case 'unreachable':
        throw new AgentError('ERR_CLOUD_UNREACHABLE', 'as the test says')
      case 'silence':
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }))
      case 'answer-lost':
        ask()
        throw new AgentError('ERR_CLOUD_UNREACHABLE', 'the answer was lost')
      case undefined: {
        const answer = ask()
        if (answer.ok) return answer.value
        throw refused(answer.problem)
      }
    }
  }

  #tokenVerdict(id: CredentialId) {
    const shown = { nowMs: this.clock.nowMs(), madeMs: this.clock.nowMs() }
    switch (id.kind) {
      case 'temporary':
        return tokenByTemporary(this.#device, this.#presented(), shown)
      case 'issued':
      case 'certificate':
        return tokenByIssued(this.#device, id, shown)
      case 'flashed':
        return tokenByFlashed(this.#device, shown)
    }
  }

  #presented(): TemporaryPresented {
    return { deviceId: this.identity.device, key: KEY, enrolledDevices: this.#device === null ? 0 : 1, nowMs: this.clock.nowMs() }
  }

  #draw(kind: string): string {
    this.#drawn += 1
    return `${kind}-${this.#drawn}-of-${formatCredentialId(this.temporarySecret().id)}`
  }
}
