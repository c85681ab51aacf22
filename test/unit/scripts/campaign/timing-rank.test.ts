import { describe, expect, it } from 'vitest'
import { howOftenLarger, median, tooFar } from '../../../../scripts/campaign/timing/rank.ts'

describe('how often a value of one sample is larger than one of the other', () => {
  it.each([
    ['the same values', [1, 2, 3], [1, 2, 3], 0.5],
    ['all equal', [5, 5], [5, 5, 5], 0.5],
    ['always', [4, 5], [1, 2, 3], 1],
    ['never', [1, 2], [3, 4, 5], 0],
    ['once of four', [2, 9], [3, 10], 0.25],
    ['ties counting half', [1, 2], [2, 3], 0.125],
    ['an outlier weighing no more than others', [1, 1_000_000], [2, 3], 0.5],
  ])('%s', (_, one, other, expected) => {
    expect(howOftenLarger(one, other)).toBeCloseTo(expected, 12)
    expect(howOftenLarger(other, one)).toBeCloseTo(1 - expected, 12)
  })
})

describe('too far from chance', () => {
  it('is what chance does not reach in a small sample, and what tells an attacker something in a large one', () => {
    expect(tooFar(300)).toBeCloseTo(0.13, 2)
    expect(tooFar(100_000)).toBe(0.05)
  })

  it('is not reached by samples of one source, and is by one that is shifted', () => {
    let state = 7
    const random = (): number => {
      state = (state * 48_271) % 2_147_483_647
      return state / 2_147_483_647
    }
    const draw = (shift: number): readonly number[] => Array.from({ length: 500 }, () => random() + random() + random() + shift)
    for (let round = 0; round < 200; round++) expect(Math.abs(howOftenLarger(draw(0), draw(0)) - 0.5)).toBeLessThan(tooFar(500))
    expect(Math.abs(howOftenLarger(draw(0.4), draw(0)) - 0.5)).toBeGreaterThan(tooFar(500))
  })
})

it('the median is in the middle', () => {
  expect(median([9, 1, 5])).toBe(5)
})
