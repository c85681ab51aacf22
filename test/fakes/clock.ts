/** A clock that stands still until a test moves it. */
import type { Clock } from '../../agent/ports.ts'

type Sleeper = { readonly dueMs: number; readonly wake: () => void }

/** Lets everything that is ready run before time goes on. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Starts at a wall-clock time; `advance` wakes the sleepers in the order of their time. */
export class FakeClock implements Clock {
  #wallMs: number
  #elapsedMs = 0
  #sleepers: readonly Sleeper[] = []

  constructor(wallMs = Date.UTC(2026, 0, 1)) {
    this.#wallMs = wallMs
  }

  nowMs(): number {
    return this.#wallMs
  }

  monotonicMs(): number {
    return this.#elapsedMs
  }

  sleep(delayMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      const remove = (): void => {
        this.#sleepers = this.#sleepers.filter((each) => each !== sleeper)
        signal.removeEventListener('abort', onAbort)
      }
      const onAbort = (): void => {
        remove()
        reject(signal.reason)
      }
      const sleeper: Sleeper = {
        dueMs: this.#elapsedMs + Math.max(0, delayMs),
        wake: () => {
          remove()
          resolve()
        },
      }
      this.#sleepers = [...this.#sleepers, sleeper]
      signal.addEventListener('abort', onAbort, { once: true })
    })
  }

  /** Sets the wall clock only, as date(1) does; sleepers do not notice. */
  setWallClock(wallMs: number): void {
    this.#wallMs = wallMs
  }

  /** Lets time pass, sleeper by sleeper. */
  async advance(deltaMs: number): Promise<void> {
    const endMs = this.#elapsedMs + deltaMs
    for (;;) {
      await settle()
      const next = [...this.#sleepers].sort((a, b) => a.dueMs - b.dueMs)[0]
      if (next === undefined || next.dueMs > endMs) break
      this.#moveTo(next.dueMs)
      next.wake()
    }
    this.#moveTo(endMs)
  }

  #moveTo(elapsedMs: number): void {
    this.#wallMs += elapsedMs - this.#elapsedMs
    this.#elapsedMs = elapsedMs
  }
}
