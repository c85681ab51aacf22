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
