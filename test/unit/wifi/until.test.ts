import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { neverAborted, until, withDeadline } from '../../../agent/wifi/until.ts'

describe('until', () => {
  it('stops listening once, however it ends', async () => {
    for (const end of ['settle', 'fail', 'abort', 'settle at once'] as const) {
      let stops = 0
      const abort = new AbortController()
      const waiting = until<number>(abort.signal, (settle, fail) => {
        if (end === 'settle at once') settle(1)
        if (end === 'settle') setTimeout(() => settle(1))
        if (end === 'fail') setTimeout(() => fail(new Error('no')))
        if (end === 'abort') setTimeout(() => abort.abort(new Error('left')))
        return () => {
          stops += 1
        }
      })
      await waiting.catch(() => {})
      abort.abort()
      expect(stops, end).toBe(1)
    }
  })

  it('does not begin for a signal that is aborted already', async () => {
    const reason = new Error('left')
    const waiting = until(AbortSignal.abort(reason), () => {
      throw new Error('it began')
    })
    await expect(waiting).rejects.toBe(reason)
  })
})

describe('a deadline', () => {
  it('ends the work with its own error', async () => {
    const late = new Error('late')
    await expect(
      withDeadline(
        neverAborted(),
        20,
        () => late,
        (signal) => sleepUntilAborted(signal),
      ),
    ).rejects.toBe(late)
  })

  it('passes the outer reason on', async () => {
    const abort = new AbortController()
    const reason = new Error('left')
    const work = withDeadline(abort.signal, 1000, () => new Error('late'), sleepUntilAborted)
    abort.abort(reason)
    await expect(work).rejects.toBe(reason)
  })

  it('tells what lost a race in the work that it is over', async () => {
    let loserEnded = false
    await withDeadline(
      neverAborted(),
      1000,
      () => new Error('late'),
      (signal) =>
        Promise.race([
          sleep(5),
          sleepUntilAborted(signal).catch(() => {
            loserEnded = true
          }),
        ]),
    )
    await sleep(1)
    expect(loserEnded).toBe(true)
  })
})

const sleepUntilAborted = (signal: AbortSignal): Promise<void> => until(signal, () => () => {})
