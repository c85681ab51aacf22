/** Tells people of alarms: a line in the log, and where `alarmCommand` names one, a program that gets the alarm as JSON on its stdin. */
import { spawn } from 'node:child_process'
import { isTelling } from './rules/alarm.ts'
import type { Alarm } from './store/alarms.ts'

/** Where the lines go. */
export type AlarmLog = {
  readonly warn: (fields: object, text: string) => void
  readonly error: (fields: object, text: string) => void
}

/** What the teller is told; `command` is null where there is no program. */
export type AlarmTellerOptions = { readonly command: readonly string[] | null; readonly log: AlarmLog; readonly timeoutMs?: number }

/** Tells alarms, each in its own time. */
export type AlarmTeller = {
  readonly tell: (alarm: Alarm) => void
  /** Waits for what is under way; what still waits is told of in the log alone. */
  readonly close: () => Promise<void>
}

const TIMEOUT_MS = 30_000
const MOST_WAITING = 100
const STDERR_CHARACTERS = 500
const LINGER_MS = 500

/** An alarm as the API shows it, and as the program gets it. */
export const shownAlarm = ({ id, account, device, kind, detail, count, atMs, lastMs, acknowledged }: Alarm) => ({
  id,
  account,
  device,
  kind,
  detail,
  count,
  at_ms: atMs,
  last_ms: lastMs,
  acknowledged_ms: acknowledged?.atMs ?? null,
  acknowledged_by: acknowledged?.by ?? null,
})

/** Makes a teller. No request waits for it: programs run one after the other, each for half a minute at most. */
export function createAlarmTeller({ command, log, timeoutMs = TIMEOUT_MS }: AlarmTellerOptions): AlarmTeller {
  const waiting: Alarm[] = []
  const [program, ...parameters] = command ?? []
  let running: Promise<void> | null = null
  let closed = false

  async function work(path: string): Promise<void> {
    for (let next = waiting.shift(); next !== undefined && !closed; next = waiting.shift()) {
      const failure = await run(path, parameters, JSON.stringify(shownAlarm(next)), timeoutMs)
      if (failure !== null) log.error({ alarm: next.id, reason: failure }, 'the alarm command failed')
    }
    running = null
  }

  return {
    tell: (alarm) => {
      if (!isTelling(alarm.count)) return
      const { id, account, device, kind, detail, count } = alarm
      log.warn({ alarm: id, account, device, kind, detail, count }, `alarm: ${kind}`)
      if (program === undefined || closed) return
      if (waiting.length === MOST_WAITING)
        return log.error({ alarm: id }, 'too many alarms wait for the alarm command; it is not told of this one')
      waiting.push(alarm)
      running ??= work(program)
    },
    close: async () => {
      closed = true
      await running
    },
  }
}

/** Runs the program; what went wrong, or null. */
function run(program: string, parameters: readonly string[], input: string, timeoutMs: number): Promise<string | null> {
  return new Promise((done) => {
    const child = spawn(program, parameters, { stdio: ['pipe', 'ignore', 'pipe'], timeout: timeoutMs, killSignal: 'SIGKILL' })
    let told = ''
    child.stderr.setEncoding('utf8').on('data', (part: string) => {
      told = (told + part).slice(0, STDERR_CHARACTERS)
    })
    const end = (failure: string | null): void => {
      child.stderr.destroy()
      done(failure)
    }
    child.on('error', (error) => end(error.message))
    child.on('exit', (code, signal) => {
      const failure = () => (code === 0 ? null : `${signal ?? `exit code ${code}`} ${told.trim()}`.trim())
      child.on('close', () => end(failure()))
      // What the program started may live on and hold its stderr open.
      setTimeout(() => end(failure()), LINGER_MS)
    })
    // A program that does not read its stdin is its own affair.
    child.stdin.on('error', () => {})
    child.stdin.end(`${input}\n`)
  })
}
