/** Chance that can be repeated: numbers in [0, 1) that follow from a seed (mulberry32). */
export type Lottery = () => number

/** Makes one. */
export function createLottery(seed: number): Lottery {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
