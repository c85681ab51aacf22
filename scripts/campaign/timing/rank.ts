/** Whether two samples of times can be told apart, by the Mann-Whitney statistic: it asks for ranks alone, so that outliers weigh no more than others. */

/**
 * How often a value of the one sample is larger than one of the other, ties counting half: 0.5 where they cannot be told apart, 0 or 1
 * where one look is enough.
 */
export function howOftenLarger(one: readonly number[], other: readonly number[]): number {
  const all = [...one.map((value) => ({ value, isOne: true })), ...other.map((value) => ({ value, isOne: false }))]
  all.sort((a, b) => a.value - b.value)
  let rankSum = 0
  for (let start = 0; start < all.length; ) {
    let end = start
    while (end < all.length && all[end]?.value === all[start]?.value) end += 1
    // Ranks count from 1; equal values share the mean of theirs.
    const rank = (start + 1 + end) / 2
    rankSum += rank * all.slice(start, end).filter(({ isOne }) => isOne).length
    start = end
  }
  return (rankSum - (one.length * (one.length + 1)) / 2) / (one.length * other.length)
}

/** An attacker who is right so much more often than by chance would need hundreds of requests for each id. */
const TOLERATED = 0.05
/** Chance alone goes that far in one of some ten million samples. */
const SIGMAS = 5.5

/** How far from 0.5 is too far, for samples of this size each. */
export const tooFar = (size: number): number => Math.max(TOLERATED, SIGMAS * Math.sqrt((2 * size + 1) / (12 * size * size)))

/** The median, in the values' own unit. */
export const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
