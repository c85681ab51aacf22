import { describe, expect, test } from 'vitest'
import { compare, describe as describeComparison, median, ratioOf } from '../../../scripts/bench/online/compare.ts'
import type { Side, WalkTime } from '../../../scripts/bench/online/side.ts'
import { agentWalk, shellWalk } from '../../../scripts/bench/online/transcript.ts'

const agentLine = (event: string, time: number, msg = ''): string =>
  `<6>${JSON.stringify({ level: 30, time, event, from: 'a', to: 'b', durationMs: 1, msg })}`

describe('a transcript', () => {
  test("of the agent gives the steps' times from the start, whatever else is in the journal", () => {
    const log = ['systemd speaks', agentLine('loaded', 1_250), agentLine('waited', 1_300), agentLine('promoted', 4_000)].join('\n')
    const steps = [
      { name: 'loaded', atMs: 250 },
      { name: 'promoted', atMs: 3_000 },
    ]
    expect(agentWalk(log, 1_000)).toEqual({ steps, totalMs: 3_000, troubles: [] })
  })

  test('of the agent tells what had to be tried again', () => {
    const log = [agentLine('failed', 1_100, 'ERR_WIFI_NO_ADDRESS'), agentLine('promoted', 2_000)].join('\n')
    expect(agentWalk(log, 1_000).troubles).toEqual(['ERR_WIFI_NO_ADDRESS'])
  })

  test('of the script gives its steps; one that the agent does not tell is left out', () => {
    const output = 'start 1.0\nstep loaded 1.25\nstep associated 1.5\nstep promoted 2.5\n'
    expect(shellWalk(output, 1_000).steps).toEqual([
      { name: 'loaded', atMs: 250 },
      { name: 'promoted', atMs: 1_500 },
    ])
  })

  test.each([
    ['agent', () => agentWalk(agentLine('joined', 2_000), 1_000)],
    ['script', () => shellWalk('step joined 2.0\nfailed: no token', 1_000)],
  ])('of the %s that did not arrive is an error that says how far it came', (_, read) => {
    expect(read).toThrow(/after "joined"/)
  })
})

describe('a comparison', () => {
  const walk = (totalMs: number): WalkTime => ({ steps: [{ name: 'promoted', atMs: totalMs }], totalMs, troubles: [] })

  test('takes turns, begins each round with the other side, and does not count the first round', async () => {
    const order: Side[] = []
    const times = { agent: [999, 20, 40], shell: [999, 10, 30] }
    const result = await compare(
      2,
      async (side) => {
        order.push(side)
        return walk(times[side].shift() ?? 0)
      },
      () => {},
    )
    expect(order).toEqual(['agent', 'shell', 'shell', 'agent', 'agent', 'shell'])
    expect(ratioOf(result)).toBe(1.5)
  })

  test('keeps a walk that failed, and says so', async () => {
    const result = await compare(
      1,
      async (side) => {
        if (side === 'agent') throw new Error('no hotspot')
        return walk(10)
      },
      () => {},
    )
    expect(result.failures).toEqual(['agent, run 0: no hotspot', 'agent, run 1: no hotspot'])
    expect(ratioOf(result)).toBeNaN()
    expect(describeComparison(result).join('\n')).toContain('FAILED agent, run 1: no hotspot')
  })

  test.each([
    [[3, 1, 2], 2],
    [[4, 1, 2, 3], 2.5],
    [[], Number.NaN],
  ])('the median of %j is %d', (values, expected) => {
    expect(median(values)).toBe(expected)
  })
})
