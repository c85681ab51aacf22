/**
 * `npm run bench:cloud [-- sqlite postgres aaa times]`: first connections per second of the built cloud on two cores, token, swap and
 * first token of the new secret, each durable before it is answered; and the ceiling in the same run, which is fastify with three
 * requests and three commits. AAA look-ups beside FreeRADIUS with a local users file. What a returning device costs.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { builtProgram } from '../story/programs.ts'
import { cpuMs } from './cloud/cpu-time.ts'
import { type EngineName, openDatabases } from './cloud/engines.ts'
import { Load } from './cloud/load.ts'
import { compareLookUps } from './cloud/look-ups.ts'
import { type RoundSize, rateOf, repeatRound, walkRound } from './cloud/round.ts'
import { openBenchCloud, openCeiling } from './cloud/servers.ts'
import { measureServiceTimes } from './cloud/service-times.ts'
import { median } from './plain-node.ts'

const LAB_FOLDER = join(import.meta.dirname, '../../.lab')
const LANES = 64
const ROUNDS = 5
const SIZE: RoundSize = { devices: 200, waves: 3 }
const TARGET_PER_SECOND = 500
const CEILING_SHARE = 0.5
// A local file costs no connection, no TLS and no database. A twentieth of it is more than two cores can do EAP runs for.
const LOOK_UP_SHARE = 0.05

const say = (line: string): void => console.log(line)

const loadText = (): string => `load ${(loadavg()[0] ?? 0).toFixed(2)}`

function report(name: string, ratio: number, target: number): boolean {
  say(`${name} ratio=${ratio.toFixed(2)} target>=${target}`)
  return ratio >= target
}

type RoundRates = { readonly cloud: number; readonly ceiling: number }

const cpuOf = (cloud: number, database: number | null) => ({ cloud: cpuMs(cloud), database: database === null ? 0 : cpuMs(database) })

async function firstConnections(engine: EngineName, folder: string, nodeOptions: readonly string[]): Promise<boolean> {
  const databases = await openDatabases(engine)
  try {
    const cloud = await openBenchCloud({ folder, database: await databases.make(), nodeOptions, config: {} })
    const load = await Load.open(cloud.port, cloud.caPem, LANES)
    await walkRound(load, cloud.line, 'warm-up', SIZE)
    const ceiling = await openCeiling(folder, cloud.tlsFolder, await databases.make(), { token: 600, secret: 150 })
    const ceilingLoad = await Load.open(ceiling.port, cloud.caPem, LANES)
    const rounds: RoundRates[] = []
    for (let round = 0; round <= ROUNDS; round += 1) {
      const before = cpuOf(cloud.pid, databases.pid)
      const walked = await walkRound(load, cloud.line, `r${round}`, SIZE)
      const used = cpuOf(cloud.pid, databases.pid)
      const rates = { cloud: rateOf(walked), ceiling: rateOf(await repeatRound(ceilingLoad, walked)) }
      // The two waves that fill the pipe are together as much work as one.
      const each = (from: number, to: number): string => ((to - from) / (SIZE.devices * (SIZE.waves + 1))).toFixed(2)
      const cpu = `${each(before.cloud, used.cloud)} ms of CPU each, the database ${each(before.database, used.database)} ms`
      const name = round === 0 ? 'warm-up' : `${round}/${ROUNDS}`
      say(`  ${engine} ${name}: ${rates.cloud.toFixed(0)}/s, ${cpu}; ceiling ${rates.ceiling.toFixed(0)}/s; ${loadText()}`)
      if (round > 0) rounds.push(rates)
    }
    load.close()
    ceilingLoad.close()
    await ceiling.stop()
    await cloud.stop()
    return tell(engine, median(rounds.map(({ cloud: rate }) => rate)), median(rounds.map(({ ceiling: rate }) => rate)))
  } finally {
    await databases.remove()
  }
}

function tell(engine: EngineName, mine: number, bare: number): boolean {
  say(`${engine}: ${mine.toFixed(0)} first connections per second, ceiling ${bare.toFixed(0)}`)
  const enough = report(`first-connections-${engine}`, mine / TARGET_PER_SECOND, 1)
  return report(`ceiling-share-${engine}`, mine / bare, CEILING_SHARE) && enough
}

async function lookUps(folder: string): Promise<boolean> {
  const rounds = await compareLookUps(folder, ({ cloudPerS, filePerS, cloudCpuMs, freeradiusCpuMs }) => {
    const cpu = `${cloudCpuMs.toFixed(2)} ms of CPU each, FreeRADIUS ${freeradiusCpuMs.toFixed(2)} ms`
    say(`  look-ups: ${cloudPerS.toFixed(0)}/s, the cloud ${cpu}; local file ${filePerS.toFixed(0)}/s; ${loadText()}`)
  })
  const [mine, local] = [median(rounds.map(({ cloudPerS }) => cloudPerS)), median(rounds.map(({ filePerS }) => filePerS))]
  say(`FreeRADIUS: ${mine.toFixed(0)} look-ups per second in the cloud, ${local.toFixed(0)} in a local users file`)
  return report('aaa-look-ups', mine / local, LOOK_UP_SHARE)
}

async function times(folder: string): Promise<boolean> {
  const { handshakeMs, tokenMs, refusalMs, dropMs } = await measureServiceTimes(folder)
  say(`CPU time of a connection ${handshakeMs.toFixed(2)} ms, a token ${tokenMs.toFixed(2)} ms, a refusal ${refusalMs.toFixed(2)} ms,`)
  say(`  of closing a connection too many ${dropMs.toFixed(3)} ms; npm run sim:blackout goes by them`)
  return true
}

/** Each in a folder of its own; gives whether the targets are reached. */
const PARTS: Readonly<Record<string, (folder: string, nodeOptions: readonly string[]) => Promise<boolean>>> = {
  sqlite: (folder, nodeOptions) => firstConnections('sqlite', folder, nodeOptions),
  postgres: (folder, nodeOptions) => firstConnections('postgres', folder, nodeOptions),
  aaa: lookUps,
  times,
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({ options: { profile: { type: 'string' } }, allowPositionals: true })
  if (!existsSync(builtProgram('zipkey-cloud'))) {
    console.error('dist/zipkey-cloud.cjs is missing: run npm run build')
    return 1
  }
  mkdirSync(LAB_FOLDER, { recursive: true })
  const nodeOptions = values.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${values.profile}`]
  let good = true
  for (const name of positionals.length > 0 ? positionals : Object.keys(PARTS)) {
    const part = PARTS[name]
    if (part === undefined) throw new Error(`no part "${name}"; there are ${Object.keys(PARTS).join(', ')}`)
    const folder = mkdtempSync(join(LAB_FOLDER, `bench-${name}-`))
    try {
      good = (await part(folder, nodeOptions)) && good
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
  return good ? 0 : 1
}

process.exitCode = await main()
