/** What must be so in every state, whatever happened before. */
import type { Parts } from './choices.ts'
import type { Slots } from './store-calls.ts'
import { nameOf } from './values.ts'
import { currentOf, type Device, type Property, type Violation, type World } from './world.ts'

const violated = (property: Property, detail: string): Violation => ({ property, detail })

const namesIn = ({ pending, current }: Slots): readonly string[] => [pending, current].filter((id) => id !== null)

/** Whether something that is on this device, after any power cut now, is accepted by the cloud. */
const isAcceptable = (parts: Parts, world: World, { disk }: Device): boolean =>
  parts.cloud.accepts(world.cloud, null) ||
  parts.store.slotsAfterCut(disk).every((slots) => namesIn(slots).some((id) => parts.cloud.accepts(world.cloud, id)))

/** Whether the thief was first; from then on the devices are locked out, as the contract says. */
const isThiefs = ({ cloud, thief }: World): boolean => {
  const current = currentOf(cloud)
  return current !== null && thief.names.includes(current)
}

/** The first promise that the state breaks, or null. */
export function violationIn(parts: Parts, world: World): Violation | null {
  const { cloud, devices } = world
  if (!isThiefs(world) && !devices.some((device) => isAcceptable(parts, world, device)))
    return violated('locked-out', 'the cloud accepts nothing that is durably on the device')
  const live = (state: string) => cloud?.issued.filter((record) => record.state === state).map(({ id }) => nameOf(id)) ?? []
  for (const state of ['current', 'pending']) {
    if (live(state).length > 1) return violated('two-secrets', `${live(state).join(' and ')} are ${state}`)
  }
  const current = currentOf(cloud)
  if (current !== null) {
    const problem = parts.cloud.saysToTemporary(cloud)
    if (problem === null) return violated('two-secrets', `${current} is current, and the temporary secret still good`)
    if (problem !== 'already-enrolled') return violated('not-told', `the temporary secret is told ${problem}`)
  }
  for (const [index, { disk }] of devices.entries()) {
    const promoted = parts.store.slotsOf(disk).current
    if (promoted !== null && !world.proved.includes(promoted))
      return violated('promoted-unproved', `device ${index} holds ${promoted} for current, and nobody proved it`)
  }
  return null
}

/** Whether a device has nothing more to reach: it is steady with the current credential and followed its orders, or somebody else was first. */
export function hasArrived(parts: Parts, world: World, index: number): boolean {
  const device = world.devices[index]
  const current = currentOf(world.cloud)
  if (device === undefined) return true
  const { state } = device
  const isCurrent = state.phase === 'steady' && parts.values.nameOf(state.credential) === current
  // While rotation is frozen an order waits.
  if (isCurrent && (world.order === null || (world.cloud?.frozenMs ?? null) !== null)) return true
  return current !== null && !namesIn(parts.store.slotsOf(device.disk)).includes(current)
}
