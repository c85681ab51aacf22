/** When the power is cut: half of the cuts at any time between start and steady, half shortly after a line of the agent's log. */
import { FIRST_WALK } from '../../story/walk.ts'
import type { Lottery } from './lottery.ts'

/** One moment. `share` is of the time that the whole way takes; `line` counts the expected lines of the walk from 0. */
export type CutMoment =
  | { readonly kind: 'time'; readonly share: number }
  | { readonly kind: 'line'; readonly line: number; readonly delayMs: number }

const MOST_DELAY_MS = 400

/** Spreads the cuts over the whole way, in stages of equal length, and over all lines of the log. */
export function drawMoments(count: number, lottery: Lottery): readonly CutMoment[] {
  const timed = Math.ceil(count / 2)
  return Array.from({ length: count }, (_, index): CutMoment => {
    const stage = Math.floor(index / 2)
    return index % 2 === 0
      ? { kind: 'time', share: (stage + lottery()) / timed }
      : { kind: 'line', line: stage % (FIRST_WALK.length - 1), delayMs: Math.round(lottery() ** 2 * MOST_DELAY_MS) }
  })
}

/** Names a moment. */
export function describeMoment(moment: CutMoment): string {
  switch (moment.kind) {
    case 'time':
      return `at ${Math.round(moment.share * 100)} % of the way's time`
    case 'line':
      return `${moment.delayMs} ms after line ${moment.line + 1}, ${FIRST_WALK[moment.line]?.name}`
  }
}
