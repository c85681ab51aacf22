/** How values are written on the command line. */
import { InvalidArgumentError } from 'commander'

/** A path of the API. */
export const path = (...parts: readonly string[]): string => `/v1/${parts.map(encodeURIComponent).join('/')}`

/** A time of the API, for people; null is `-`. */
export const timeText = (ms: number | null): string => (ms === null ? '-' : new Date(ms).toISOString())

const UNIT_MS: Readonly<Record<string, number>> = { h: 3_600_000, d: 86_400_000, w: 604_800_000 }

/** A duration as it was written, and how long it is. */
export type Duration = { readonly text: string; readonly ms: number }

/** Reads a duration such as `90d`. */
export function duration(text: string): Duration {
  const match = /^([1-9][0-9]{0,5})([hdw])$/.exec(text)
  const unitMs = UNIT_MS[match?.[2] ?? '']
  if (match === null || unitMs === undefined) throw new InvalidArgumentError('a duration is a number of h, d or w, such as 90d')
  return { text, ms: Number(match[1]) * unitMs }
}
