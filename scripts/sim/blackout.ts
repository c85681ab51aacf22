/**
 * `npm run sim:blackout [-- DEVICES]`: a million devices come back at once, with the agent's own backoff, the cloud's own gate and the
 * service times that `npm run bench:cloud` measured on this machine (measured now where it did not run): until when half, almost all and
 * all of them are back, against devices that wait without jitter, and against what one process could do at the very best.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { GATE } from '../../cloud/data-folder.ts'
import { SETTINGS } from '../../config/schema.ts'
import { measureServiceTimes, readServiceTimes, type ServiceTimes } from '../bench/cloud/service-times.ts'
import { plotBlackout } from './blackout/plot.ts'
import { backAt, type Course, idealCourse, type Scenario } from './blackout/scenario.ts'
import { simulate } from './blackout/simulate.ts'

const LAB_FOLDER = join(import.meta.dirname, '../../.lab')
const PLOT = join(LAB_FOLDER, 'blackout.svg')
const DEVICES = 1_000_000
const SEED = 1
const TARGET = 1.5
/** After so many times the ideal nobody is waited for. */
const PATIENCE = 3
const SHARES = [0.5, 0.99, 1]

const say = (line: string): void => console.log(line)

async function serviceTimes(): Promise<ServiceTimes> {
  const known = readServiceTimes()
  if (known !== null) return known
  say('no service times are known yet: they are measured now')
  mkdirSync(LAB_FOLDER, { recursive: true })
  const folder = mkdtempSync(join(LAB_FOLDER, 'service-times-'))
  try {
    return await measureServiceTimes(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const inSeconds = (ms: number): string => (Number.isFinite(ms) ? `${(ms / 1000).toFixed(0)} s` : 'not')

const backText = (course: Pick<Course, 'backMs'>): string =>
  SHARES.map((share) => `${share * 100} % after ${inSeconds(backAt(course, share))}`).join(', ')

function tell(name: string, { backMs, begun, refused, timedOut }: Course): void {
  const peak = begun.reduce((most, count) => Math.max(most, count), 0)
  const calls = begun.reduce((sum, count) => sum + count, 0)
  say(`${name}: ${backText({ backMs })}; peak ${peak} calls in a second, ${(calls / backMs.length).toFixed(1)} calls a device,`)
  say(`  ${timedOut} of them not answered in time, ${refused} sent away`)
}

async function main(): Promise<number> {
  const { positionals } = parseArgs({ allowPositionals: true })
  const devices = positionals[0] === undefined ? DEVICES : Number(positionals[0])
  if (!(Number.isSafeInteger(devices) && devices > 0)) throw new Error(`not a number of devices: ${positionals[0]}`)
  // The gate throws where it sends somebody away; nobody looks at where that was.
  Error.stackTraceLimit = 0
  const times = await serviceTimes()
  const { backoffBaseMs, backoffCapMs, cloudCallMs } = SETTINGS.timers
  const ideal = idealCourse({ devices, times })
  const scenario: Scenario = {
    ...{ devices, seed: SEED, isJittered: true, times, ...GATE },
    limits: { backoffBaseMs: backoffBaseMs.absent, backoffCapMs: backoffCapMs.absent },
    callMs: cloudCallMs.absent,
    horizonMs: PATIENCE * backAt(ideal, 1),
  }
  const real = simulate(scenario)
  const unjittered = simulate({ ...scenario, isJittered: false })
  const capacityPerS = 1000 / (times.handshakeMs + times.tokenMs)
  const each = `${times.handshakeMs.toFixed(2)} ms for a connection and ${times.tokenMs.toFixed(2)} ms for a token`
  say(`${devices} devices, one process that needs ${each}: ${capacityPerS.toFixed(0)} devices a second at the very best`)
  say(`ideal: ${backText(ideal)}`)
  tell('as built', real)
  tell('no jitter', unjittered)
  mkdirSync(LAB_FOLDER, { recursive: true })
  writeFileSync(PLOT, plotOf({ real, unjittered, ideal }, scenario, capacityPerS, each))
  say(`the course as a plot: ${PLOT}`)
  const ratios = SHARES.map((share) => backAt(real, share) / backAt(ideal, share))
  SHARES.forEach((share, index) => {
    say(`blackout-${share * 100} ratio=${(ratios[index] ?? Number.NaN).toFixed(2)} target<=${TARGET}`)
  })
  return ratios.every((ratio) => ratio <= TARGET) ? 0 : 1
}

type Courses = { readonly real: Course; readonly unjittered: Course; readonly ideal: Pick<Course, 'backMs' | 'out'> }

function plotOf({ real, unjittered, ideal }: Courses, { devices }: Scenario, capacityPerS: number, each: string): string {
  return plotBlackout(
    [
      { name: 'as built', colour: '#1f5fa8', dashed: false, course: real },
      { name: 'the same without jitter', colour: '#d1642a', dashed: false, course: unjittered },
      { name: 'ideal: never idle, all served', colour: '#777', dashed: true, course: { ...ideal, begun: null } },
    ],
    {
      title: `${devices.toLocaleString('en')} devices come back at once`,
      subtitle: `One cloud process on SQLite: ${each} of CPU time; calls are given up after 10 s`,
      capacityPerS,
      devices,
    },
  )
}

process.exitCode = await main()
