/** One device: the real transition and the real executors, a reply at a time. */
import type { Candidate, PermanentKind } from '../../agent/credential/credential.ts'
import type { Effect, Event, State } from '../../agent/lifecycle/state.ts'
import { plainEffect, plainState } from './canonical.ts'
import type { Disk } from './disk.ts'
import type { Call, Executor } from './executor.ts'
import type { Product } from './product.ts'
import type { Reply } from './store-calls.ts'
import type { Device, Violation } from './world.ts'

/** A device after a reply or an event, and what it should not have done. */
export type Reacted = { readonly device: Device; readonly violation: Violation | null }

/** The step of the way among the effects; watches end by themselves, by choice, and what is beside the way makes no difference to it. */
const stepOf = (effects: readonly Effect[]): Effect | undefined => effects.find((effect) => !BESIDE.has(effect.do))

const BESIDE: ReadonlySet<Effect['do']> = new Set(['watch-link', 'watch-radio', 'watch-orders', 'remember-hotspots', 'renew-profiles'])

const candidatesIn = (state: State): readonly Candidate[] => ('journey' in state ? (state.journey?.candidates ?? []) : [])

const isFormer = ({ slot }: Candidate): boolean => slot === 'temporary' || slot === 'flashed'

/** Makes devices go on. */
export class Devices {
  readonly #product: Product
  readonly #executor: Executor
  readonly #started = new WeakMap<Disk, Map<PermanentKind, Device>>()
  /** By device and what it was told. */
  readonly #replied = new WeakMap<Device, Map<unknown, Promise<Reacted>>>()

  constructor(product: Product, executor: Executor) {
    this.#product = product
    this.#executor = executor
  }

  /** A device at power-on, whose config asks for this kind of permanent credential. */
  start(disk: Disk, asksFor: PermanentKind): Device {
    const started = this.#started.get(disk) ?? new Map<PermanentKind, Device>()
    this.#started.set(disk, started)
    const known = started.get(asksFor)
    if (known !== undefined) return known
    const [state, ...effects] = this.#product.START
    const device: Device = { state, effects, replies: [], asksFor, disk, refused: false, fellBack: false }
    started.set(asksFor, device)
    return device
  }

  /** What the device waits for; null where it only watches. */
  async waitsFor(device: Device): Promise<{ readonly effect: Effect; readonly call: Call } | null> {
    const effect = stepOf(device.effects)
    if (effect === undefined) return null
    const progress = await this.#executor.progress(effect, device.replies, device.asksFor)
    if (progress.at === 'event') throw new Error(`${effect.do} ended, and nobody reacted`)
    return { effect, call: progress.call }
  }

  /** The device gets a reply to what it waits for, and goes on to its next call. */
  reply(device: Device, reply: Reply, nowMs = 0): Promise<Reacted> {
    if (nowMs !== 0) return this.#reply(device, reply, nowMs)
    const replied = this.#replied.get(device) ?? new Map<unknown, Promise<Reacted>>()
    this.#replied.set(device, replied)
    const told = reply.ok ? reply.value : reply.failure
    const known = replied.get(told) ?? this.#reply(device, reply, nowMs)
    replied.set(told, known)
    return known
  }

  async #reply(device: Device, reply: Reply, nowMs: number): Promise<Reacted> {
    const effect = stepOf(device.effects)
    if (effect === undefined) throw new Error('a device that only watches gets no reply')
    const replies = [...device.replies, reply]
    const progress = await this.#executor.progress(effect, replies, device.asksFor)
    if (progress.at === 'call') return { device: { ...device, replies }, violation: null }
    return this.react({ ...device, effects: device.effects.filter((other) => other !== effect), replies: [] }, progress.event, nowMs)
  }

  /** Something happens to the device. */
  async react(device: Device, event: Event, nowMs = 0): Promise<Reacted> {
    const [next, ...more] = this.#product.transition(device.state, event, nowMs)
    const state = plainState(next)
    const effects = more.length > 0 ? more.map(plainEffect) : device.effects
    const { refused, fellBack, violation } = this.#judge(device, event, state)
    const reacted: Device = { ...device, state, effects, replies: more.length > 0 ? [] : device.replies, refused, fellBack }
    const effect = stepOf(effects)
    if (violation !== null || effect === undefined) return { device: reacted, violation }
    const progress = await this.#executor.progress(effect, reacted.replies, device.asksFor)
    return progress.at === 'event' ? this.react(reacted, progress.event, nowMs) : { device: reacted, violation }
  }

  /** A watch of the device finds an open rotation order; null where it has none. */
  async findOrder(device: Device, orderId: string): Promise<Reacted | null> {
    const watch = device.effects.find((effect) => effect.do === 'watch-orders')
    if (watch === undefined) return null
    const progress = await this.#executor.progress(watch, [{ ok: true, value: orderId }], device.asksFor)
    if (progress.at === 'call') throw new Error('a device that found an order asks on')
    return this.react(device, progress.event)
  }

  /** Once a secret is promoted, a former credential is shown only after a refusal of it, and at most once a day. */
  #judge(device: Device, event: Event, state: State): Pick<Device, 'refused' | 'fellBack'> & { readonly violation: Violation | null } {
    const [before] = candidatesIn(device.state)
    const [now] = candidatesIn(state)
    const isRefusal = event.type === 'failed' && this.#product.FAILURES[event.failure.code].disposition === 'rotate'
    // A refusal counts in its round alone.
    const isOver = event.type === 'waited' || event.type === 'authenticated'
    const refused = (device.refused && !isOver) || (isRefusal && before?.slot === 'current')
    if (now === undefined || before === now) return { refused, fellBack: device.fellBack, violation: null }
    if (!isFormer(now)) return { refused: false, fellBack: device.fellBack, violation: null }
    const isPromoted = candidatesIn(state).some(({ slot }) => slot === 'current')
    const goesOn = before !== undefined && isFormer(before)
    if (!isPromoted || goesOn) return { refused, fellBack: device.fellBack, violation: null }
    const allowed = refused && !device.fellBack
    const detail = `a promoted device turns to its ${now.slot} credential ${refused ? 'for the second time in a day' : 'without a refusal'}`
    return { refused, fellBack: true, violation: allowed ? null : { property: 'shown-again', detail } }
  }
}
