/**
 * Two devices with one identity, by a criterion that a single device never meets. Each agent process draws a run id at its start
 * and says it in every assertion. One state directory is locked by one agent, so that the runs of one device follow each other and
 * none comes back. Two runs of which each was heard of after the other had begun are two devices that live at the same time.
 *
 * Messages may be late and come in any order: what is accepted now was said at some time in the last `LATE_MS`. So a run is known
 * to have begun when it was first heard of, and to have lived until `LATE_MS` before it was last heard of. The device's own
 * clock plays no part, nor do addresses, which may be random, or hotspots, between which a device roams.
 */

/** What was heard of a run. `lastMs` is written only where it tells that the run outlived the beginning of another. */
export type HeardRun = { readonly run: string; readonly firstMs: number; readonly lastMs: number }

/** An assertion lives 60 s by a clock that may be 10 s off either way; the rest is for clouds whose clocks differ. */
export const LATE_MS = 120_000

/** How many runs are kept: the newest ones, and as many others. */
const KEPT_NEWEST = 4
const KEPT_SAMPLE = 4

/** What hearing of a run tells: the run that lives beside it, if there is one. `runs` is the same object where nothing is to be written. */
export type Heard = { readonly runs: readonly HeardRun[]; readonly sharedWith: string | null }

/** Hears of a run. After a finding the history starts anew, so that another one needs new evidence. */
export function hearRun(runs: readonly HeardRun[], run: string, nowMs: number): Heard {
  const known = runs.find((heard) => heard.run === run)
  if (known === undefined) return { runs: keep([...runs, { run, firstMs: nowMs, lastMs: nowMs }]), sharedWith: null }
  const others = runs.filter((heard) => heard !== known)
  const heard = { ...known, lastMs: Math.max(known.lastMs, nowMs) }
  const living = others.find((other) => outlived(heard, other) && outlived(other, heard))
  if (living !== undefined) return { runs: [{ run, firstMs: nowMs, lastMs: nowMs }], sharedWith: living.run }
  const isNews = others.some((other) => outlived(heard, other) && !outlived(known, other))
  return { runs: isNews ? runs.map((each) => (each === known ? heard : each)) : runs, sharedWith: null }
}

/** Whether one run certainly lived after another had begun. */
const outlived = (one: HeardRun, other: HeardRun): boolean => one.lastMs - LATE_MS > other.firstMs

/**
 * What of the runs is kept: the newest, and those with the smallest ids. Ids are random, so the latter are a sample that stays
 * while others come and go: a thousand clones that take turns meet one of it again.
 */
function keep(runs: readonly HeardRun[]): readonly HeardRun[] {
  if (runs.length <= KEPT_NEWEST + KEPT_SAMPLE) return runs
  const older = runs.slice(0, -KEPT_NEWEST)
  const sample = new Set(older.toSorted((one, other) => (one.run < other.run ? -1 : 1)).slice(0, KEPT_SAMPLE))
  return runs.filter((heard, index) => index >= older.length || sample.has(heard))
}
