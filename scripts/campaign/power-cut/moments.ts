/** When the power is cut: half of the cuts at any time between start and steady, half shortly after a line of the agent's log. */
import type { Lottery } from '../../lottery.ts'

/** One moment of a life. `share` is of the time that the whole way takes; `line` counts the agent's lines from 1. */
export type CutMoment =
  | { readonly kind: 'time'; readonly share: number }
  | { readonly kind: 'line'; readonly line: number; readonly delayMs: number }

/** A first walk has ten lines, the last of which says that the device is steady. */
const LINES = 9
const MOST_DELAY_MS = 400

/** Spreads the cuts over the whole way, in stages of equal length, and over all lines of the log; in no order. */
export function drawMoments(count: number, lottery: Lottery): readonly CutMoment[] {
  const timed = Math.ceil(count / 2)
  const moments = Array.from({ length: count }, (_, index): CutMoment => {
    const stage = Math.floor(index / 2)
    return index % 2 === 0
      ? { kind: 'time', share: (stage + lottery()) / timed }
      : { kind: 'line', line: 1 + (stage % LINES), delayMs: Math.round(lottery() ** 2 * MOST_DELAY_MS) }
  })
  return shuffled(moments, lottery)
}

const shuffled = <T>(values: readonly T[], lottery: Lottery): readonly T[] =>
  values
    .map((value) => ({ value, rank: lottery() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ value }) => value)

/** Names a moment. */
export function describeMoment(moment: CutMoment): string {
  switch (moment.kind) {
    case 'time':
      return `at ${Math.round(moment.share * 100)} % of the way's time`
    case 'line':
      return `${moment.delayMs} ms after line ${moment.line}`
  }
}
