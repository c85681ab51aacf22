/** A log that keeps its lines, written by the real logger so that they look as they would. */
import pino from 'pino'
import type { Log } from '../../agent/log.ts'

/** One line; only what every line has is named. */
export type LogLine = { readonly level: number; readonly msg: string } & Readonly<Record<string, unknown>>

/** A log and everything it was told, as objects and as text. */
export type KeptLog = { readonly log: Log; readonly lines: LogLine[]; text(): string }

/** Keeps every line from `trace` on. */
export function createKeptLog(): KeptLog {
  const lines: LogLine[] = []
  const log = pino({ level: 'trace', base: null }, { write: (line: string) => void lines.push(JSON.parse(line) as LogLine) })
  return { log, lines, text: () => lines.map((line) => JSON.stringify(line)).join('\n') }
}
