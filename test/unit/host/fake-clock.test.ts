import { expect, test } from 'vitest'
import { clockSuite } from '../../adapter/host/clock-suite.ts'
import { FakeClock } from '../../fakes/clock.ts'

clockSuite('the clock of a test', () => {
  const clock = new FakeClock()
  return { clock, pass: (deltaMs) => clock.advance(deltaMs) }
})

test('setting the wall clock wakes nobody', async () => {
  const clock = new FakeClock()
  let isAsleep = true
  clock.sleep(10, new AbortController().signal).then(() => {
    isAsleep = false
  })
  clock.setWallClock(0)
  await clock.advance(9)
  expect([isAsleep, clock.nowMs(), clock.monotonicMs()]).toEqual([true, 9, 9])
  await clock.advance(1)
  expect(isAsleep).toBe(false)
})
