/** The one log: pino, JSON lines on stderr, synchronous, each with journald's `<N>` priority (sd-daemon(3)) before it. */
import pino, { type Logger } from 'pino'

/** A logger; adapters take one from the composition root. */
export type Log = Pick<Logger, 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'>

/** The levels that the config may name. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const

/** One of them. */
export type LogLevel = (typeof LOG_LEVELS)[number]

/** Member names that must never reach a log, up to three levels deep: a second net, since a Secret prints as `[secret]` by itself. */
const REDACTED = ['secret', 'password', 'provisioningKey', 'privateKey', 'passphrase', 'accessToken', 'assertion'].flatMap((name) => [
  name,
  `*.${name}`,
  `*.*.${name}`,
])

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
      redact: { paths: REDACTED, censor: '[secret]' },
      serializers: { err: errorFields },
    },
    stream,
  )
}
