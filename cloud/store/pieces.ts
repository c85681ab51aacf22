/** Lists cut into pieces of few sizes, so that queries over them have few texts, each of which is prepared and kept. */

const SIZES = [500, 100, 20, 4, 1] as const

/** The list in pieces, in its order. */
export function* inPieces<T>(list: readonly T[]): Generator<readonly T[]> {
  let start = 0
  for (const size of SIZES) {
    for (; list.length - start >= size; start += size) yield list.slice(start, start + size)
  }
}
