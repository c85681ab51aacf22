import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type CloudProgram, faultyProgram, soundProgram } from '../../scripts/campaign/cloud/cloud-program.ts'
import type { Engine } from '../../scripts/campaign/cloud/site.ts'
import { type Outcome, runCampaign } from '../../scripts/campaign/cloud-kill/campaign.ts'
import { CLOUD_FAULTS } from '../../scripts/campaign/cloud-kill/cloud-faults.ts'

const LAB_FOLDER = join(import.meta.dirname, '../../.lab')
const KILLS = 4
/** Every other one is aimed at a swap that was just answered. */
const MANY_KILLS = 6
/** The others need more kills, or a device that waits for a minute: `npm run campaign:cloud-kill -- --faulty`. */
const SOON_NOTICED = 'the secret is answered before it is committed'

let folder: string

beforeEach(async () => {
  await mkdir(LAB_FOLDER, { recursive: true })
  folder = await mkdtemp(join(LAB_FOLDER, 'killed-cloud-'))
})

afterEach(() => rm(folder, { recursive: true }))

const campaign = (engine: Engine, program: CloudProgram, swaps: number, kills: number): Promise<Outcome> =>
  runCampaign({ engine, program, swaps, kills, lines: 8, folder, tell: () => {} })

// A part of `npm run campaign:cloud-kill`.
describe.each<Engine>(['sqlite', 'postgres'])('a cloud on %s that is killed while devices swap', (engine) => {
  test('locks none out, leaves none with two, and its audit log explains it all', { timeout: 120_000 }, async () => {
    const { faults, swaps, kills } = await campaign(engine, soundProgram(), 40, KILLS)
    expect(faults).toEqual([])
    expect(swaps).toBeGreaterThanOrEqual(40)
    expect(kills).toHaveLength(KILLS)
  })
})

test(`where ${SOON_NOTICED}, it is noticed`, { timeout: 120_000 }, async () => {
  const fault = CLOUD_FAULTS.find(({ name }) => name === SOON_NOTICED)
  const outcome = await campaign('sqlite', await faultyProgram(folder, fault?.faults ?? []), 20, MANY_KILLS)
  expect(outcome.faults.length).toBeGreaterThan(0)
})
