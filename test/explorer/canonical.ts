/**
 * When two states of the world are the same. What is left out or put in place here must make no difference to what can happen:
 *
 * - Secret ids, certificates and nonces are renamed in the order in which they are met: the rules only ask whether two are equal.
 * - Superseded credentials that nobody holds any more, and their nonces, are forgotten: nobody can ask about them again.
 * - `attempt` counts modulo 3, since the lifecycle asks no more of it; how long a device waits is not seen in this world.
 * - The memory of failures, and of what led to the cloud, only orders the BSSs of a scan: both are emptied, and a scan answers in
 *   every order.
 * - `lastFallbackMs` is "less than a day ago" or "long ago"; a day passes by choice. `sinceMs` likewise.
 * - What a failure says in words is left out; its code stays.
 */
import { createHash } from 'node:crypto'
import type { Failure } from '../../agent/failure.ts'
import type { Journey } from '../../agent/lifecycle/journey.ts'
import type { Effect, State } from '../../agent/lifecycle/state.ts'
import type { Disk } from './disk.ts'
import type { Product } from './product.ts'
import { IDENTITY, NAMES, nameOf, unusedNumber, type Values } from './values.ts'
import type { Device, World } from './world.ts'

/** The lifecycle looks at attempts modulo this: every third failed round rotates or leaves a hotspot. */
export const ATTEMPT_PERIOD = 3

const plainFailure = (failure: Failure): Failure => ({ ...failure, detail: '' })

export const plainJourney = (journey: Journey): Journey => ({
  ...journey,
  attempt: journey.attempt % ATTEMPT_PERIOD,
  memory: [],
  known: [],
  lastFallbackMs: journey.lastFallbackMs === null ? null : 0,
})

/** A state of the lifecycle without what makes no difference. */
export function plainState(state: State): State {
  switch (state.phase) {
    case 'starting':
      return { ...state, attempt: 0, journey: state.journey === null ? null : plainJourney(state.journey) }
    case 'halted':
      return { ...state, because: plainFailure(state.because) }
    case 'steady':
      return { ...state, journey: plainJourney(state.journey), sinceMs: 0 }
    case 'waiting':
      return { ...state, journey: plainJourney(state.journey), because: plainFailure(state.because) }
    case 'joining': {
      const refusal = state.refusal === null ? null : plainFailure(state.refusal)
      return { ...state, journey: plainJourney(state.journey), refusal }
    }
    case 'scanning':
    case 'asking-time':
    case 'authenticating':
    case 'swapping':
      return { ...state, journey: plainJourney(state.journey) }
  }
}

/** The state once whatever was less than a day ago is not any more. */
export function aDayLater(state: State): State {
  if (state.phase === 'halted' || (state.phase === 'starting' && state.journey === null)) return state
  const { journey } = state
  return journey === null ? state : { ...state, journey: { ...journey, lastFallbackMs: null } }
}

/** How long a wait is, where a scan looks and what is remembered make no difference. */
export function plainEffect(effect: Effect): Effect {
  if (effect.do === 'wait') return { ...effect, attempt: 0 }
  if (effect.do === 'scan') return { ...effect, everywhere: false }
  return effect.do === 'remember-hotspots' ? { ...effect, known: [] } : effect
}

/** A world without what nobody can ask about any more, and its key: equal for equal worlds, and for no others. */
export type Canonical = { readonly world: World; readonly key: string }

/** Makes worlds canonical. */
export class Canon {
  readonly #product: Product
  readonly #values: Values
  readonly #meanings = new Map<string, string>()
  readonly #deviceTexts = new WeakMap<Device, string>()
  /** One object for equal devices, so that what was found out about one is known of all. */
  readonly #devices = new Map<string, Device>()

  constructor(product: Product, values: Values) {
    this.#product = product
    this.#values = values
  }

  of(world: World): Canonical {
    const texts = world.devices.map((device) => this.#deviceText(device))
    const devices = texts.join('\n')
    const settled = {
      ...forgetUnheld(world, devices),
      devices: world.devices.map((device, index) => this.#one(device, texts[index] ?? '')),
    }
    const { cloud, network, thief, order, proved, askers } = settled
    const issued = cloud?.issued.map(({ id, nonce, state }) => [nameOf(id), nonce, state, askers[nonce]])
    const text = devices + JSON.stringify([network, thief, order, proved, cloud?.temporary, cloud?.flashed, issued])
    const names = new Map<string, string>()
    const renamed = text.replaceAll(NAMES, (name) => {
      const known = names.get(name) ?? `#${names.size}-`
      names.set(name, known)
      return known
    })
    return { world: settled, key: createHash('sha256').update(renamed).digest().toString('latin1', 0, 16) }
  }

  /** A number that no name in the world bears. */
  unused({ devices, ...rest }: World): number {
    return unusedNumber(JSON.stringify(rest) + devices.map((device) => this.#deviceText(device)).join())
  }

  #one(device: Device, text: string): Device {
    const known = this.#devices.get(text)
    if (known !== undefined) return known
    this.#devices.set(text, device)
    return device
  }

  #deviceText(device: Device): string {
    const known = this.#deviceTexts.get(device)
    if (known !== undefined) return known
    const text = JSON.stringify({ ...device, disk: this.#disk(device.disk) })
    this.#deviceTexts.set(device, text)
    return text
  }

  #disk(disk: Disk): unknown {
    return disk.map((directory) => Object.entries(directory).map(([name, { text, flushed }]) => [name, this.#meaning(text), flushed]))
  }

  /** What a file's text says, by the product's own parsers: checksums and secrets follow from it. */
  #meaning(text: string): string {
    const known = this.#meanings.get(text)
    if (known !== undefined) return known
    const meaning = this.#read(text)
    this.#meanings.set(text, meaning)
    return meaning
  }

  #read(text: string): string {
    const slot = this.#product.decodeSlot(text, IDENTITY)
    if (slot.ok) return `slot ${this.#values.nameOf(slot.value)}`
    const key = this.#product.decodeKey(text, IDENTITY)
    if (key.ok) return `key ${this.#values.nonceOf(key.value)}`
    const nonce = this.#product.decodeNonce(text, IDENTITY)
    if (nonce.ok) return `nonce ${nonce.value}`
    const floor = this.#product.decodeTimeFloor(text, IDENTITY)
    return floor.ok ? `floor ${floor.value}` : `bad ${text.length}`
  }
}

function forgetUnheld(world: World, devices: string): World {
  if (world.cloud === null) return world
  const live = world.cloud.issued.filter(({ state }) => state === 'pending' || state === 'current').map(({ id }) => nameOf(id))
  const thief = { ...world.thief, names: world.thief.names.filter((name) => live.includes(name)) }
  const held = devices + JSON.stringify(world.network)
  const issued = world.cloud.issued.filter(
    ({ id, nonce }) => live.includes(nameOf(id)) || held.includes(nameOf(id)) || held.includes(nonce),
  )
  const askers = Object.fromEntries(Object.entries(world.askers).filter(([nonce]) => issued.some((record) => record.nonce === nonce)))
  const proved = world.proved.filter((name) => issued.some((record) => nameOf(record.id) === name))
  return { ...world, cloud: { ...world.cloud, issued }, thief, askers, proved }
}
