/** What may go wrong, by degrees: the more is about, the more states there are at a depth. */
import type { Scenario } from './world.ts'

/** Requests and answers are lost, processes killed, power cut, and nothing else. */
export const BARE: Scenario = {
  name: 'a bad network and power cuts',
  kinds: ['secret'],
  thief: false,
  clone: false,
  rogue: false,
  plain: false,
  rotation: false,
  networkRoom: 0,
  diskFaults: false,
}

const ONE_DEVICE: Scenario = {
  name: 'one device, a failing disk, a rogue hotspot, a thief, rotations',
  kinds: ['secret'],
  thief: true,
  clone: false,
  rogue: true,
  plain: false,
  rotation: true,
  networkRoom: 1,
  diskFaults: true,
}
const AT_PLAIN: Scenario = { ...ONE_DEVICE, name: 'the same at a hotspot that sees no credential', rogue: false, plain: true }
const CLONES: Scenario = { ...BARE, name: 'two agents on cloned, failing disks', clone: true, diskFaults: true }
const EVERYTHING: Scenario = { ...ONE_DEVICE, name: 'everything at once', clone: true, networkRoom: 2 }

const CERTIFICATES: Scenario = {
  ...ONE_DEVICE,
  name: 'one device with certificates, and all that went wrong with secrets',
  kinds: ['certificate'],
}
const EITHER: Scenario = {
  ...EVERYTHING,
  name: 'everything at once, with certificates and secrets in turn',
  kinds: ['certificate', 'secret'],
}

/** Each with the depth that continuous integration has time for. */
export const SCENARIOS: readonly { readonly scenario: Scenario; readonly depth: number }[] = [
  { scenario: ONE_DEVICE, depth: 2 },
  { scenario: AT_PLAIN, depth: 2 },
  { scenario: CERTIFICATES, depth: 2 },
  { scenario: CLONES, depth: 1 },
  { scenario: EVERYTHING, depth: 1 },
  { scenario: EITHER, depth: 1 },
]
