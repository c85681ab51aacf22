import { describe, expect, test } from 'vitest'
import { judgeAssertionTime } from '../../../../cloud/rules/assertion-time.ts'

const NOW_MS = 1_700_000_000_000
const times = (issuedMs: number, lifeMs = 60_000, challengeMs: number | 'foreign' | null = null) => ({
  issuedMs: NOW_MS + issuedMs,
  expiresMs: NOW_MS + issuedMs + lifeMs,
  challengeMs,
})

describe('an assertion by the clock of the device', () => {
  test.each([
    ['of now', times(0), 'timely'],
    ['10 s from the future', times(10_000), 'timely'],
    ['more than 10 s from the future', times(10_001), 'clock-skew'],
    ['that ended less than 10 s ago', times(-69_999), 'timely'],
    ['that ended 10 s ago', times(-70_000), 'clock-skew'],
    ['of 1970', times(-NOW_MS), 'clock-skew'],
    ['for longer than 60 s', times(0, 60_001), 'invalid-request'],
    ['that ends before it begins', times(0, 0), 'invalid-request'],
  ])('%s: %s', (_, what, outcome) => {
    const judgement = judgeAssertionTime(what, NOW_MS)
    expect(judgement.timely ? 'timely' : judgement.problem).toBe(outcome)
  })

  test('is remembered for as long as its time alone would let it in', () => {
    for (const offsetMs of [-60_000, 0, 10_000]) {
      const what = times(offsetMs)
      const judgement = judgeAssertionTime(what, NOW_MS)
      if (!judgement.timely) throw new Error('not timely')
      expect(judgeAssertionTime(what, judgement.usableUntilMs).timely).toBe(false)
    }
  })
})

describe('an assertion with a challenge', () => {
  test.each([
    ['just drawn, whatever the clock says', times(-NOW_MS, 60_000, NOW_MS), 'timely'],
    ['a minute old', times(0, 60_000, NOW_MS - 60_000), 'clock-skew'],
    ['of another cloud', times(0, 60_000, 'foreign'), 'clock-skew'],
    ['just drawn, but for longer than 60 s', times(0, 61_000, NOW_MS), 'invalid-request'],
  ])('%s: %s', (_, what, outcome) => {
    const judgement = judgeAssertionTime(what, NOW_MS)
    expect(judgement.timely ? 'timely' : judgement.problem).toBe(outcome)
  })
})
