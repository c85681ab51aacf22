import { expect, test } from 'vitest'
import { FIRST_PLACE, isBeyond, placeNumber, placeOfNumber } from '../../../../cloud/rules/place.ts'

test.each([
  [{ rank: 1, generation: 1 }, 1],
  [{ rank: 99_999, generation: 99_999 }, 99_999],
  [{ rank: 0, generation: 2 }, 100_002],
  [{ rank: 4, generation: 5 }, 500_005],
  [{ rank: 99_998, generation: 99_999 }, 9_999_999_999],
])('%o is number %i, which has ten digits at most, and back', (place, number) => {
  expect(placeNumber(place)).toBe(number)
  expect(placeOfNumber(number)).toEqual(place)
})

test('what is issued since a restore comes after what it was issued to, and before what came next in the lost time', () => {
  const former = { rank: 4, generation: 4 }
  const issuedSince = { rank: 4, generation: 6 }
  const lost = { rank: 5, generation: 5 }
  expect(isBeyond(issuedSince, former)).toBe(true)
  expect(isBeyond(lost, issuedSince)).toBe(true)
  expect(isBeyond(issuedSince, lost)).toBe(false)
  expect(isBeyond(former, former)).toBe(false)
  expect(isBeyond({ rank: 0, generation: 1 }, FIRST_PLACE)).toBe(true)
})
