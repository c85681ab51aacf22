import { describe, expect, it } from 'vitest'
import { backoffMs } from '../../../agent/lifecycle/backoff.ts'

const limits = { backoffBaseMs: 2_000, backoffCapMs: 300_000 }

describe('the backoff', () => {
  it.each([
    { story: 'does not wait before the first attempt', attempt: 0, atLeastMs: 0, random: 0.999, expected: 0 },
    { story: 'starts with the base', attempt: 1, atLeastMs: 0, random: 0.5, expected: 1_000 },
    { story: 'doubles', attempt: 4, atLeastMs: 0, random: 0.5, expected: 8_000 },
    { story: 'stops growing at the cap', attempt: 40, atLeastMs: 0, random: 0.5, expected: 150_000 },
    { story: 'never overflows', attempt: 1e9, atLeastMs: 0, random: 0.5, expected: 150_000 },
    { story: 'may be nothing at all: the jitter is full', attempt: 9, atLeastMs: 0, random: 0, expected: 0 },
    { story: 'waits as long as the cloud asked, and its jitter on top', attempt: 1, atLeastMs: 60_000, random: 0.5, expected: 61_000 },
  ])('$story', ({ attempt, atLeastMs, random, expected }) => {
    expect(backoffMs(attempt, atLeastMs, limits, random)).toBe(expected)
  })
})
