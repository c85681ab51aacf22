import { describe, expect, it } from 'vitest'
import { appointment, type CallerKind, findsPlace } from '../../../../cloud/rules/admission.ts'

describe('a place', () => {
  it.each<[CallerKind, number, boolean]>([
    ['public', 63, true],
    ['public', 64, false],
    ['device', 64, true],
    ['device', 95, true],
    ['device', 96, false],
    ['operator', 95, true],
    ['operator', 96, false],
    ['aaa', 127, true],
    ['aaa', 128, false],
  ])('for a request of kind %s with %i of 128 taken: %s', (caller, taken, found) => {
    expect(findsPlace(caller, taken, 128)).toBe(found)
  })

  it('is there for everybody while nothing is done, however few there are', () => {
    expect(findsPlace('public', 0, 1)).toBe(true)
  })
})

describe('when those who are sent away come back', () => {
  const sendAway = (count: number, answerEveryMs: number, random: () => number): readonly number[] => {
    const waits: number[] = []
    for (let bookedUntilMs = 0; waits.length < count; ) {
      const { retryAfterS, bookedUntilMs: next } = appointment(bookedUntilMs, 0, answerEveryMs, random())
      waits.push(retryAfterS)
      bookedUntilMs = next
    }
    return waits
  }
  const sequence = () => {
    let state = 1
    return () => {
      state = (state * 48_271) % 2_147_483_647
      return state / 2_147_483_647
    }
  }

  it('is a second at least, and not the same moment for all, even after a short burst', () => {
    const waits = sendAway(50, 2, sequence())
    expect(Math.min(...waits)).toBe(1)
    expect(new Set(waits)).toEqual(new Set([1, 2, 3, 4]))
  })

  it('is as fast as they can be answered', () => {
    const waits = sendAway(100_000, 2, sequence())
    for (let second = 10; second < 140; second += 10) {
      const come = waits.filter((wait) => wait > second && wait <= second + 10).length
      expect(come / 10).toBeGreaterThan(400)
      expect(come / 10).toBeLessThan(600)
    }
  })

  it('is within a quarter of an hour or so, however many they are', () => {
    expect(Math.max(...sendAway(1000, 60_000, () => 0.999))).toBeLessThanOrEqual(900 * 1.25 + 3)
  })

  it('does not reckon with those whose time has come', () => {
    expect(appointment(10_000, 60_000, 2, 0)).toEqual({ retryAfterS: 1, bookedUntilMs: 60_002 })
  })
})
