/** What the station found, NDJSON, beside the run log. */
import { join } from 'node:path'
import { appendLine, readLines } from '../line-log.ts'

/** A verdict about a device. `failed` names the checks that it did not pass. */
export type VerifyLine = {
  readonly at: string
  readonly id: string
  readonly target: string
  readonly passed: boolean
  readonly failed: readonly string[]
}

const NAME = 'verify-log.ndjson'

/** Appends a verdict, durably. */
export const logVerdict = (batchFolder: string, line: VerifyLine): void => appendLine(join(batchFolder, NAME), line)

/** Every verdict so far. */
export const readVerifyLog = (batchFolder: string): readonly VerifyLine[] =>
  readLines(join(batchFolder, NAME)).flatMap((line) => (typeof line.id === 'string' ? [line as VerifyLine] : []))
