import { afterEach, describe, expect, test, vi } from 'vitest'
import { createClock } from '../../../agent/host/clock.ts'
import { clockSuite } from './clock-suite.ts'

clockSuite('the clock of the machine', () => ({
  clock: createClock(),
  pass: (deltaMs) => new Promise((resolve) => setTimeout(resolve, deltaMs)),
}))

describe('a sleep', () => {
  afterEach(() => void vi.useRealTimers())

  test('longer than one timer can be is slept to its end', async () => {
    vi.useFakeTimers()
    let isAsleep = true
    const delayMs = 3 * 2 ** 31 + 1000
    createClock()
      .sleep(delayMs, new AbortController().signal)
      .then(() => {
        isAsleep = false
      })
    await vi.advanceTimersByTimeAsync(delayMs - 1)
    expect(isAsleep).toBe(true)
    await vi.advanceTimersByTimeAsync(2)
    expect(isAsleep).toBe(false)
  })

  test('follows the monotonic clock when the time of day is set', async () => {
    vi.useFakeTimers()
    let isAsleep = true
    createClock()
      .sleep(1000, new AbortController().signal)
      .then(() => {
        isAsleep = false
      })
    vi.setSystemTime(Date.now() + 86_400_000)
    await vi.advanceTimersByTimeAsync(500)
    expect(isAsleep).toBe(true)
    vi.setSystemTime(0)
    await vi.advanceTimersByTimeAsync(501)
    expect(isAsleep).toBe(false)
  })

  test('leaves no listener on a signal that lives long', async () => {
    const signal = new AbortController().signal
    const added = vi.spyOn(signal, 'addEventListener')
    const removed = vi.spyOn(signal, 'removeEventListener')
    for (let round = 0; round < 20; round++) await createClock().sleep(1, signal)
    expect(added.mock.calls.length).toBeGreaterThanOrEqual(20)
    expect(removed.mock.calls.length).toBe(added.mock.calls.length)
  })
})
