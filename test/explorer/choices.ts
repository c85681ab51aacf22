/** Everything that can happen next in a world. */
import type { Canon } from './canonical.ts'
import type { Cloud } from './cloud.ts'
import type { Devices } from './device.ts'
import { DeviceChoices } from './device-choices.ts'
import { cloneOf } from './disk.ts'
import type { Product } from './product.ts'
import type { StoreCalls } from './store-calls.ts'
import { nameOf, nonceOf, orderOf, type Values } from './values.ts'
import { currentOf, type Request, type Scenario, type Violation, type World } from './world.ts'

/**
 * One thing that happens. `cost` is 1 for a disturbance: something is lost, forged, cut or stolen; what takes its course costs
 * nothing. `course` is the device whose undisturbed way this is a step of.
 */
export type Choice = {
  readonly what: string
  readonly cost: 0 | 1
  readonly course: number | null
  readonly world: World
  readonly violation: Violation | null
}

/** The parts of the world that choices are made with. */
export type Parts = {
  readonly product: Product
  readonly values: Values
  readonly devices: Devices
  readonly cloud: Cloud
  readonly store: StoreCalls
  readonly canon: Canon
}

export class Choices {
  readonly #parts: Parts
  readonly #scenario: Scenario
  readonly #ofDevice: DeviceChoices

  constructor(parts: Parts, scenario: Scenario) {
    this.#parts = parts
    this.#scenario = scenario
    this.#ofDevice = new DeviceChoices(parts, scenario)
  }

  /** All of them. */
  async from(world: World): Promise<readonly Choice[]> {
    const choices: Choice[] = []
    for (const [index, device] of world.devices.entries()) choices.push(...(await this.#ofDevice.from(world, index, device)))
    return [...choices, ...this.#arrivals(world), ...this.#thief(world), ...this.#clone(world), ...this.#operator(world)]
  }

  /** A late request arrives; its sender is past hearing the answer. */
  #arrivals(world: World): readonly Choice[] {
    return world.network.map((request, index) => {
      const { world: after, violation } = this.#decide({ ...world, network: world.network.toSpliced(index, 1) }, request)
      return { what: `a late ${request.ask} of ${request.from} arrives`, cost: 0, course: null, world: after, violation }
    })
  }

  #thief(world: World): readonly Choice[] {
    if (!this.#scenario.thief) return []
    const { thief } = world
    const proofs = thief.names.map((by) => this.#theft(world, 'proves what it got', { ask: 'token', from: 'thief', by }))
    const [kind] = this.#scenario.kinds
    const wish = { kind: kind === 'secret' ? 'issued' : kind, nonce: nonceOf(this.#parts.canon.unused(world)) } as const
    const ask: Request = thief.hasToken
      ? { ask: 'swap', from: 'thief', by: null, ...wish, orderId: null }
      : { ask: 'token', from: 'thief', by: null }
    return [...proofs, this.#theft(world, thief.hasToken ? 'swaps' : 'gets a token', ask)]
  }

  /** A token that the thief once got stays good for as long as it likes. */
  #theft(world: World, what: string, request: Request): Choice {
    const { world: after, reply, violation } = this.#decide(world, request)
    const { hasToken, names } = world.thief
    const issued = after.cloud?.issued.filter(({ nonce }) => request.ask === 'swap' && nonce === request.nonce) ?? []
    const thief = { hasToken: hasToken || reply.ok, names: [...names, ...issued.map(({ id }) => nameOf(id))] }
    return { what: `the thief ${what}`, cost: 1, course: null, world: { ...after, thief }, violation }
  }

  #clone(world: World): readonly Choice[] {
    const [device, ...others] = world.devices
    if (!this.#scenario.clone || device === undefined || others.length > 0) return []
    const clone = this.#parts.devices.start(cloneOf(device.disk), device.asksFor)
    return [
      {
        what: 'a copy of its disk is started in a second device',
        cost: 1,
        course: null,
        world: { ...world, devices: [device, clone] },
        violation: null,
      },
    ]
  }

  #operator(world: World): readonly Choice[] {
    if (!this.#scenario.rotation || world.order !== null || currentOf(world.cloud) === null) return []
    const order = orderOf(this.#parts.canon.unused(world))
    return [{ what: 'the operator orders a rotation', cost: 1, course: null, world: { ...world, order }, violation: null }]
  }

  #decide(world: World, request: Request) {
    return this.#parts.cloud.decide(world, request)
  }
}
