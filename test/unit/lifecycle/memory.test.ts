import { describe, expect, it } from 'vitest'
import { byFailures, forgive, NO_FAILURES, remember } from '../../../agent/lifecycle/memory.ts'
import { bssAt } from './samples.ts'

const a = bssAt(1)
const b = bssAt(2)
const MINUTE_MS = 60_000
const order = (memory: typeof NO_FAILURES, nowMs: number, credential = 't.line-7') =>
  byFailures([a, b], memory, () => credential, nowMs).map(({ bssid }) => bssid)

describe('the memory of failures', () => {
  const once = remember(NO_FAILURES, a.bssid, 't.line-7', 0)

  it.each([
    { story: 'keeps the given order while nothing failed', memory: NO_FAILURES, nowMs: 0, first: a },
    { story: 'puts a BSS that failed behind one that did not', memory: once, nowMs: 0, first: b },
    { story: 'forgets a single failure after a while', memory: once, nowMs: 11 * MINUTE_MS, first: a },
    {
      story: 'remembers repeated failures for longer',
      memory: remember(remember(once, a.bssid, 't.line-7', 1), a.bssid, 't.line-7', 2),
      nowMs: 11 * MINUTE_MS,
      first: b,
    },
    { story: 'forgives a BSS that worked', memory: forgive(once, a.bssid, 't.line-7'), nowMs: 0, first: a },
  ])('$story', ({ memory, nowMs, first }) => {
    expect(order(memory, nowMs)[0]).toBe(first.bssid)
  })

  it('holds a failure against the credential that failed, and no other', () => {
    expect(order(once, 0, 's.mk-1')[0]).toBe(a.bssid)
  })

  it('stays small when someone makes up BSSIDs without end', () => {
    let memory = NO_FAILURES
    for (let n = 0; n < 1_000; n++) memory = remember(memory, `bssid ${n}`, 't.line-7', n)
    expect(memory.length).toBe(64)
    expect(memory[0]?.key).toContain('bssid 999')
  })
})
