/**
 * Tells systemd how the agent is (sd_notify(3)). Node has no datagram sockets of the Unix family, so `systemd-notify` sends; it
 * stays until systemd has read the message, which is how systemd can tell whose it is. The unit needs `NotifyAccess=all`.
 */
import type { Log } from '../log.ts'
import type { ServiceManager } from '../ports.ts'
import { runProgram } from './run-program.ts'

/** What the adapter needs of its process; `environment` and `pid` are the process's own. */
export type ServiceManagerOptions = {
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly pid: number
  readonly log: Log
}

/** A service manager whose messages can be waited for before the process ends. */
export type FlushableServiceManager = ServiceManager & { flushed(): Promise<void> }

/**
 * How long a status or the watchdog's food may wait for more to tell: each message is a process, and a device that walks the
 * whole way has better use for its processor. It stays well within the watchdog's period.
 */
const PATIENCE_MS = 1_000

/** systemd-notify itself gives up after five seconds without a reader. */
const TIMEOUT_MS = 10_000

/** Half the period, as sd_watchdog_enabled(3) advises; null where the watchdog is off, or is another process's. */
export function watchdogEveryMs(environment: ServiceManagerOptions['environment'], pid: number): number | null {
  const periodUs = Number(environment.WATCHDOG_USEC)
  if (!Number.isSafeInteger(periodUs) || periodUs <= 0) return null
  if (environment.WATCHDOG_PID !== undefined && environment.WATCHDOG_PID !== String(pid)) return null
  return Math.floor(periodUs / 2_000)
}

/** One line of the protocol; a line break in a text would start another assignment. */
const statusLine = (text: string): string => `STATUS=${text.replace(/\p{Cc}+/gu, ' ')}`

/** Adds a line to what waits to be sent. Only the last of several texts matters, and systemd would take the first. */
const withLine = (waiting: readonly string[], line: string): readonly string[] => {
  const key = line.slice(0, line.indexOf('=') + 1)
  return [...waiting.filter((other) => !other.startsWith(key)), line]
}

/** systemd, where it started this process and wants to know; without it nothing is sent. */
export function createServiceManager({ environment, pid, log }: ServiceManagerOptions): FlushableServiceManager {
  const socket = environment.NOTIFY_SOCKET
  const everyMs = watchdogEveryMs(environment, pid)
  const patienceMs = Math.min(PATIENCE_MS, (everyMs ?? Number.POSITIVE_INFINITY) / 4)
  let waiting: readonly string[] = []
  let sending: Promise<void> | null = null
  let later: NodeJS.Timeout | null = null
  let lastStatus = ''

  const sendWaiting = async (notifySocket: string): Promise<void> => {
    while (waiting.length > 0) {
      const args = waiting
      waiting = []
      try {
        const ended = await runProgram({
          name: 'systemd-notify',
          args,
          environment: { NOTIFY_SOCKET: notifySocket },
          timeoutMs: TIMEOUT_MS,
        })
        if (ended.exitCode !== 0) log.warn({ exitCode: ended.exitCode, reason: ended.complaint }, 'systemd did not take a notification')
      } catch (error) {
        log.warn({ reason: error instanceof Error ? error.message : 'unknown' }, 'cannot run systemd-notify')
      }
    }
    sending = null
  }
  const send = (): void => {
    if (later !== null) clearTimeout(later)
    later = null
    if (socket !== undefined && waiting.length > 0) sending ??= sendWaiting(socket)
  }
  const notify = (line: string, urgency: 'now' | 'soon'): void => {
    if (socket === undefined || socket === '') return
    waiting = withLine(waiting, line)
    if (urgency === 'now') send()
    else later ??= setTimeout(send, patienceMs).unref()
  }
  return {
    watchdogEveryMs: everyMs,
    ready: () => notify('READY=1', 'now'),
    status: (text) => {
      if (text !== lastStatus) notify(statusLine(text), 'soon')
      lastStatus = text
    },
    watchdog: () => (everyMs === null ? undefined : notify('WATCHDOG=1', 'soon')),
    stopping: () => notify('STOPPING=1', 'now'),
    flushed: async () => {
      send()
      while (sending !== null) await sending
    },
  }
}
