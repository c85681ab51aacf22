import { describe, expect, it, test } from 'vitest'
import { dueMs, dueSchedule, type RotationSchedule } from '../../../../cloud/rules/rotation-schedule.ts'

const DAY_MS = 86_400_000
const schedule = (changes: Partial<RotationSchedule> = {}): RotationSchedule => ({
  id: 'quarterly',
  allow: ['*'],
  everyMs: 90 * DAY_MS,
  createdMs: 0,
  ...changes,
})
const name = (device: string) => ({ account: 'acme', device })
const fleet = Array.from({ length: 2000 }, (_, index) => name(`SN-${index}`))

/** How many of the fleet are due in each tenth between two times. */
function tenths(dues: readonly number[], fromMs: number, toMs: number): readonly number[] {
  const counts = Array.from({ length: 10 }, () => 0)
  for (const due of dues) {
    const tenth = Math.floor(((due - fromMs) / (toMs - fromMs)) * 10)
    counts[tenth] = (counts[tenth] ?? 0) + 1
  }
  expect(counts).toHaveLength(10)
  return counts
}

describe('a rotation by schedule', () => {
  it('is spread over the last quarter of the period, and never later', () => {
    const dues = fleet.map((device) => dueMs(schedule(), device, 10 * DAY_MS))
    for (const count of tenths(dues, 77.5 * DAY_MS, 100 * DAY_MS)) expect(count).toBeGreaterThan(150)
  })

  it('of a fleet that is past its time when the schedule begins is spread as well', () => {
    const dues = fleet.map((device) => dueMs(schedule({ createdMs: 1000 * DAY_MS }), device, 10 * DAY_MS))
    for (const count of tenths(dues, 1000 * DAY_MS, 1022.5 * DAY_MS)) expect(count).toBeGreaterThan(150)
  })

  it('has the same time for a device whenever it is worked out', () => {
    expect(dueMs(schedule(), name('SN-1'), DAY_MS)).toBe(dueMs(schedule(), name('SN-1'), DAY_MS))
    expect(dueMs(schedule(), name('SN-1'), DAY_MS)).not.toBe(dueMs(schedule(), name('SN-2'), DAY_MS))
  })
})

describe('the schedule by which a device is due', () => {
  const often = schedule({ id: 'often', everyMs: DAY_MS })
  test.each<[string, readonly RotationSchedule[], number, string | null]>([
    ['none, where there is none', [], 1e15, null],
    ['none before its time', [schedule()], 67 * DAY_MS, null],
    ['one at the end of its period', [schedule()], 90 * DAY_MS, 'quarterly'],
    ['none that does not allow it', [schedule({ allow: ['XN-*', 'SN-10'] })], 1e15, null],
    ['one that names it', [schedule({ allow: ['SN-1'] })], 1e15, 'quarterly'],
    ['the shorter one', [schedule(), often], 2 * DAY_MS, 'often'],
    ['the longest due one', [schedule(), often], 500 * DAY_MS, 'often'],
  ])('is %s', (_, schedules, nowMs, expected) => {
    expect(dueSchedule(schedules, name('SN-1'), 0, nowMs)?.id ?? null).toBe(expected)
  })
})
