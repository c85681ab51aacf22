/** What every Clock does, the real one and the fake. */
import { describe, expect, test } from 'vitest'
import type { Clock } from '../../../agent/ports.ts'

/** A clock, and a way to let time pass. */
export type ClockWorld = { readonly clock: Clock; pass(deltaMs: number): Promise<void> }

const never = (): AbortSignal => new AbortController().signal

/** Runs the suite over clocks. */
export function clockSuite(name: string, createWorld: () => ClockWorld): void {
  describe(name, () => {
    test('wakes sleepers in the order of their delays, each no sooner than it asked for', async () => {
      const { clock, pass } = createWorld()
      const startedMs = clock.monotonicMs()
      const woken: (readonly [number, boolean])[] = []
      const sleep = async (delayMs: number): Promise<void> => {
        await clock.sleep(delayMs, never())
        woken.push([delayMs, clock.monotonicMs() - startedMs >= delayMs])
      }
      const sleeping = Promise.all([sleep(60), sleep(20), sleep(0)])
      await pass(120)
      await sleeping
      expect(woken).toEqual([
        [0, true],
        [20, true],
        [60, true],
      ])
    })

    test('lets a sleeper sleep again', async () => {
      const { clock, pass } = createWorld()
      let rounds = 0
      const sleeping = (async () => {
        for (; rounds < 3; rounds++) await clock.sleep(10, never())
      })()
      await pass(100)
      await sleeping
      expect(rounds).toBe(3)
    })

    test('ends a sleep with the reason of its signal, at once', async () => {
      const { clock, pass } = createWorld()
      const leaving = new AbortController()
      const reason = new Error('left the state')
      const ended = clock.sleep(3_600_000, leaving.signal).then(
        () => 'slept',
        (error: unknown) => error,
      )
      await pass(10)
      leaving.abort(reason)
      expect(await ended).toBe(reason)
      await expect(clock.sleep(0, leaving.signal)).rejects.toBe(reason)
    })

    test('counts both times on by what has passed', async () => {
      const { clock, pass } = createWorld()
      const [wallMs, monotonicMs] = [clock.nowMs(), clock.monotonicMs()]
      await pass(50)
      expect(clock.monotonicMs() - monotonicMs).toBeGreaterThanOrEqual(49)
      expect(clock.nowMs() - wallMs).toBeGreaterThanOrEqual(48)
    })

    test('does not wake a sleeper before its time, even after months', async () => {
      const { clock, pass } = createWorld()
      const leaving = new AbortController()
      let isAsleep = true
      const sleeping = clock.sleep(2 ** 31 + 1000, leaving.signal).catch(() => 'left')
      sleeping.then(() => {
        isAsleep = false
      })
      await pass(50)
      expect(isAsleep).toBe(true)
      leaving.abort()
      expect(await sleeping).toBe('left')
    })
  })
}
