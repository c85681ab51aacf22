import { describe, expect, it } from 'vitest'
import { forgive, NO_FAILURES, remember, weightOf } from '../../../agent/lifecycle/memory.ts'

const MINUTE_MS = 60_000
const PLACE = '02:00:00:00:00:01 0'
const WHO = 't.line-7'

describe('the memory of failures', () => {
  const once = remember(NO_FAILURES, PLACE, WHO, 0)
  const thrice = remember(remember(once, PLACE, WHO, 1), PLACE, WHO, 2)

  it.each([
    { story: 'holds nothing while nothing failed', memory: NO_FAILURES, nowMs: 0, weight: 0 },
    { story: 'counts a failure', memory: once, nowMs: 0, weight: 1 },
    { story: 'counts each of several', memory: thrice, nowMs: 2, weight: 3 },
    { story: 'halves what it holds every ten minutes', memory: once, nowMs: 10 * MINUTE_MS, weight: 0.5 },
    { story: 'remembers repeated failures for longer', memory: thrice, nowMs: 20 * MINUTE_MS, weight: 0.75 },
    { story: 'forgives a place that worked', memory: forgive(thrice, PLACE, WHO), nowMs: 2, weight: 0 },
  ])('$story', ({ memory, nowMs, weight }) => {
    expect(weightOf(memory, PLACE, WHO, nowMs)).toBeCloseTo(weight, 3)
  })

  it('holds a failure against the credential that failed there, and no other', () => {
    expect(weightOf(once, PLACE, 's.mk-1', 0)).toBe(0)
    expect(weightOf(once, '02:00:00:00:00:01 1', WHO, 0)).toBe(0)
  })

  it('stays small when someone makes up BSSIDs without end', () => {
    let memory = NO_FAILURES
    for (let n = 0; n < 1_000; n++) memory = remember(memory, `bssid ${n}`, WHO, n)
    expect(memory.length).toBe(64)
    expect(memory[0]?.key).toContain('bssid 999')
  })
})
