import { describe, expect, it } from 'vitest'
import { drawCrashStates, unflushedAt } from '../../../../scripts/campaign/power-cut/crash-states.ts'
import type { LogEntry } from '../../../../scripts/campaign/power-cut/write-log.ts'
import { createLottery } from '../../../../scripts/lottery.ts'

const write = (isDurable = false): LogEntry => ({ kind: 'write', offset: 0, data: Buffer.alloc(4096), isDurable, endBytes: 0 })
const flush: LogEntry = { kind: 'flush', endBytes: 0 }
const entries = [write(), write(), flush, write(), write(true), write()]

describe('the states that a power cut may leave', () => {
  it('have open what was written since the last flush, without what was durable by itself', () => {
    expect(unflushedAt(entries)).toEqual([[], [0], [0, 1], [], [3], [3], [3, 5]])
  })

  it('are all different, in the order of their points, and keep only what was not flushed', () => {
    const states = drawCrashStates(entries, 40, createLottery(7))
    expect(states.length).toBeGreaterThan(15)
    expect(new Set(states.map((state) => JSON.stringify(state))).size).toBe(states.length)
    expect(states.map(({ point }) => point)).toEqual(states.map(({ point }) => point).toSorted((a, b) => a - b))
    const unflushed = unflushedAt(entries)
    for (const { point, kept } of states) for (const { entry } of kept) expect(unflushed[point]).toContain(entry)
  })

  it('are at every point: everything kept, nothing kept, and some of it, torn ones too', () => {
    const states = drawCrashStates(entries, 200, createLottery(7))
    for (const [point, unflushed] of unflushedAt(entries).entries()) {
      const here = states.filter((state) => state.point === point).map(({ kept }) => kept)
      expect(here).toContainEqual([])
      expect(here).toContainEqual(unflushed.map((entry) => ({ entry, bytes: 4096 })))
    }
    const bytes = states.flatMap(({ kept }) => kept.map((write) => write.bytes))
    expect(bytes.every((length) => length % 512 === 0 && length <= 4096)).toBe(true)
    expect(bytes.some((length) => length < 4096)).toBe(true)
  })

  it('have the end of the life among them, however few they are', () => {
    expect(drawCrashStates(entries, 1, createLottery(7))).toEqual([{ point: 6, kept: [3, 5].map((entry) => ({ entry, bytes: 4096 })) }])
  })

  it('follow from the seed', () => {
    const draw = (seed: number) => drawCrashStates(entries, 30, createLottery(seed))
    expect(draw(1)).toEqual(draw(1))
    expect(draw(1)).not.toEqual(draw(2))
  })

  it('end when there are no more', () => {
    expect(drawCrashStates([flush, flush], 1000, createLottery(1))).toHaveLength(3)
  })
})
