/**
 * The two credential slots (contract §5). A slot that the disk does not give is never moved, and nothing is put in its place: it may
 * hold the one credential that is still accepted, or another device's.
 *
 * With `pending` unreadable the device goes on with `current`, and asks for no other credential: there is no place for it. With
 * `current` unreadable it goes on with `pending`. That is then where the proved credential stays, and so it must not be replaced by
 * one that is not proved: again no other is asked for. Only while `pending` is empty a device that still runs may be given one.
 */
import type { Parsed } from '../contract/parsed.ts'
import type { StoredCredentials } from '../credential/candidates.ts'
import { credentialLabel, type IssuedCredential } from '../credential/credential.ts'
import { AgentError } from '../failure.ts'
import type { Log } from '../log.ts'
import type { StateDirectory } from './state-directory.ts'
import { errnoOf } from './store-error.ts'

/** How a slot's text is read and written. */
export type SlotFormat = {
  readonly encode: (credential: IssuedCredential) => string
  readonly decode: (text: string) => Parsed<IssuedCredential>
}

type SlotName = 'pending.json' | 'current.json'

/** What was read, or the disk's error. */
type Attempt<T> = { readonly value: T; readonly error: null } | { readonly value: null; readonly error: Error }

const UNREADABLE_REMEDY = 'check the disk: the slot is left as it is, and the other one is used'

/** What proves a credential; equal for equal ones, whatever else is told of them. */
const proofOf = (credential: IssuedCredential): Buffer =>
  Buffer.from(credential.kind === 'certificate' ? credential.privateKeyPem.reveal() : credential.secret.reveal())

const isSame = (a: IssuedCredential, b: IssuedCredential): boolean =>
  a.kind === b.kind && credentialLabel(a) === credentialLabel(b) && proofOf(a).equals(proofOf(b))

/** The slots of one state directory; its calls must not overlap. */
export class CredentialSlots {
  readonly #directory: StateDirectory
  readonly #format: SlotFormat
  readonly #log: Log

  constructor(directory: StateDirectory, format: SlotFormat, log: Log) {
    this.#directory = directory
    this.#format = format
    this.#log = log
  }

  /** Reads both; throws where one cannot be read and the other holds nothing that the device could go on with. */
  async load(): Promise<StoredCredentials> {
    const pending = await this.#read('pending.json')
    const current = await this.#read('current.json')
    const unreadable = [pending, current].find(({ error }) => error !== null)
    if (unreadable !== undefined && pending.value === null && current.value === null) throw unreadable.error
    // An agent killed between rename and flush leaves a pending slot that can be read and may still vanish with the power.
    // Shown to the cloud it would revoke all others. `current` needs no flush: until its rename is durable, `pending` is the same.
    if (pending.value !== null) await this.#directory.sync()
    return { pending: pending.value, current: current.value, isPartial: unreadable !== undefined }
  }

  /** Throws where a credential could not be stored without a risk for what is there. */
  async requireRoom(): Promise<void> {
    const pending = await this.#directory.inspect('pending.json', this.#format.decode)
    if (pending.kind === 'good') await this.#directory.inspect('current.json', this.#format.decode)
  }

  /** Durable before it returns. */
  async storePending(credential: IssuedCredential): Promise<void> {
    await this.requireRoom()
    await this.#directory.write('pending.json', this.#format.encode(credential), this.#format.decode)
  }

  /** Makes the pending slot current, if it holds exactly this credential; beside a current slot that cannot be read it stays where it is. */
  async promote(credential: IssuedCredential): Promise<void> {
    const { decode } = this.#format
    const pending = await this.#directory.read('pending.json', decode)
    if (pending !== null && isSame(pending, credential)) {
      const isUnreadable = async (): Promise<boolean> =>
        (await this.#attempt('current.json', () => this.#directory.inspect('current.json', decode))).error !== null
      // A disk may fail once.
      if ((await isUnreadable()) && (await isUnreadable())) return this.#directory.sync()
      return this.#directory.move('pending.json', 'current.json', decode)
    }
    const current = await this.#directory.read('current.json', decode)
    // Asked again after the rename was done and the flush failed.
    if (pending === null && current !== null && isSame(current, credential)) return this.#directory.sync()
    const holds = pending === null ? 'nothing' : credentialLabel(pending)
    throw new AgentError('ERR_STORE_IO', `cannot promote ${credentialLabel(credential)}: the pending slot holds ${holds}`)
  }

  #read(name: SlotName): Promise<Attempt<IssuedCredential | null>> {
    const { decode } = this.#format
    return this.#attempt(name, async () => (await this.#directory.read(name, decode)) ?? (await this.#directory.bringBack(name, decode)))
  }

  async #attempt<T>(name: SlotName, read: () => Promise<T>): Promise<Attempt<T>> {
    try {
      return { value: await read(), error: null }
    } catch (error) {
      const errno = errnoOf(error)
      if (errno === null || !(error instanceof Error)) throw error
      this.#log.error(
        { code: 'ERR_STORE_IO', file: name, errno, remedy: UNREADABLE_REMEDY },
        `ERR_STORE_IO: a credential slot cannot be read: ${errno}`,
      )
      return { value: null, error }
    }
  }
}
