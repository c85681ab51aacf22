/** The real clock: what the operating system says, and waits that may be longer than one timer can be. */
import type { Clock } from '../ports.ts'

/** setTimeout takes a longer delay for 1 ms. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** One timer; rejects with the signal's reason. */
function wait(delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer)
      reject(signal.reason)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    }, delayMs)
    signal.addEventListener('abort', onAbort, { once: true })
  })
}

/** The clock of this machine. Waits follow the monotonic clock, so setting the time of day neither ends nor stretches them. */
export function createClock(): Clock {
  const monotonicMs = (): number => performance.now()
  return {
    nowMs: () => Date.now(),
    monotonicMs,
    sleep: async (delayMs, signal) => {
      const endMs = monotonicMs() + delayMs
      do {
        signal.throwIfAborted()
        // A timer may fire a fraction of a millisecond early; then there is one more round.
        await wait(Math.min(Math.max(0, Math.ceil(endMs - monotonicMs())), MAX_TIMER_MS), signal)
      } while (monotonicMs() < endMs)
    },
  }
}
