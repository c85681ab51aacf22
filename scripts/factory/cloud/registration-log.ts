/** What the cloud answered to each part of a batch's manifest, NDJSON, beside the run log: a run goes on after the last part that was answered. */
import { join } from 'node:path'
import { appendLine, readLines } from '../line-log.ts'
import type { RowResult } from './answers.ts'

/** What became of a part: how many devices, and those that are not as they should be. */
export type PartLine = {
  readonly at: string
  readonly url: string
  readonly part: number
  readonly registered: number
  readonly unchanged: number
  readonly problems: readonly RowResult[]
}

/** The log of a batch. */
export const registrationLogOf = (batchFolder: string): string => join(batchFolder, 'registration-log.ndjson')

/** Appends what became of a part, durably. */
export const logPart = (batchFolder: string, line: PartLine): void => appendLine(registrationLogOf(batchFolder), line)

/** The last answer of a cloud to each part, by its number; for null, of any cloud. */
export function readRegistrationLog(batchFolder: string, url: string | null): ReadonlyMap<number, PartLine> {
  const isMeant = (line: Readonly<Record<string, unknown>>): boolean => typeof line.part === 'number' && (url === null || line.url === url)
  const lines = readLines(registrationLogOf(batchFolder)).flatMap((line) => (isMeant(line) ? [line as PartLine] : []))
  return new Map(lines.map((line) => [line.part, line]))
}
