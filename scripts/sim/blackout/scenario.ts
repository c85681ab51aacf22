/** What is simulated. */
import type { BackoffLimits } from '../../../agent/lifecycle/backoff.ts'
import type { ServiceTimes } from '../../bench/cloud/service-times.ts'

/** A crowd of devices that lost the cloud together, and the one process that they come back to. */
export type Scenario = {
  readonly devices: number
  readonly seed: number
  /** Whether devices draw their waits, or all wait for as long as they may. */
  readonly isJittered: boolean
  readonly times: ServiceTimes
  readonly limits: BackoffLimits
  /** How long a device gives a call, its connection included. */
  readonly callMs: number
  /** `requestsAtOnce` and `connections` of the cloud's configuration. */
  readonly requestsAtOnce: number
  readonly connections: number
  /** Whoever is not back by then is given up on. */
  readonly horizonMs: number
}

/** What became of them, second by second. */
export type Course = {
  /** Calls that devices began in each second. */
  readonly begun: readonly number[]
  /** Devices that were not back at the end of each second. */
  readonly out: readonly number[]
  /** When each came back, in that order; infinite for those who did not. */
  readonly backMs: Float64Array
  readonly refused: number
  readonly timedOut: number
}

/** When this share of the devices was back. */
export const backAt = ({ backMs }: Pick<Course, 'backMs'>, share: number): number =>
  backMs[Math.max(0, Math.ceil(share * backMs.length) - 1)] ?? Number.NaN

/** What nothing could beat: the process never idles, and sends nobody away. */
export function idealCourse({ devices, times }: Pick<Scenario, 'devices' | 'times'>): Pick<Course, 'backMs' | 'out'> {
  const eachMs = times.handshakeMs + times.tokenMs
  const backMs = Float64Array.from({ length: devices }, (_, index) => (index + 1) * eachMs)
  const out = Array.from({ length: Math.ceil((devices * eachMs) / 1000) }, (_, second) =>
    Math.max(0, devices - Math.floor(((second + 1) * 1000) / eachMs)),
  )
  return { backMs, out }
}
