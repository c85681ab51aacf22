/**
 * `npm run campaign:restore -- <devices>`: devices swap and rotate after a backup was taken, and the cloud is put back to it by its own
 * commands. Every device must be accepted and audited, and nobody who has what one replaced may gain by it.
 *
 *   --engine sqlite|postgres   one of them; both where it is left out
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { soundProgram } from './cloud/cloud-program.ts'
import type { Engine } from './cloud/site.ts'
import { runRestoreCampaign } from './restore/campaign.ts'

const LAB_FOLDER = join(import.meta.dirname, '../../.lab')

const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

async function campaign(engine: Engine, devices: number): Promise<boolean> {
  await mkdir(LAB_FOLDER, { recursive: true })
  const folder = await mkdtemp(join(LAB_FOLDER, 'restore-'))
  const beganMs = performance.now()
  try {
    const plan = { engine, devices, program: soundProgram(), folder, tell: (line: string) => say(`${engine}: ${line}`) }
    const { accepted, waited, thefts, faults } = await runRestoreCampaign(plan)
    for (const fault of faults) say(`  ${fault}`)
    const seconds = Math.round((performance.now() - beganMs) / 1000)
    say(
      `${engine}: ${accepted} of ${devices} devices accepted, ${waited} of them after a wait; ${thefts} thefts tried; ${seconds} s; ${faults.length} faults`,
    )
    return faults.length === 0
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { engine: { type: 'string' } } })
  const devices = Number(positionals[0] ?? 1000)
  const engines = (['sqlite', 'postgres'] as const).filter((engine) => values.engine === undefined || engine === values.engine)
  let isWell = engines.length > 0
  for (const engine of engines) isWell = (await campaign(engine, devices)) && isWell
  return isWell ? 0 : 1
}

main().then(
  (exitCode) => process.exit(exitCode),
  (error: unknown) => {
    say(String(error instanceof Error ? error.stack : error))
    process.exit(1)
  },
)
