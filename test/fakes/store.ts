/** A credential store in memory, over a disk that outlives it as a real one outlives a power cut. */

import type { StoredCredentials } from '../../agent/credential/candidates.ts'
import { type CloudProfiles, NO_CLOUD_PROFILES } from '../../agent/credential/cloud-profiles.ts'
import { credentialLabel, type IssuedCredential } from '../../agent/credential/credential.ts'
import type { Secret } from '../../agent/credential/secret.ts'
import { AgentError, type FailureCode } from '../../agent/failure.ts'
import type { CredentialStore } from '../../agent/ports.ts'
import { newDeviceKey } from './device-ca.ts'

/** The calls of the port. */
export type StoreCall = keyof CredentialStore

/** What is durable, and what the next calls will fail with. */
export class FakeDisk {
  pending: IssuedCredential | null = null
  current: IssuedCredential | null = null
  nonce: string | null = null
  key: Secret<string> | null = null
  timeFloorMs = 0
  profiles = NO_CLOUD_PROFILES
  #drawn = 0
  readonly #failures = new Map<StoreCall, FailureCode>()

  /** Makes the next such call fail, before it changes anything. */
  failNext(call: StoreCall, code: FailureCode = 'ERR_STORE_IO'): void {
    this.#failures.set(call, code)
  }

  /** Throws what was asked for, once. */
  check(call: StoreCall): void {
    const code = this.#failures.get(call)
    this.#failures.delete(call)
    if (code !== undefined) throw new AgentError(code, `as the test says, on ${call}`)
  }

  /** A nonce that this disk never had. */
  drawNonce(): string {
    this.#drawn += 1
    return Buffer.alloc(32, this.#drawn).toString('base64url')
  }
}

const proofOf = (credential: IssuedCredential): string =>
  credential.kind === 'certificate' ? credential.privateKeyPem.reveal() : Buffer.from(credential.secret.reveal()).toString('hex')

const isSame = (a: IssuedCredential | null, b: IssuedCredential): boolean =>
  a !== null && credentialLabel(a) === credentialLabel(b) && proofOf(a) === proofOf(b)

/** Opens the disk; opening it again is what a reboot does. */
export class FakeStore implements CredentialStore {
  readonly #disk: FakeDisk

  constructor(disk: FakeDisk) {
    this.#disk = disk
  }

  async load(): Promise<StoredCredentials> {
    this.#disk.check('load')
    return { pending: this.#disk.pending, current: this.#disk.current, isPartial: false }
  }

  async nonce(which: 'kept' | 'fresh'): Promise<string> {
    this.#disk.check('nonce')
    const nonce = which === 'kept' && this.#disk.nonce !== null ? this.#disk.nonce : this.#disk.drawNonce()
    this.#disk.nonce = nonce
    return nonce
  }

  async key(which: 'kept' | 'fresh'): Promise<Secret<string>> {
    this.#disk.check('key')
    const key = which === 'kept' && this.#disk.key !== null ? this.#disk.key : newDeviceKey()
    this.#disk.key = key
    return key
  }

  async storePending(credential: IssuedCredential): Promise<void> {
    this.#disk.check('storePending')
    this.#disk.pending = credential
  }

  async promote(credential: IssuedCredential): Promise<void> {
    this.#disk.check('promote')
    if (isSame(this.#disk.pending, credential)) {
      this.#disk.current = this.#disk.pending
      this.#disk.pending = null
    } else if (this.#disk.pending !== null || !isSame(this.#disk.current, credential)) {
      throw new AgentError('ERR_STORE_IO', 'the pending slot holds another credential')
    }
  }

  async timeFloor(): Promise<number> {
    this.#disk.check('timeFloor')
    return this.#disk.timeFloorMs
  }

  async raiseTimeFloor(timeMs: number): Promise<void> {
    this.#disk.check('raiseTimeFloor')
    this.#disk.timeFloorMs = Math.max(this.#disk.timeFloorMs, Math.floor(timeMs))
  }

  async cloudProfiles(): Promise<CloudProfiles> {
    this.#disk.check('cloudProfiles')
    return this.#disk.profiles
  }

  async keepCloudProfiles(profiles: CloudProfiles): Promise<void> {
    this.#disk.check('keepCloudProfiles')
    if (profiles.version < this.#disk.profiles.version) throw new AgentError('ERR_STORE_IO', 'a newer version is kept already')
    this.#disk.profiles = profiles
  }
}
