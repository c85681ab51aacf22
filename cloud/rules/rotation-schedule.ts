/** When a schedule asks a device to rotate its permanent credential. Pure, and the same in every process that works it out. */
import { createHash } from 'node:crypto'
import type { DeviceName } from '../../agent/contract/names.ts'
import { matchesIdPattern } from './id-pattern.ts'

/** A permanent credential gets no older than `everyMs` on a device that the cloud hears from. */
export type RotationSchedule = {
  readonly id: string
  /** Device ids and patterns; one that matches is enough. */
  readonly allow: readonly string[]
  readonly everyMs: number
  readonly createdMs: number
}

/** The part of the period, at its end, over which a fleet is spread out, so that it does not rotate at once. */
const SPREAD = 0.25

const WHOLE = 2 ** 32

/** A device's own place in the spread, in [0, 1): the same whenever it is asked for. */
function placeOf({ account, device }: DeviceName): number {
  const digest = createHash('sha256').update(['rotation-schedule', account, device].join('\0')).digest()
  return digest.readUInt32BE(0) / WHOLE
}

/**
 * When the device is due by one schedule. `sinceMs` is when its credential became current, or when an operator last took an order
 * back. A device that was past its time when the schedule began is spread over the same part of a period from then on.
 */
export function dueMs({ everyMs, createdMs }: RotationSchedule, name: DeviceName, sinceMs: number): number {
  const spreadMs = everyMs * SPREAD
  const ownMs = spreadMs * placeOf(name)
  return Math.max(sinceMs + everyMs - spreadMs, createdMs) + ownMs
}

/** The schedule by which the device is due now, the longest due one first; null where none is. */
export function dueSchedule(
  schedules: readonly RotationSchedule[],
  name: DeviceName,
  sinceMs: number,
  nowMs: number,
): RotationSchedule | null {
  const due = schedules
    .filter(({ allow }) => allow.some((pattern) => matchesIdPattern(pattern, name.device)))
    .map((schedule) => ({ schedule, atMs: dueMs(schedule, name, sinceMs) }))
    .filter(({ atMs }) => atMs <= nowMs)
    .sort((one, other) => one.atMs - other.atMs)
  return due[0]?.schedule ?? null
}
