/**
 * The device's own credentials on its own disk (contract §5): the slots `pending` and `current`, the swap's nonce or key, and the
 * time floor. What a call promised is durable when it returns; what it did not finish leaves the old state whole.
 */
import { randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import type { DeviceName } from '../contract/names.ts'
import type { Parsed } from '../contract/parsed.ts'
import { NONCE_BYTES } from '../contract/swap.ts'
import type { StoredCredentials } from '../credential/candidates.ts'
import { type CloudProfiles, NO_CLOUD_PROFILES } from '../credential/cloud-profiles.ts'
import type { IssuedCredential } from '../credential/credential.ts'
import type { Secret } from '../credential/secret.ts'
import { AgentError } from '../failure.ts'
import type { Log } from '../log.ts'
import type { CredentialStore } from '../ports.ts'
import { makeDeviceKey } from './device-key.ts'
import { volatileBecause } from './durability.ts'
import { type Files, systemFiles } from './files.ts'
import { lockDirectory } from './lock.ts'
import {
  decodeCloudProfiles,
  decodeKey,
  decodeNonce,
  decodeSlot,
  decodeTimeFloor,
  encodeCloudProfiles,
  encodeKey,
  encodeNonce,
  encodeSlot,
  encodeTimeFloor,
} from './records.ts'
import { CredentialSlots } from './slots.ts'
import { openDirectory, StateDirectory } from './state-directory.ts'
import { storeError } from './store-error.ts'

/** What the store needs; the last five are for tests only and no config reaches them. */
export type StoreOptions = {
  readonly directory: string
  readonly identity: DeviceName
  readonly log: Log
  readonly random?: (bytes: number) => Uint8Array
  readonly makeKey?: () => Secret<string>
  readonly files?: Files
  readonly lock?: typeof lockDirectory
  readonly allowVolatile?: boolean
}

/** A store that can be closed, which lets the next agent have the directory. */
export type OpenStore = CredentialStore & { close(): Promise<void> }

/** Opens the state directory for this process alone: makes it where it is missing, locks it, sweeps it. */
export async function openStore(options: StoreOptions): Promise<OpenStore> {
  const { log, files = systemFiles, lock = lockDirectory } = options
  const path = resolve(options.directory)
  try {
    const fd = await openDirectory(files, path)
    try {
      await lock(fd, path)
      const directory = new StateDirectory(files, path, fd, log)
      await directory.sweep()
      const because = options.allowVolatile === true ? null : await volatileBecause(path)
      if (because !== null) log.warn({ directory: path, reason: because }, 'the state directory does not survive a power cut: no swap')
      return new DirectoryStore(directory, options, because)
    } catch (error) {
      await files.close(fd).catch(() => undefined)
      throw error
    }
  } catch (error) {
    throw storeError(`open the state directory ${path}`, error)
  }
}

/** How what is asked with is written, read, and drawn. */
type Kept<T> = {
  readonly encode: (value: T) => string
  readonly decode: (text: string) => Parsed<T>
  readonly draw: () => T
}

class DirectoryStore implements OpenStore {
  readonly #directory: StateDirectory
  readonly #slots: CredentialSlots
  readonly #name: DeviceName
  readonly #random: (bytes: number) => Uint8Array
  readonly #makeKey: () => Secret<string>
  readonly #volatileBecause: string | null
  /** Calls run one after another, in the order they came: an abandoned one still ends before the next begins. */
  #last: Promise<unknown> = Promise.resolve()
  #isClosed = false

  constructor(
    directory: StateDirectory,
    { identity, log, random = randomBytes, makeKey = makeDeviceKey }: StoreOptions,
    because: string | null,
  ) {
    const encode = (credential: IssuedCredential): string => encodeSlot(identity, credential)
    const decode = (text: string) => decodeSlot(text, identity)
    this.#directory = directory
    this.#slots = new CredentialSlots(directory, { encode, decode }, log)
    this.#name = identity
    this.#random = random
    this.#makeKey = makeKey
    this.#volatileBecause = because
  }

  load(): Promise<StoredCredentials> {
    return this.#inTurn('read the credential slots', () => this.#slots.load())
  }

  nonce(which: 'kept' | 'fresh'): Promise<string> {
    return this.#inTurn('keep the nonce', () => this.#keep('nonce', which, this.#nonce))
  }

  key(which: 'kept' | 'fresh'): Promise<Secret<string>> {
    return this.#inTurn('keep the key', () => this.#keep('key', which, this.#key))
  }

  storePending(credential: IssuedCredential): Promise<void> {
    return this.#inTurn('store the pending credential', async () => {
      this.#requireDurable()
      await this.#slots.storePending(credential)
    })
  }

  promote(credential: IssuedCredential): Promise<void> {
    return this.#inTurn('promote the pending credential', () => this.#slots.promote(credential))
  }

  timeFloor(): Promise<number> {
    return this.#inTurn('read the time floor', () => this.#readFloor())
  }

  raiseTimeFloor(timeMs: number): Promise<void> {
    return this.#inTurn('raise the time floor', async () => {
      if (timeMs <= (await this.#readFloor())) return
      await this.#directory.write('time-floor', encodeTimeFloor(this.#name, Math.floor(timeMs)), this.#floor)
    })
  }

  cloudProfiles(): Promise<CloudProfiles> {
    return this.#inTurn('read the profiles of the cloud', () => this.#readProfiles())
  }

  keepCloudProfiles(profiles: CloudProfiles): Promise<void> {
    return this.#inTurn('keep the profiles of the cloud', async () => {
      if (profiles.version < (await this.#readProfiles()).version) throw new AgentError('ERR_STORE_IO', 'a newer version is kept already')
      await this.#directory.write('cloud-profiles.json', encodeCloudProfiles(this.#name, profiles), this.#profiles)
    })
  }

  close(): Promise<void> {
    return this.#inTurn('close the state directory', async () => {
      this.#isClosed = true
      await this.#directory.close()
    })
  }

  readonly #nonce: Kept<string> = {
    encode: (nonce) => encodeNonce(this.#name, nonce),
    decode: (text) => decodeNonce(text, this.#name),
    draw: () => Buffer.from(this.#random(NONCE_BYTES)).toString('base64url'),
  }
  readonly #key: Kept<Secret<string>> = {
    encode: (key) => encodeKey(this.#name, key),
    decode: (text) => decodeKey(text, this.#name),
    draw: () => this.#makeKey(),
  }
  readonly #floor = (text: string) => decodeTimeFloor(text, this.#name)
  readonly #profiles = (text: string) => decodeCloudProfiles(text, this.#name)

  async #readFloor(): Promise<number> {
    return (await this.#directory.read('time-floor', this.#floor)) ?? 0
  }

  async #readProfiles(): Promise<CloudProfiles> {
    return (await this.#directory.read('cloud-profiles.json', this.#profiles)) ?? NO_CLOUD_PROFILES
  }

  /**
   * What a credential is asked for with, durable before it is sent. A key that is replaced takes nothing with it: the certificate that
   * it asked for was superseded, or it stands in its slot together with that key.
   */
  async #keep<T>(name: 'nonce' | 'key', which: 'kept' | 'fresh', { encode, decode, draw }: Kept<T>): Promise<T> {
    this.#requireDurable()
    await this.#slots.requireRoom()
    const kept = which === 'kept' ? await this.#directory.read(name, decode) : null
    if (kept !== null) {
      await this.#directory.sync()
      return kept
    }
    const fresh = draw()
    await this.#directory.write(name, encode(fresh), decode)
    return fresh
  }

  #requireDurable(): void {
    if (this.#volatileBecause === null) return
    throw new AgentError('ERR_STORE_NOT_DURABLE', `the state directory does not survive a power cut: ${this.#volatileBecause}`)
  }

  /** The number of a closed descriptor may by now mean another file, and the lock is another agent's. */
  #whileOpen<T>(call: () => Promise<T>): Promise<T> {
    if (this.#isClosed) throw new AgentError('ERR_STORE_IO', 'the store is closed')
    return call()
  }

  #inTurn<T>(doing: string, call: () => Promise<T>): Promise<T> {
    const turn = this.#last
      .then(() => this.#whileOpen(call))
      .catch((error: unknown) => {
        throw storeError(doing, error)
      })
    this.#last = turn.catch(() => undefined)
    return turn
  }
}
