/**
 * What failed where: failures per (BSS by a profile, credential), halving with time. It moves a BSS back in the order, so that a
 * stronger evil twin costs one attempt and not the evening; it never excludes one.
 */

/** One remembered failure pair; `weight` is what it counted for at `atMs`. */
type Entry = { readonly key: string; readonly weight: number; readonly atMs: number }

/** Newest first; bounded, since an attacker can make up BSSIDs without end. */
export type Memory = readonly Entry[]

/** Nothing failed yet. */
export const NO_FAILURES: Memory = []

const HALF_LIFE_MS = 10 * 60_000
const MOST_ENTRIES = 64

const keyOf = (place: string, credential: string): string => `${place} ${credential}`

/** How much is held against a place for a credential: 1 for each failure, less as time passes. */
export function weightOf(memory: Memory, place: string, credential: string, nowMs: number): number {
  const entry = memory.find(({ key }) => key === keyOf(place, credential))
  return entry === undefined ? 0 : entry.weight * 0.5 ** (Math.max(0, nowMs - entry.atMs) / HALF_LIFE_MS)
}

/** Adds one failure of a credential at a place. */
export function remember(memory: Memory, place: string, credential: string, nowMs: number): Memory {
  const key = keyOf(place, credential)
  const weight = 1 + weightOf(memory, place, credential, nowMs)
  return [{ key, weight, atMs: nowMs }, ...memory.filter((entry) => entry.key !== key)].slice(0, MOST_ENTRIES)
}

/** Forgets what was held against a place: it worked. */
export const forgive = (memory: Memory, place: string, credential: string): Memory =>
  memory.filter((entry) => entry.key !== keyOf(place, credential))
