import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { onBench, recordPoints, runFaults } from '../../scripts/campaign/faults/campaign.ts'
import { fewFaults } from '../../scripts/campaign/faults/points.ts'
import { type Bench, scenarioFaultName } from '../../scripts/campaign/faults/run-fault.ts'
import { firstConnection } from '../../scripts/campaign/faults/scenario.ts'

const LAB_FOLDER = join(import.meta.dirname, '../../.lab')
const TEST_MS = 180_000

describe('a first connection whose disk fails in the middle of it', () => {
  // A part of `npm run campaign:faults`: each name of call fails once, and the agent is killed at each flush and rename.
  it('ends at rest, never without a credential that the cloud accepts', { timeout: TEST_MS }, async () => {
    const scenario = firstConnection('secret')
    const disturb = async (benches: readonly [Bench, Bench]) => {
      const points = await recordPoints(benches[0], scenario)
      const faults = fewFaults(points)
      const finished = await runFaults(
        benches,
        faults.map((fault) => ({ scenario, fault })),
        () => {},
      )
      return { faults, finished }
    }
    const { faults, finished } = await onBench(LAB_FOLDER, (one) => onBench(LAB_FOLDER, (two) => disturb([one, two])))
    const bad = finished.filter(({ outcome }) => outcome.problems.length > 0)
    const told = bad.map(({ outcome }) => [scenarioFaultName(scenario, outcome.fault), ...outcome.problems, ...outcome.log].join('\n'))
    expect(told).toEqual([])
    expect(finished).toHaveLength(faults.length)
    // What the store is made of; a record without one of these was not of the store.
    const calls = new Set(faults.map(({ point }) => point.syscall))
    expect([...calls]).toEqual(expect.arrayContaining(['mkdir', 'openat', 'write', 'fsync', 'rename', 'close', 'flock', 'read', 'unlink']))
  })
})
