/**
 * Calls of the real store on a disk in memory, and everything that can come of one: that it is done, that an operation fails
 * with EIO, that it is done too late, that the process is killed or the power cut after any operation.
 * A call depends on nothing but the disk and what is drawn, so each is carried out once and remembered.
 */
import pino from 'pino'
import type { IssuedCredential } from '../../agent/credential/credential.ts'
import type { CredentialStore } from '../../agent/ports.ts'
import { afterPowerCut, type Disk, MemoryFiles, visible } from './disk.ts'
import type { Product } from './product.ts'
import { IDENTITY, nonceBytes, nonceOf, type Values } from './values.ts'

/** A call of the port, as data. */
export type StoreCall =
  | { readonly call: 'load' }
  | { readonly call: 'nonce'; readonly which: 'kept' | 'fresh' }
  | { readonly call: 'key'; readonly which: 'kept' | 'fresh' }
  | { readonly call: 'storePending'; readonly name: string }
  | { readonly call: 'promote'; readonly name: string }
  | { readonly call: 'timeFloor' }
  | { readonly call: 'raiseTimeFloor'; readonly timeMs: number }

/** What a port answered the executor: a value, or the failure that it threw. */
export type Reply =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly failure: InstanceType<Product['AgentError']> }

/** A call that came to an end. */
export type StoreEnd = { readonly what: string; readonly disk: Disk; readonly reply: Reply }

/** A call that did not. */
export type StoreCut = { readonly what: string; readonly disk: Disk }

export type StoreResult = { readonly done: StoreEnd; readonly faults: readonly StoreEnd[]; readonly cuts: readonly StoreCut[] }

const LOG = pino({ level: 'silent' })
const DIRECTORY = '/state'

/** The credentials in the two slots, by name; null where a slot is empty or bad. */
export type Slots = { readonly pending: string | null; readonly current: string | null }

export class StoreCalls {
  readonly #product: Product
  readonly #values: Values
  readonly #results = new Map<string, Promise<StoreResult>>()
  readonly #slots = new WeakMap<Disk, Slots>()
  readonly #slotsAfterCut = new WeakMap<Disk, readonly Slots[]>()

  constructor(product: Product, values: Values) {
    this.#product = product
    this.#values = values
  }

  /** Everything that can come of a call; `draw` is the number of the nonce or key that the random generator would give. */
  resultOf(disk: Disk, call: StoreCall, draw: number): Promise<StoreResult> {
    const key = JSON.stringify([disk, call, draw])
    const known = this.#results.get(key)
    if (known !== undefined) return known
    const result = this.#explore(disk, call, draw)
    this.#results.set(key, result)
    return result
  }

  /** What programs could read from the slots now. */
  slotsOf(disk: Disk): Slots {
    const directory = visible(disk)
    const known = this.#slots.get(disk)
    if (known !== undefined) return known
    const read = (name: string): string | null => {
      const body = directory[name]
      const slot = body === undefined ? null : this.#product.decodeSlot(body.text, IDENTITY)
      return slot?.ok === true ? this.#values.nameOf(slot.value) : null
    }
    const slots = { pending: read('pending.json'), current: read('current.json') }
    this.#slots.set(disk, slots)
    return slots
  }

  /** What could be read after each power cut that is possible now. */
  slotsAfterCut(disk: Disk): readonly Slots[] {
    const known = this.#slotsAfterCut.get(disk) ?? afterPowerCut(disk).map((left) => this.slotsOf(left))
    this.#slotsAfterCut.set(disk, known)
    return known
  }

  async #explore(disk: Disk, call: StoreCall, draw: number): Promise<StoreResult> {
    const good = new MemoryFiles(disk)
    const done = { what: 'done', reply: await this.#carryOut(good, call, draw), disk: good.disk }
    const timeout: Reply = { ok: false, failure: new this.#product.AgentError('ERR_STORE_IO', 'done after its deadline') }
    const faults: StoreEnd[] = [{ what: 'is done after its deadline', disk: done.disk, reply: timeout }]
    for (let failAt = 0; failAt < good.moments.length; failAt++) {
      const files = new MemoryFiles(disk, failAt)
      const reply = await this.#carryOut(files, call, draw)
      faults.push({ what: `EIO at change ${failAt + 1}`, disk: files.disk, reply })
    }
    const cuts = good.moments.flatMap((moment, index): StoreCut[] => [
      { what: `kill after change ${index + 1}`, disk: moment },
      ...afterPowerCut(moment).map((left) => ({ what: `power cut after change ${index + 1}`, disk: left })),
    ])
    return { done, faults: distinct(faults), cuts: distinct(cuts) }
  }

  async #carryOut(files: MemoryFiles, call: StoreCall, draw: number): Promise<Reply> {
    const { AgentError, openStore } = this.#product
    try {
      const random = (): Uint8Array => nonceBytes(draw)
      const lock = async (): Promise<void> => {}
      const makeKey = () => this.#values.key(nonceOf(draw))
      const store = await openStore({
        directory: DIRECTORY,
        identity: IDENTITY,
        log: LOG,
        random,
        makeKey,
        files,
        lock,
        allowVolatile: true,
      })
      return { ok: true, value: await perform(store, call, this.#values) }
    } catch (error) {
      if (error instanceof AgentError) return { ok: false, failure: error }
      throw error
    }
  }
}

const distinct = <T extends StoreCut>(ends: readonly T[]): readonly T[] => [
  ...new Map(ends.map((end) => [JSON.stringify([{ ...end, what: '' }]), end])).values(),
]

async function perform(store: CredentialStore, call: StoreCall, values: Values): Promise<unknown> {
  switch (call.call) {
    case 'load': {
      const { pending, current, isPartial } = await store.load()
      const known = (credential: IssuedCredential | null) => (credential === null ? null : values.known(credential))
      return { pending: known(pending), current: known(current), isPartial }
    }
    case 'nonce':
      return store.nonce(call.which)
    case 'key':
      return values.key(values.nonceOf(await store.key(call.which)))
    case 'storePending':
      return store.storePending(values.issued(call.name))
    case 'promote':
      return store.promote(values.issued(call.name))
    case 'timeFloor':
      return store.timeFloor()
    case 'raiseTimeFloor':
      return store.raiseTimeFloor(call.timeMs)
  }
}
