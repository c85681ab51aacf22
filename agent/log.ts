/** The one log: pino, JSON lines on stderr, synchronous, each with journald's `<N>` priority (sd-daemon(3)) before it. */
import pino, { type Logger } from 'pino'

/** A logger; adapters take one from the composition root. */
export type Log = Pick<Logger, 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'>

/** The levels that the config may name. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const

/** One of them. */
export type LogLevel = (typeof LOG_LEVELS)[number]

/** Member names that must never reach a log, however deep: a second net, since a Secret prints as `[secret]` by itself. */
const REDACTED: ReadonlySet<string> = new Set([
  'secret',
  'password',
  'provisioningKey',
  'privateKey',
  'privateKeyPem',
  'passphrase',
  'accessToken',
  'assertion',
])
const MAX_DEPTH = 10

/**
 * The fields of a line without what must not be shown. pino's own `redact` reads its paths anew for each line, which is so hot that V8
 * optimizes it: its compiler alone then takes four megabytes of resident memory.
 */
function withoutSecrets(fields: object, depth = 0): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, REDACTED.has(name) ? '[secret]' : shown(value, depth + 1)]),
  )
}

/** Errors, Secrets and the like say themselves how they are shown. */
function shown(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (depth > MAX_DEPTH) return '[too deep]'
  if (Array.isArray(value)) return value.map((each) => shown(each, depth + 1))
  return Object.getPrototypeOf(value) === Object.prototype ? withoutSecrets(value, depth) : value
}

const PRIORITY: Readonly<Record<number, string>> = { 10: '<7>', 20: '<7>', 30: '<6>', 40: '<4>', 50: '<3>', 60: '<2>' }

/** An error without its cause: what an adapter wrapped may quote what it was given. */
const errorFields = (error: Error) => ({ type: error.name, message: error.message, stack: error.stack })

/** Makes the log. With `journal` each line carries its priority for journald; without it, plain JSON lines. */
export function createLog(level: LogLevel, options: { readonly journal: boolean }): Log {
  const destination = pino.destination({ dest: 2, sync: true })
  const stream = {
    write(line: string): void {
      const value = /"level":(\d+)/.exec(line)?.[1]
      destination.write(options.journal ? `${PRIORITY[Number(value)] ?? '<6>'}${line}` : line)
    },
  }
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.epochTime,
      formatters: { log: (fields) => withoutSecrets(fields) },
      serializers: { err: errorFields },
    },
    stream,
  )
}
