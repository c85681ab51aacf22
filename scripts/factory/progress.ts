/** A progress bar on the terminal, for what takes longer than a second. */
import { Presets, SingleBar } from 'cli-progress'

/** Says how far the work is. */
export type Progress = { readonly at: (done: number) => void; readonly end: () => void }

/** Who watches a long run: bars, and whoever may press Ctrl-C. */
export type Watch = { readonly startProgress: (what: string, total: number, from: number) => Progress; readonly signal: AbortSignal }

const FIRST_SHOWN_MS = 1000

/** No bar, for programs that read JSON. */
export const noProgress: Progress = { at() {}, end() {} }

/** A bar over `total` pieces of work, of which `from` are done. */
export function startProgress(what: string, total: number, from: number): Progress {
  const bar = new SingleBar({ format: `${what} [{bar}] {value} of {total}, {eta_formatted} left`, hideCursor: true }, Presets.legacy)
  const shownAtMs = performance.now() + FIRST_SHOWN_MS
  let isShown = false
  return {
    at(done) {
      if (!isShown && performance.now() > shownAtMs) {
        bar.start(total, from)
        isShown = true
      }
      if (isShown) bar.update(done)
    },
    end() {
      if (isShown) bar.stop()
    },
  }
}
