/** What was flashed onto what, NDJSON, beside the run log. Stations may write at once: each line is one append. */
import { join } from 'node:path'
import { appendLine, readLines } from '../line-log.ts'

/** How flashing a device went. */
export type FlashLine = {
  readonly at: string
  readonly id: string
  readonly target: string
  readonly result: 'flashed' | 'failed'
  /** Somebody said that what was flashed with this id before is no more. */
  readonly again: boolean
  readonly ms: number
  readonly reason: string | null
}

const NAME = 'flash-log.ndjson'

/** Appends a line, durably. */
export const logFlash = (batchFolder: string, line: FlashLine): void => appendLine(join(batchFolder, NAME), line)

/** Every line so far; one that was cut off is left out. */
export const readFlashLog = (batchFolder: string): readonly FlashLine[] =>
  readLines(join(batchFolder, NAME)).flatMap((line) => (typeof line.id === 'string' ? [line as FlashLine] : []))

/** What holds the device of this id now, as far as the log knows; more than one place means that stations did not know of each other. */
export function placesOf(log: readonly FlashLine[], id: string): readonly string[] {
  const lines = log.filter((line) => line.id === id && line.result === 'flashed')
  const since = lines.findLastIndex(({ again }) => again)
  return [...new Set(lines.slice(Math.max(since, 0)).map(({ target }) => target))]
}
