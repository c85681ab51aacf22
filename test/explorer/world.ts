/** A state of the explored world, as immutable data. */
import type { PermanentKind } from '../../agent/credential/credential.ts'
import type { Effect, State } from '../../agent/lifecycle/state.ts'
import type { DeviceCredentials, IssuedId } from '../../cloud/rules/device-credentials.ts'
import type { Disk } from './disk.ts'
import type { Reply } from './store-calls.ts'
import { nameOf } from './values.ts'

/** Who asks the cloud: a device by its place in the world, or the thief. */
export type Asker = number | 'thief'

/** A request to the cloud, by an issued credential or, for null, by the temporary secret. What is on the way may arrive late, after whoever sent it gave up on it. */
export type Request =
  | { readonly ask: 'token'; readonly from: Asker; readonly by: string | null }
  | {
      readonly ask: 'swap'
      readonly from: Asker
      readonly by: string | null
      readonly kind: IssuedId['kind']
      readonly nonce: string
      readonly orderId: string | null
    }

/** A device that runs. Without power it does nothing, so that a cut is at once followed by the next start. */
export type Device = {
  readonly state: State
  /** What is under way, and the replies that the one step of the way among them has had. */
  readonly effects: readonly Effect[]
  readonly replies: readonly Reply[]
  /** By its config. */
  readonly asksFor: PermanentKind
  readonly disk: Disk
  /** Kept for the properties alone: whether the promoted secret was refused, and whether another was shown for that today. */
  readonly refused: boolean
  readonly fellBack: boolean
}

/** Somebody else who holds the temporary secret. Of credentials that were superseded nothing more can come. */
export type Thief = { readonly hasToken: boolean; readonly names: readonly string[] }

export type World = {
  readonly devices: readonly Device[]
  readonly cloud: DeviceCredentials | null
  /** The rotation order that is open, by its id. */
  readonly order: string | null
  /** Kept for the properties alone: who first asked with a nonce and by whose order, and which credentials were ever current. */
  readonly askers: Readonly<Record<string, { readonly from: Asker; readonly ordered: boolean }>>
  readonly proved: readonly string[]
  readonly network: readonly Request[]
  readonly thief: Thief
}

/** What was promised and is not so. */
export type Violation = { readonly property: Property; readonly detail: string }

/** The promises, by the names under which a violation is reported. */
export type Property =
  | 'locked-out'
  | 'two-secrets'
  | 'dethroned'
  | 'not-told'
  | 'deleted'
  | 'stuck'
  | 'shown-again'
  | 'asked-anew'
  | 'promoted-unproved'

/** The credential that the cloud holds for current. */
export function currentOf(cloud: DeviceCredentials | null): string | null {
  const current = cloud?.issued.find(({ state }) => state === 'current')
  return current === undefined ? null : nameOf(current.id)
}

/** The world with one device replaced. */
export const withDevice = (world: World, index: number, device: Device): World => ({
  ...world,
  devices: world.devices.with(index, device),
})

/** What may go wrong, and who else is about. */
export type Scenario = {
  readonly name: string
  /** What the device's config asks for; where it may be either, the config changes between two starts. */
  readonly kinds: readonly [PermanentKind, ...PermanentKind[]]
  readonly thief: boolean
  readonly clone: boolean
  readonly rogue: boolean
  /** Whether the hotspot sees no credential of the device. */
  readonly plain: boolean
  /** Whether an operator orders rotations. */
  readonly rotation: boolean
  /** Requests that may be on the way at a time, given up by their senders. */
  readonly networkRoom: number
  /** Whether disks fail and calls of the store come to late, besides being cut. */
  readonly diskFaults: boolean
}
