/** The ids of a batch, wherever they come from. */
import type { DeviceValues } from '../certificate/variable-text.ts'

/** One device of a batch: its id and the columns of the line's list, and the row of that list, where there is one. */
export type DeviceEntry = {
  readonly id: string
  readonly values: DeviceValues
  readonly row: number | null
  /** Its key (SubjectPublicKeyInfo), where the device made it itself. */
  readonly publicKey: Uint8Array | null
}

/** Ids in an order that is the same at every reading, so that a run can go on where it was cut off. */
export type DeviceIds = {
  readonly total: number
  /** Names of the columns besides the id. */
  readonly columns: readonly string[]
  /** What the ids are made from; another text, other ids. */
  readonly fingerprint: string
  /** The devices from number `from` on, counted from 0, so many at once; the last time, fewer. */
  entries(from: number, atOnce: number): AsyncIterable<readonly DeviceEntry[]>
  /** Whether an id is among them, in whatever case. */
  holds(id: string): boolean
}

/** Ids that differ only by case are one id to the cloud, which refuses the second. */
export const foldId = (id: string): string => id.toLowerCase()
