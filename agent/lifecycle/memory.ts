/**
 * What failed where: failures per (BSSID, credential), halving with time. It moves a BSS back in the order, so that a stronger
 * evil twin costs one attempt and not the evening; it never excludes one.
 */

/** One remembered failure pair; `weight` is what it counted for at `atMs`. */
type Entry = { readonly key: string; readonly weight: number; readonly atMs: number }

/** Newest first; bounded, since an attacker can make up BSSIDs without end. */
export type Memory = readonly Entry[]

/** Nothing failed yet. */
export const NO_FAILURES: Memory = []

const HALF_LIFE_MS = 10 * 60_000
const MOST_ENTRIES = 64

const keyOf = (bssid: string, credential: string): string => `${bssid} ${credential}`

const weightAt = (entry: Entry, nowMs: number): number => entry.weight * 0.5 ** (Math.max(0, nowMs - entry.atMs) / HALF_LIFE_MS)

/** Adds one failure of a credential at a BSS. */
export function remember(memory: Memory, bssid: string, credential: string, nowMs: number): Memory {
  const key = keyOf(bssid, credential)
  const before = memory.find((entry) => entry.key === key)
  const weight = 1 + (before === undefined ? 0 : weightAt(before, nowMs))
  return [{ key, weight, atMs: nowMs }, ...memory.filter((entry) => entry.key !== key)].slice(0, MOST_ENTRIES)
}

/** Forgets what was held against a BSS: it worked. */
export const forgive = (memory: Memory, bssid: string, credential: string): Memory =>
  memory.filter((entry) => entry.key !== keyOf(bssid, credential))

/** Puts BSSs with fewer recent failures first; otherwise the order given (best first) stays. */
export function byFailures<B extends { readonly bssid: string }>(
  bsss: readonly B[],
  memory: Memory,
  credentialAt: (bss: B) => string,
  nowMs: number,
): readonly B[] {
  const penalty = (bss: B): number => {
    const entry = memory.find(({ key }) => key === keyOf(bss.bssid, credentialAt(bss)))
    return entry === undefined ? 0 : Math.round(weightAt(entry, nowMs))
  }
  return bsss.toSorted((a, b) => penalty(a) - penalty(b))
}
