/** What may go wrong, by degrees: the more is about, the more states there are at a depth. */
import type { Scenario } from './world.ts'

/** Requests and answers are lost, processes killed, power cut, and nothing else. */
export const BARE: Scenario = {
  name: 'a bad network and power cuts',
  thief: false,
  clone: false,
  rogue: false,
  rotation: false,
  networkRoom: 0,
  diskFaults: false,
}

const ALONE: Scenario = { ...BARE, name: 'one device, a rogue hotspot, a failing disk', rogue: true, networkRoom: 1, diskFaults: true }
const THIEF: Scenario = { ...ALONE, name: 'and a thief', thief: true }
const ROTATION: Scenario = { ...ALONE, name: 'and rotations', rotation: true }
const CLONE: Scenario = { ...BARE, name: 'two agents on cloned disks', clone: true, diskFaults: true }
const EVERYTHING: Scenario = { ...THIEF, name: 'everything at once', clone: true, rotation: true, networkRoom: 2 }

/** Each with the depth that continuous integration has time for. */
export const SCENARIOS: readonly { readonly scenario: Scenario; readonly depth: number }[] = [
  { scenario: ALONE, depth: 2 },
  { scenario: THIEF, depth: 2 },
  { scenario: ROTATION, depth: 2 },
  { scenario: CLONE, depth: 1 },
  { scenario: EVERYTHING, depth: 1 },
]
