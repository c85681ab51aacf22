/** A change to one real file that breaks one of the swap's rules (ARCHITECTURE.md), and the promise that the explorer then finds broken. */
import type { Patch } from '../mutant.ts'
import { BARE } from '../scenarios.ts'
import type { Property, Scenario } from '../world.ts'

export type Mutation = {
  readonly breaks: string
  readonly patch: Patch
  readonly caughtAs: Property
  readonly scenario: Scenario
  readonly depth: number
}

/** What it takes to meet the mutants: the less is about, the sooner they are met. */
export const FAULTS: Scenario = { ...BARE, diskFaults: true }
export const ROGUE: Scenario = { ...BARE, rogue: true }
export const PLAIN: Scenario = { ...BARE, plain: true }
export const ROTATION: Scenario = { ...BARE, rotation: true }
export const THIEF: Scenario = { ...BARE, thief: true }

/** The same with certificates. */
export const CERTIFICATES: Scenario = { ...BARE, kinds: ['certificate'] }
export const CERTIFICATES_THIEF: Scenario = { ...CERTIFICATES, thief: true }

const STORE = 'agent/store/store.ts'

/** Of what is asked with, be it a nonce or a key: it is not kept, not flushed, or kept at the cost of a credential. */
export const NOT_KEPT: Patch = { file: STORE, replace: 'await this.#directory.write(name, encode(fresh), decode)', by: '' }
export const KEPT_UNFLUSHED: Patch = {
  file: STORE,
  replace: 'if (kept !== null) {\n      await this.#directory.sync()',
  by: 'if (kept !== null) {',
}
export const FRESH_TAKES_PENDING: Patch = {
  file: STORE,
  replace: 'const fresh = draw()',
  by: `if (which === 'fresh') await this.#directory.move('pending.json', name, decode).catch(() => undefined)\n    const fresh = draw()`,
}
