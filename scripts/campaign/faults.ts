/**
 * `npm run campaign:faults`: every system call of the store and the swap, in the real agent process, fails in every way, one at a
 * time; and is where the agent is killed. The device must arrive all the same, and must at no stop be without a credential that the
 * cloud accepts.
 *
 *   -- --quick         each call once, and the kill where it leaves another disk; under a minute
 *   -- --lanes 2       on so many labs at once
 *   -- --only <text>   only faults whose name has this text, as a failure prints it
 *   -- --from <n>      only from the n-th of them on: where a campaign that was ended goes on
 */
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Finished, onBench, type PlannedFault, recordPoints, runFaults } from './faults/campaign.ts'
import { everyFault, fewFaults } from './faults/points.ts'
import { report } from './faults/report.ts'
import { type Bench, scenarioFaultName } from './faults/run-fault.ts'
import { SCENARIOS } from './faults/scenario.ts'

const LAB_FOLDER = join(import.meta.dirname, '../../.lab')
const TELL_EVERY = 50

const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

/** Which faults of all. */
type Choice = { readonly isQuick: boolean; readonly only: string; readonly from: number }

async function plan(bench: Bench, { isQuick, only, from }: Choice): Promise<readonly PlannedFault[]> {
  const planned: PlannedFault[] = []
  for (const scenario of isQuick ? SCENARIOS.slice(0, 1) : SCENARIOS) {
    const points = await recordPoints(bench, scenario)
    const faults = isQuick ? fewFaults(points) : everyFault(points)
    say(`${scenario.name}: ${points.length} system calls, ${faults.length} faults`)
    planned.push(...faults.map((fault) => ({ scenario, fault })))
  }
  return planned.filter(({ scenario, fault }) => scenarioFaultName(scenario, fault).includes(only)).slice(from - 1)
}

function tellFailure({ scenario, outcome }: Finished): void {
  if (outcome.problems.length === 0) return
  say(`FAILED  ${scenarioFaultName(scenario, outcome.fault)}: ${outcome.problems.join('; ')}`)
  for (const line of outcome.log) say(`        ${line}`)
}

async function onBenches<T>(count: number, use: (benches: readonly Bench[]) => Promise<T>, open: readonly Bench[] = []): Promise<T> {
  return open.length === count ? use(open) : onBench(LAB_FOLDER, (bench) => onBenches(count, use, [...open, bench]))
}

/** Rejects when somebody asks to end, so that the labs are taken down all the same. */
function interruption(): Promise<never> {
  const interrupted = new Promise<never>((_, reject) => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => reject(new Error(`ended by ${name}`)))
  })
  interrupted.catch(() => {}) // where nobody waits yet, somebody soon will
  return interrupted
}

async function campaign(benches: readonly Bench[], choice: Choice): Promise<readonly Finished[]> {
  const [first] = benches
  if (first === undefined) return []
  const startedMs = performance.now()
  const planned = await plan(first, choice)
  let done = 0
  return runFaults(benches, planned, (one) => {
    done += 1
    tellFailure(one)
    if (done % TELL_EVERY === 0) say(`${done} of ${planned.length}, ${Math.round((performance.now() - startedMs) / 1000)} s`)
  })
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      lanes: { type: 'string', default: '1' },
      only: { type: 'string', default: '' },
      from: { type: 'string', default: '1' },
    },
  })
  const interrupted = interruption()
  const positive = (text: string): number => Math.max(1, Number.parseInt(text, 10) || 1)
  const lanes = positive(values.lanes)
  const choice: Choice = { isQuick: values.quick, only: values.only, from: positive(values.from) }
  const finished = await onBenches(lanes, (benches) => Promise.race([campaign(benches, choice), interrupted]))
  for (const line of report(finished)) say(line)
  return finished.length > 0 && finished.every(({ outcome }) => outcome.problems.length === 0) ? 0 : 1
}

main().then(
  (exitCode) => process.exit(exitCode),
  (error: unknown) => {
    say(String(error instanceof Error ? error.stack : error))
    process.exit(1)
  },
)
