/**
 * Breadth first through every state that can be reached with at most so many disturbances: what takes its course is free, so
 * that a depth counts losses, forgeries, cuts and thefts, and between any two of them the devices go as far as they can, in
 * every order. Equal states are visited once. Deterministic: the same product gives the same numbers.
 */
import { Canon, type Canonical } from './canonical.ts'
import { Choices, type Parts } from './choices.ts'
import { Cloud } from './cloud.ts'
import { Devices } from './device.ts'
import { EMPTY_DISK } from './disk.ts'
import { Executor } from './executor.ts'
import type { Product } from './product.ts'
import { hasArrived, violationIn } from './properties.ts'
import { StoreCalls } from './store-calls.ts'
import { Values } from './values.ts'
import { Visited } from './visited.ts'
import type { Scenario, Violation, World } from './world.ts'

/** What was found: how many states, whether there are none beyond, and the first violation with its story. */
export type Report = {
  readonly scenario: string
  readonly depth: number
  readonly states: number
  readonly steps: number
  /** No disturbance leads out of the states that were visited: they are all there are, at any depth. */
  readonly complete: boolean
  readonly violation: Found | null
}

export type Found = Violation & { readonly story: readonly string[] }

type Reached = Canonical & { readonly from: number; readonly what: string }

/** Explores a product in a scenario. */
export const explore = (product: Product, scenario: Scenario, depth: number, onLevel?: (report: Report) => void): Promise<Report> =>
  new Exploration(product, scenario).run(depth, onLevel ?? (() => {}))

const NOBODY: World['thief'] = { hasToken: false, names: [] }

class Exploration {
  readonly #scenario: Scenario
  readonly #parts: Parts
  readonly #choices: Choices
  readonly #visited = new Visited()
  #steps = 0
  #found: Found | null = null

  constructor(product: Product, scenario: Scenario) {
    const values = new Values(product)
    const devices = new Devices(product, new Executor(product, values))
    this.#scenario = scenario
    const canon = new Canon(product, values)
    this.#parts = { product, values, devices, canon, cloud: new Cloud(product, values, canon), store: new StoreCalls(product, values) }
    this.#choices = new Choices(this.#parts, scenario)
  }

  async run(depth: number, onLevel: (report: Report) => void): Promise<Report> {
    const device = this.#parts.devices.start(EMPTY_DISK, this.#scenario.kinds[0])
    const start: World = { devices: [device], cloud: null, order: null, askers: {}, proved: [], network: [], thief: NOBODY }
    let next: readonly Reached[] = [{ ...this.#parts.canon.of(start), from: -1, what: 'power on' }]
    for (let level = 0; level <= depth; level++) {
      next = await this.#level(next)
      if (this.#found === null) this.#found = this.#visited.stuck()
      onLevel(this.#report(level, next.length === 0))
      if (this.#found !== null || next.length === 0) return this.#report(level, next.length === 0)
    }
    return this.#report(depth, false)
  }

  /** Visits everything within one more disturbance; gives what another one would lead to. */
  async #level(reached: readonly Reached[]): Promise<readonly Reached[]> {
    const work = reached.flatMap((each) => this.#visit(each))
    const beyond = new Map<string, Reached>()
    for (let item = work.pop(); item !== undefined; item = work.pop()) {
      for (const choice of await this.#choices.from(item.world)) {
        this.#steps += 1
        const next = { ...this.#parts.canon.of(choice.world), from: item.index, what: choice.what }
        const isNew = !this.#visited.has(next.key) && !beyond.has(next.key)
        const violation = choice.violation ?? (isNew ? violationIn(this.#parts, next.world) : null)
        if (violation !== null) return this.#fail(violation, [...this.#visited.storyOf(item.index), choice.what])
        if (choice.cost === 0) work.push(...this.#visit(next))
        else if (isNew) beyond.set(next.key, next)
        if (choice.course !== null) this.#visited.course(item.index, choice.course, next.key)
      }
    }
    return [...beyond.values()].filter(({ key }) => !this.#visited.has(key))
  }

  #visit({ world, key, from, what }: Reached): readonly { readonly index: number; readonly world: World }[] {
    if (this.#visited.has(key)) return []
    const arrived = world.devices.map((_, index) => hasArrived(this.#parts, world, index))
    return [{ index: this.#visited.add({ key, from, what, arrived }), world }]
  }

  #fail(violation: Violation, story: readonly string[]): readonly Reached[] {
    this.#found = { ...violation, story }
    return []
  }

  #report(depth: number, complete: boolean): Report {
    const states = this.#visited.size
    return {
      scenario: this.#scenario.name,
      depth,
      states,
      steps: this.#steps,
      complete: complete && this.#found === null,
      violation: this.#found,
    }
  }
}
