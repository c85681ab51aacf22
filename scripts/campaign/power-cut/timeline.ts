/** What held at which moment of a recorded life, where a moment is told by the length of the state disk's write log. */
import type { CloudState } from './cloud-view.ts'

/** From its log line on, the credential with this label must be found on the disk, in one of these slots. */
export type Duty = { readonly fromBytes: number; readonly event: string; readonly label: string; readonly slots: readonly Slot[] }

/** A credential slot of the store. */
export type Slot = 'pending' | 'current'

/** From its log line on, the nonce or key that the cloud was asked with for a credential must be found on the disk. */
export type NonceDuty = { readonly fromBytes: number; readonly label: string }

/** A state of the cloud, and between which lengths of the log it may have held. */
export type CloudSpan = { readonly state: CloudState; readonly fromBytes: number; readonly toBytes: number }

/** One life of the device, from power-on to the cut. */
export type Timeline = {
  readonly duties: readonly Duty[]
  readonly nonceDuties: readonly NonceDuty[]
  readonly cloud: readonly CloudSpan[]
}

/** A cut after the log had grown to `endBytes`, and before the request that would have made it `nextEndBytes` long. */
export type Moment = { readonly endBytes: number; readonly nextEndBytes: number }

/** The duty in force at a cut: the last one that was told before it. */
export const dutyAt = (timeline: Timeline, { endBytes }: Moment): Duty | null =>
  timeline.duties.findLast(({ fromBytes }) => fromBytes <= endBytes) ?? null

/** The same for the nonce. */
export const nonceDutyAt = (timeline: Timeline, { endBytes }: Moment): NonceDuty | null =>
  timeline.nonceDuties.findLast(({ fromBytes }) => fromBytes <= endBytes) ?? null

/** Every state that the cloud may have had at a cut, or may have taken on after it by a request that was on its way. */
export const cloudStatesAt = (timeline: Timeline, { endBytes, nextEndBytes }: Moment): readonly CloudState[] =>
  timeline.cloud.filter(({ fromBytes, toBytes }) => fromBytes < nextEndBytes && endBytes <= toBytes).map(({ state }) => state)
