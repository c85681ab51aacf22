/**
 * `npm run campaign:cloud-kill -- <swaps>`: devices by the hundred, each the agent's own lifecycle, store and HTTPS client, get and rotate
 * their permanent secrets while the cloud, and the PostgreSQL below it, are killed (SIGKILL) at random moments. No device may be
 * locked out, none may have two good permanent secrets, and the audit log must explain every state and whatever a device was told.
 *
 *   --engine sqlite|postgres   one of them; both where it is left out
 *   --lines <n>                so many devices at once
 *   --faulty                   puts faults into the cloud instead, one after another, and says whether the campaign notices
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { faultyProgram, soundProgram } from './cloud/cloud-program.ts'
import type { Engine } from './cloud/site.ts'
import { type Outcome, type Plan, runCampaign } from './cloud-kill/campaign.ts'
import { CLOUD_FAULTS } from './cloud-kill/cloud-faults.ts'

const LAB_FOLDER = join(import.meta.dirname, '../../.lab')
/** So many swaps between two kills. */
const SWAPS_PER_KILL = 10

const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

async function inFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  await mkdir(LAB_FOLDER, { recursive: true })
  const folder = await mkdtemp(join(LAB_FOLDER, 'cloud-kill-'))
  try {
    return await use(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

function report(what: string, { swaps, devices, kills, judged, seconds, faults }: Outcome): void {
  for (const fault of faults) say(`  ${fault}`)
  const count = (victim: string): number => kills.filter((each) => each === victim).length
  const killed = `${count('cloud')} of the cloud, ${count('database')} of the database, ${count('both')} of both`
  say(
    `${what}: ${swaps} swaps of ${devices} devices, kills: ${killed}; ${judged} devices judged in mid-air; ${Math.round(seconds)} s; ${faults.length} faults`,
  )
}

type Common = Pick<Plan, 'engine' | 'swaps' | 'lines'>

async function sound(common: Common): Promise<boolean> {
  const kills = Math.ceil(common.swaps / SWAPS_PER_KILL)
  const outcome = await inFolder((folder) => runCampaign({ ...common, kills, program: soundProgram(), folder, tell: say }))
  report(common.engine, outcome)
  return outcome.faults.length === 0
}

async function faulty(common: Common): Promise<boolean> {
  let noticed = 0
  for (const { name, faults } of CLOUD_FAULTS) {
    const outcome = await inFolder(async (folder) => {
      const program = await faultyProgram(folder, faults)
      return runCampaign({ ...common, kills: common.swaps / 2, program, folder, tell: () => {} })
    })
    say(`${outcome.faults.length > 0 ? 'noticed' : 'NOT NOTICED'}: ${common.engine}: ${name}: ${outcome.faults[0] ?? ''}`)
    noticed += outcome.faults.length > 0 ? 1 : 0
  }
  return noticed === CLOUD_FAULTS.length
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { engine: { type: 'string' }, lines: { type: 'string', default: '16' }, faulty: { type: 'boolean', default: false } },
  })
  const swaps = Number(positionals[0] ?? (values.faulty ? 60 : 1000))
  const engines: readonly Engine[] = (['sqlite', 'postgres'] as const).filter(
    (engine) => values.engine === undefined || engine === values.engine,
  )
  let isWell = engines.length > 0
  for (const engine of engines) {
    const common = { engine, swaps, lines: Number(values.lines) }
    isWell = (await (values.faulty ? faulty(common) : sound(common))) && isWell
  }
  return isWell ? 0 : 1
}

main().then(
  (exitCode) => process.exit(exitCode),
  (error: unknown) => {
    say(String(error instanceof Error ? error.stack : error))
    process.exit(1)
  },
)
