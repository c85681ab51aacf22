/**
 * `npm run bench:cloud`: first connections per second of the built cloud on two cores, token, swap and first token of the new secret,
 * each durable before it is answered; and the ceiling in the same run, which is fastify with three requests and three commits.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { builtProgram } from '../story/programs.ts'
import { Load } from './cloud/load.ts'
import { type RoundSize, rateOf, repeatRound, walkRound } from './cloud/round.ts'
import { openBenchCloud, openCeiling } from './cloud/servers.ts'
import { median } from './plain-node.ts'

const LAB_FOLDER = join(import.meta.dirname, '../../.lab')
const LANES = 64
const ROUNDS = 5
const SIZE: RoundSize = { devices: 200, waves: 3 }
const TARGET_PER_SECOND = 500
const CEILING_SHARE = 0.5

const say = (line: string): void => console.log(line)

function report(name: string, ratio: number, target: number): boolean {
  say(`${name} ratio=${ratio.toFixed(2)} target>=${target}`)
  return ratio >= target
}

async function firstConnections(engine: 'sqlite', folder: string, nodeOptions: readonly string[]): Promise<boolean> {
  const cloud = await openBenchCloud(folder, nodeOptions)
  const load = await Load.open(cloud.port, cloud.caPem, LANES)
  const { line } = cloud
  await walkRound(load, line, 'warm-up', SIZE)
  const ceiling = await openCeiling(folder, cloud.tlsFolder, { token: 600, secret: 150 })
  const ceilingLoad = await Load.open(ceiling.port, cloud.caPem, LANES)
  const rates: { cloud: number[]; ceiling: number[] } = { cloud: [], ceiling: [] }
  for (let round = 0; round <= ROUNDS; round += 1) {
    const walked = await walkRound(load, line, `r${round}`, SIZE)
    const repeated = await repeatRound(ceilingLoad, walked)
    const [mine, bare] = [rateOf(walked), rateOf(repeated)]
    say(`  ${engine} ${round === 0 ? 'warm-up' : `${round}/${ROUNDS}`}: ${mine.toFixed(0)}/s, ceiling ${bare.toFixed(0)}/s`)
    if (round === 0) continue
    rates.cloud.push(mine)
    rates.ceiling.push(bare)
  }
  load.close()
  ceilingLoad.close()
  await ceiling.stop()
  await cloud.stop()
  const [mine, bare] = [median(rates.cloud), median(rates.ceiling)]
  say(`${engine}: ${mine.toFixed(0)} first connections per second, ceiling ${bare.toFixed(0)}`)
  return [
    report(`first-connections-${engine}`, mine / TARGET_PER_SECOND, 1),
    report(`ceiling-share-${engine}`, mine / bare, CEILING_SHARE),
  ].every(Boolean)
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { profile: { type: 'string' } } })
  if (!existsSync(builtProgram('zipkey-cloud'))) {
    console.error('dist/zipkey-cloud.cjs is missing: run npm run build')
    return 1
  }
  say(
    `load ${loadavg()
      .map((load) => load.toFixed(2))
      .join(' ')}`,
  )
  mkdirSync(LAB_FOLDER, { recursive: true })
  const folder = mkdtempSync(join(LAB_FOLDER, 'bench-cloud-'))
  const nodeOptions = values.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${values.profile}`]
  try {
    return (await firstConnections('sqlite', folder, nodeOptions)) ? 0 : 1
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

process.exitCode = await main()
