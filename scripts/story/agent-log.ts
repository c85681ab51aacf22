/** The agent's log as the story reads it: JSON lines, each perhaps behind journald's `<N>`. */
import { isObject } from '../../agent/contract/parsed.ts'

/** One line of the lifecycle: what happened, how long it took, and what came with it. */
export type LogEvent = {
  readonly event: string
  readonly from: string
  readonly to: string
  readonly durationMs: number
  readonly timeMs: number
  readonly text: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** Reads one line; null for a line that is not a lifecycle event. */
export function parseLogLine(line: string): LogEvent | null {
  const start = line.indexOf('{')
  if (start < 0) return null
  try {
    const value: unknown = JSON.parse(line.slice(start))
    if (!isObject(value)) return null
    const { event, from, to, durationMs, time, msg, ...fields } = value
    if (typeof event !== 'string' || typeof from !== 'string' || typeof to !== 'string') return null
    return { event, from, to, durationMs: Number(durationMs), timeMs: Number(time), text: String(msg), fields }
  } catch {
    return null
  }
}

/** A member of an event's fields, one level down, as text; empty where there is none. */
export function fieldText(fields: Readonly<Record<string, unknown>>, ...path: readonly string[]): string {
  let value: unknown = fields
  for (const name of path) value = isObject(value) ? value[name] : undefined
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : ''
}
