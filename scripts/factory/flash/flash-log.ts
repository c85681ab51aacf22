/** What was flashed onto what, NDJSON, beside the run log. Stations may write at once: each line is one append. */
import { appendFileSync, closeSync, existsSync, fsyncSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isObject } from '../../../agent/contract/parsed.ts'

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
export function logFlash(batchFolder: string, line: FlashLine): void {
  const fd = openSync(join(batchFolder, NAME), 'a', 0o600)
  try {
    appendFileSync(fd, `${JSON.stringify(line)}\n`)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Every line so far; one that was cut off is left out. */
export function readFlashLog(batchFolder: string): readonly FlashLine[] {
  const file = join(batchFolder, NAME)
  if (!existsSync(file)) return []
  return readFileSync(file, 'utf8').split('\n').flatMap(parseLine)
}

function parseLine(text: string): readonly FlashLine[] {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) && typeof value.id === 'string' ? [value as FlashLine] : []
  } catch {
    return []
  }
}

/** What holds the device of this id now, as far as the log knows; more than one place means that stations did not know of each other. */
export function placesOf(log: readonly FlashLine[], id: string): readonly string[] {
  const lines = log.filter((line) => line.id === id && line.result === 'flashed')
  const since = lines.findLastIndex(({ again }) => again)
  return [...new Set(lines.slice(Math.max(since, 0)).map(({ target }) => target))]
}
