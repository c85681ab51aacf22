import { describe, expect, it, test } from 'vitest'
import { type HeardRun, hearRun, LATE_MS } from '../../../../cloud/rules/shared-identity.ts'
import { createLottery } from '../../../../scripts/lottery.ts'

const MINUTE_MS = 60_000

/** Hears of each run at its minute; who was found to live beside whom. */
function findings(story: readonly (readonly [run: string, minute: number])[]): readonly string[] {
  let runs: readonly HeardRun[] = []
  return story.flatMap(([run, minute]) => {
    const heard = hearRun(runs, run, minute * MINUTE_MS)
    runs = heard.runs
    return heard.sharedWith === null ? [] : [`${run} beside ${heard.sharedWith} at ${minute}`]
  })
}

describe('one device', () => {
  test.each<[string, readonly (readonly [string, number])[]]>([
    ['that never restarts', Array.from({ length: 50 }, (_, index) => ['A', index * 12] as const)],
    [
      'that restarts now and then',
      [
        ['A', 0],
        ['A', 12],
        ['B', 24],
        ['B', 36],
        ['C', 37],
        ['C', 49],
      ],
    ],
    ['that restarts at every request', Array.from({ length: 50 }, (_, index) => [`run-${index}`, index] as const)],
    ['that crashes in a loop', Array.from({ length: 50 }, (_, index) => [`run-${index % 50}`, index / 30] as const)],
    [
      'of which an old request arrives after the restart',
      [
        ['A', 0],
        ['A', 12],
        ['B', 24],
        ['A', 25],
        ['B', 36],
        ['B', 48],
      ],
    ],
    [
      'of which the first request arrives after the restart',
      [
        ['B', 0],
        ['A', 1.5],
        ['B', 12],
        ['B', 24],
      ],
    ],
    [
      'of which two runs come in the wrong order',
      [
        ['C', 0],
        ['B', 0.5],
        ['A', 1],
        ['C', 12],
        ['D', 13],
        ['C', 14],
        ['D', 26],
      ],
    ],
  ])('%s is never taken for two', (_, story) => expect(findings(story)).toEqual([]))

  it('is never taken for two, whatever restarts and delays befall it', () => {
    const random = createLottery(7)
    for (let life = 0; life < 500; life++) {
      const arrivals: (readonly [run: string, minute: number])[] = []
      let nowMs = 0
      for (let run = 0; run < 12; run++) {
        for (let requests = Math.floor(random() * 4); requests > 0; requests--) {
          arrivals.push([`run-${run}`, (nowMs + random() ** 4 * LATE_MS) / MINUTE_MS])
          nowMs += random() ** 3 * 15 * MINUTE_MS
        }
        nowMs += random() ** 3 * MINUTE_MS
      }
      expect(findings(arrivals.toSorted(([, one], [, other]) => one - other))).toEqual([])
    }
  })
})

describe('two devices', () => {
  test.each<[string, readonly (readonly [string, number])[], readonly string[]]>([
    [
      'that take turns',
      [
        ['A', 0],
        ['B', 6],
        ['A', 12],
      ],
      ['A beside B at 12'],
    ],
    [
      'that were switched on together',
      [
        ['A', 0],
        ['B', 0.1],
        ['A', 12],
        ['B', 12.1],
      ],
      ['B beside A at 12.1'],
    ],
    [
      'of which one restarts at every request',
      [
        ['A', 0],
        ['x', 6],
        ['A', 12],
        ['y', 18],
        ['A', 24],
      ],
      ['A beside x at 12', 'A beside y at 24'],
    ],
    [
      'that both restart',
      [
        ['A', 0],
        ['B', 6],
        ['C', 12],
        ['D', 18],
        ['C', 24],
      ],
      ['C beside D at 24'],
    ],
    [
      'that go on',
      [
        ['A', 0],
        ['B', 6],
        ['A', 12],
        ['B', 18],
        ['A', 24],
      ],
      ['A beside B at 12', 'A beside B at 24'],
    ],
    [
      'of which one goes away',
      [
        ['A', 0],
        ['B', 6],
        ['A', 12],
        ['A', 24],
        ['A', 36],
        ['A', 48],
      ],
      ['A beside B at 12'],
    ],
    [
      'too close to tell',
      [
        ['A', 0],
        ['B', 1],
        ['A', 2],
      ],
      [],
    ],
  ])('%s', (_, story, expected) => expect(findings(story)).toEqual(expected))

  it('are noticed even as a thousand that take turns', () => {
    const random = createLottery(3)
    const clones = Array.from({ length: 1000 }, () => random().toString(36))
    const rounds = [0, 1].flatMap((round) => clones.map((run, index) => [run, (round * clones.length + index) / 10] as const))
    expect(findings(rounds).length).toBeGreaterThan(0)
  })
})

it('writes nothing as long as one run is heard of, and keeps eight at most', () => {
  let { runs } = hearRun([], 'A', 0)
  for (let minute = 1; minute < 100; minute++) expect(hearRun(runs, 'A', minute * MINUTE_MS).runs).toBe(runs)
  for (let run = 0; run < 100; run++) runs = hearRun(runs, `run-${run}`, run * MINUTE_MS).runs
  expect(runs.map(({ run }) => run)).toEqual(['A', 'run-0', 'run-1', 'run-10', 'run-96', 'run-97', 'run-98', 'run-99'])
})
