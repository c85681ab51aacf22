import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { soundProgram } from '../../scripts/campaign/cloud/cloud-program.ts'
import type { Engine } from '../../scripts/campaign/cloud/site.ts'
import { runRestoreCampaign } from '../../scripts/campaign/restore/campaign.ts'

const LAB_FOLDER = join(import.meta.dirname, '../../.lab')
const DEVICES = 50

let folder: string

beforeEach(async () => {
  await mkdir(LAB_FOLDER, { recursive: true })
  folder = await mkdtemp(join(LAB_FOLDER, 'restored-cloud-'))
})

afterEach(() => rm(folder, { recursive: true }))

// The short form of `npm run campaign:restore`.
test.each<Engine>(['sqlite', 'postgres'])(
  'a cloud on %s that is put back to a backup accepts every device, and no thief',
  async (engine) => {
    const { accepted, thefts, faults } = await runRestoreCampaign({
      engine,
      devices: DEVICES,
      program: soundProgram(),
      folder,
      tell: () => {},
    })
    expect(faults).toEqual([])
    expect(accepted).toBe(DEVICES)
    expect(thefts).toBeGreaterThan(DEVICES)
  },
)
