import { describe, expect, test } from 'vitest'
import { Calendar } from '../../../../scripts/sim/blackout/calendar.ts'
import { Fifo } from '../../../../scripts/sim/blackout/fifo.ts'
import { plotBlackout } from '../../../../scripts/sim/blackout/plot.ts'
import { backAt, idealCourse, type Scenario } from '../../../../scripts/sim/blackout/scenario.ts'
import { simulate } from '../../../../scripts/sim/blackout/simulate.ts'

// A slow process, to which ten thousand are a crowd. What the kernel queues it does in two and a half seconds.
const SCENARIO: Scenario = {
  devices: 10_000,
  seed: 1,
  isJittered: true,
  times: { handshakeMs: 3, tokenMs: 2, refusalMs: 1, dropMs: 0.2 },
  limits: { backoffBaseMs: 2_000, backoffCapMs: 60_000 },
  callMs: 10_000,
  requestsAtOnce: 1024,
  connections: 8192,
  horizonMs: 600_000,
}
const ideal = idealCourse(SCENARIO)

describe('ten thousand devices that come back at once', () => {
  const course = simulate(SCENARIO)

  test('are all back, none before the process could have answered it', () => {
    expect(course.backMs).toHaveLength(SCENARIO.devices)
    expect(course.backMs.every((ms, index) => ms >= (ideal.backMs[index] ?? 0))).toBe(true)
    expect(course.out.at(-1)).toBeGreaterThanOrEqual(0)
    expect(backAt(course, 1)).toBeLessThan(SCENARIO.horizonMs)
  })

  test('take hardly longer than the process needs while there are more of them than it can serve', () => {
    expect(backAt(course, 0.5) / backAt(ideal, 0.5)).toBeLessThan(1.5)
  })

  test('are the same for the same seed, and others for another', () => {
    expect(simulate(SCENARIO)).toEqual(course)
    expect(simulate({ ...SCENARIO, seed: 2 }).backMs).not.toEqual(course.backMs)
  })

  test('come in waves where they wait without jitter, and take twice as long', () => {
    const unjittered = simulate({ ...SCENARIO, isJittered: false })
    for (const share of [0.99, 1]) expect(backAt(unjittered, share)).toBeGreaterThan(2 * backAt(course, share))
  })

  test('take longer where whoever came through a handshake is sent away to do another', () => {
    const strict = simulate({ ...SCENARIO, requestsAtOnce: 16 })
    expect(strict.refused).toBeGreaterThan(1000)
    expect(backAt(strict, 0.5)).toBeGreaterThan(1.5 * backAt(course, 0.5))
  })

  test('are given up on at the horizon', () => {
    const short = simulate({ ...SCENARIO, horizonMs: 10_000 })
    expect(short.backMs.at(-1)).toBe(Number.POSITIVE_INFINITY)
    expect(short.out.length).toBeLessThan(60)
  })

  test('are drawn as a picture that names what it shows', () => {
    const curves = [{ name: 'a <name>', colour: '#000', dashed: false, course }] as const
    const svg = plotBlackout([...curves], { title: 'Title', subtitle: 'b & c', capacityPerS: 200, devices: SCENARIO.devices })
    for (const part of ['Title', 'b &amp; c', 'a &lt;name>', 'capacity: 200/s', 'minutes since']) expect(svg).toContain(part)
    expect(svg).not.toMatch(/NaN|undefined|Infinity/)
  })
})

test('a calendar gives each owner at its time, and what was entered late at once', () => {
  const calendar = new Calendar(4)
  const told: number[] = []
  const until = (ms: number) => calendar.due(ms, (owner) => told.push(owner))
  calendar.add(0, 1000)
  calendar.add(1, 20)
  calendar.add(2, 500)
  expect(calendar.nextMs()).toBe(20)
  until(600)
  expect(told).toEqual([1, 2])
  calendar.add(3, 10)
  until(700)
  expect(told).toEqual([1, 2, 3])
  expect(calendar.nextMs()).toBe(1000)
  until(2000)
  expect(told).toEqual([1, 2, 3, 0])
  expect(calendar.nextMs()).toBeNull()
})

test('a queue gives out in order, however long it becomes', () => {
  const fifo = new Fifo<number>()
  const out: (number | undefined)[] = []
  for (let item = 0; item < 300_000; item += 1) {
    fifo.push(item)
    if (item % 3 > 0) out.push(fifo.shift())
  }
  expect(out.every((item, index) => item === index)).toBe(true)
  expect([out.length, fifo.length, fifo.first()]).toEqual([200_000, 100_000, 200_000])
})
