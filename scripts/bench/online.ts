/**
 * `npm run bench:online [-- RUNS] [--air | --wired]`: from the start of the agent to its permanent secret proved, against a plain
 * shell script that does the same steps (online/baseline.sh), over the air and on the wire.
 *
 * Over the air both start from the same restored snapshot, with the same channels; each walk has a cloud and a device of its own.
 * The agent is started as its unit, sandbox and all, and takes its address from systemd-networkd; the script runs as it is, with
 * udhcpc, and networkd is stopped. Times are the device's own.
 */
import { mkdirSync } from 'node:fs'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { prepareLab } from '../radio-lab/prepare-lab.ts'
import { type Comparison, compare, describe, ratioOf } from './online/compare.ts'
import { walkOnTheWire } from './online/on-the-wire.ts'
import { walkOverTheAir } from './online/over-the-air.ts'

const LAB_FOLDER = join(import.meta.dirname, '../../.lab')
const RUNS = { air: 7, wired: 11 }
const TARGET = 1.25

const say = (line: string): void => console.log(line)

const loadText = (): string =>
  `load ${loadavg()
    .map((load) => load.toFixed(2))
    .join(' ')}`

async function measure(name: string, runs: number, walk: Parameters<typeof compare>[1]): Promise<Comparison> {
  say(`${name}: ${runs} runs a side, ${loadText()}`)
  const comparison = await compare(runs, walk, say)
  for (const line of describe(comparison)) say(line)
  say(`${name}: done, ${loadText()}`)
  return comparison
}

/** NaN, where a side has no run at all, is no success. */
const isGood = (comparison: Comparison, target: number): boolean => comparison.failures.length === 0 && ratioOf(comparison) <= target

async function main(): Promise<number> {
  // It makes every start of Node slower, and the unit never sets it.
  delete process.env.NODE_EXTRA_CA_CERTS
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { air: { type: 'boolean', default: false }, wired: { type: 'boolean', default: false } },
  })
  const runs = positionals[0] === undefined ? null : Number(positionals[0])
  if (runs !== null && !(Number.isSafeInteger(runs) && runs > 0)) throw new Error(`not a number of runs: ${positionals[0]}`)
  mkdirSync(LAB_FOLDER, { recursive: true })
  const air = values.wired ? null : await measureAir(runs ?? RUNS.air)
  const wired = values.air ? null : await measure('on the wire', runs ?? RUNS.wired, (side) => walkOnTheWire(side, LAB_FOLDER))
  if (air !== null) say(`online-air ratio=${ratioOf(air).toFixed(2)} target<=${TARGET.toFixed(2)}`)
  if (wired !== null) say(`online-wired ratio=${ratioOf(wired).toFixed(2)}`)
  const good = (air === null || isGood(air, TARGET)) && (wired === null || isGood(wired, Number.POSITIVE_INFINITY))
  return good ? 0 : 1
}

async function measureAir(runs: number): Promise<Comparison> {
  const image = await prepareLab({ log: say })
  return measure('over the air', runs, (side) => walkOverTheAir(side, LAB_FOLDER, image))
}

process.exitCode = await main()
