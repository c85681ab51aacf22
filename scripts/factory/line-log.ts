/** Logs beside the run log: NDJSON, each line one durable append, so that stations may write at once. */
import { appendFileSync, closeSync, existsSync, fsyncSync, openSync, readFileSync } from 'node:fs'
import { isObject } from '../../agent/contract/parsed.ts'

/** Appends a line, durably. */
export function appendLine(file: string, line: object): void {
  const fd = openSync(file, 'a', 0o600)
  try {
    appendFileSync(fd, `${JSON.stringify(line)}\n`)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Every line so far; one that was cut off is left out, and what was written after it is not. */
export function readLines(file: string): readonly Readonly<Record<string, unknown>>[] {
  if (!existsSync(file)) return []
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((text) => {
      const value = parseLine(text)
      return isObject(value) ? [value] : []
    })
}

function parseLine(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
