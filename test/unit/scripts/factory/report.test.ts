import { describe, expect, test } from 'vitest'
import type { Started } from '../../../../scripts/factory/batch/run-log.ts'
import type { FlashLine } from '../../../../scripts/factory/flash/flash-log.ts'
import type { BatchHistory, DeviceHistory } from '../../../../scripts/factory/report/batch-history.ts'
import { barChart, histogram } from '../../../../scripts/factory/report/charts.ts'
import { percent, reportPage } from '../../../../scripts/factory/report/page.ts'
import { yieldOf } from '../../../../scripts/factory/report/yield.ts'
import type { VerifyLine } from '../../../../scripts/factory/verify/verify-log.ts'

const flash = (id: string, reason: string | null, target = `image:/dev/${id}`): FlashLine => ({
  ...{ at: '2026-11-24T10:00:00.000Z', id, target, again: false, ms: 1500 },
  ...(reason === null ? { result: 'flashed', reason } : { result: 'failed', reason }),
})
const verdict = (id: string, ...failed: readonly string[]): VerifyLine => ({
  ...{ at: '2026-11-24T11:00:00.000Z', id, target: 'image:/dev/x' },
  ...{ passed: failed.length === 0, failed },
})
const NOTHING: DeviceHistory = { flashed: null, verified: null, registered: null }

function history(parts: Partial<BatchHistory>, of: Readonly<Record<string, Partial<DeviceHistory>>> = {}): BatchHistory {
  const empty = { ids: ['A', 'B', 'C'], flashes: [], verdicts: [], registrationProblems: [] }
  return { ...empty, ...parts, of: (id) => ({ ...NOTHING, ...of[id] }) }
}

describe('the yield', () => {
  test.each<[string, Partial<BatchHistory>, object]>([
    ['of nothing is nothing', {}, { step: 'flashed', tried: 0, first: 0, good: 0 }],
    [
      'counts a device that needed two attempts as good by now, and not at once',
      { flashes: [flash('A', 'it is full'), flash('A', null), flash('B', null)] },
      { step: 'flashed', tried: 2, first: 1, good: 2 },
    ],
    [
      'still counts a device that a later attempt was refused for',
      { flashes: [flash('A', null), flash('A', 'was flashed before')] },
      { step: 'flashed', tried: 1, first: 1, good: 1 },
    ],
  ])('%s', (_, parts, step) => expect(yieldOf(history(parts)).steps[0]).toEqual(step))

  test('goes by the last verdict of the station', () => {
    const { steps } = yieldOf(history({ verdicts: [verdict('A'), verdict('A', 'label'), verdict('B', 'label'), verdict('B')] }))
    expect(steps[1]).toEqual({ step: 'verified', tried: 2, first: 1, good: 1 })
  })

  test('counts reasons by their kind, whatever device and place they name', () => {
    const flashes = [1, 2, 3].map((n) => flash(`SN-${n}`, `/dev/SN-${n}: /etc/zipkey/ca.json cannot be written: it is full`))
    const problems = [{ id: 'A', message: 'the device is registered with another credential' }]
    const { reasons } = yieldOf(history({ flashes, verdicts: [verdict('A', 'chain', 'label')], registrationProblems: problems }))
    expect(reasons).toHaveLength(4)
    expect(reasons[0]).toEqual({ reason: 'flash: …: /etc/zipkey/ca.json cannot be written: it is full', count: 3 })
  })

  test('names the devices that need a look', () => {
    const of = {
      A: { flashed: 'failed', registered: 'conflict' },
      B: { flashed: 'yes', verified: 'passed' },
      C: { verified: 'failed' },
    } as const
    expect(yieldOf(history({}, of)).wrong).toEqual([
      { id: 'A', what: 'not flashed, not registered (conflict)' },
      { id: 'C', what: 'failed verification' },
    ])
  })
})

test.each([
  [0, 0, '–'],
  [3, 3, '100 %'],
  [2, 3, '66.7 %'],
  [99_999, 100_000, '100.0 %'],
])('%i of %i is %s', (part, whole, text) => expect(percent(part, whole)).toBe(text))

describe('pictures', () => {
  test('have a bar for each value, the longest where there is room for it', () => {
    const svg = barChart('t', [
      { label: 'a', value: 10, text: '10' },
      { label: 'b', value: 5, text: '5' },
    ])
    const widths = [...svg.matchAll(/<rect [^>]*width="([0-9.]+)"/g)].map(([, width]) => Number(width))
    expect(widths).toHaveLength(2)
    expect((widths[0] ?? 0) / (widths[1] ?? 1)).toBeCloseTo(2)
  })

  test('show a hundred thousand values, or ones that are all the same, without a number that is none', () => {
    const many = Array.from({ length: 100_000 }, (_, index) => index % 777)
    for (const svg of [histogram('t', many, String), histogram('t', [5, 5], String), barChart('t', [])])
      expect(svg).not.toMatch(/NaN|Infinity/)
  })
})

test('what logs say cannot become part of the page', () => {
  const evil = '<script>alert(1)</script>"'
  const counted = yieldOf(history({ ids: [evil], flashes: [flash(evil, evil, evil)] }, { [evil]: { flashed: 'failed' } }))
  const started: Started = {
    event: 'started',
    ...{ at: evil, account: 'acme', batch: evil, devices: 1, labels: null, inputs: {} },
    credential: 'shared-secret',
    form: 'each',
  }
  const page = reportPage([{ batch: { folder: evil, started }, counted }], new Date(0))
  expect(page).not.toContain('<script')
  expect(page).toContain('&lt;script&gt;')
})
