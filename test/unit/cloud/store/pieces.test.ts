import { expect, test } from 'vitest'
import { inPieces } from '../../../../cloud/store/pieces.ts'

test.each([
  [0, []],
  [1, [1]],
  [7, [4, 1, 1, 1]],
  [1000, [500, 500]],
  [1129, [500, 500, 100, 20, 4, 4, 1]],
])('a list of %i is cut into pieces of few sizes, and nothing is lost', (length, sizes) => {
  const list = Array.from({ length }, (_, index) => index)
  const pieces = [...inPieces(list)]
  expect(pieces.map((piece) => piece.length)).toEqual(sizes)
  expect(pieces.flat()).toEqual(list)
})
