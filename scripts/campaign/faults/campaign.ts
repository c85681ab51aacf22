/** The campaign: records an undisturbed run of each scenario, and then disturbs it at every point by every trouble. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openWiredStage } from '../../story/wired-stage.ts'
import { CloudView } from '../power-cut/cloud-view.ts'
import { flashDevice } from './device.ts'
import { type Fault, type Point, readPoints } from './points.ts'
import { type Bench, type Outcome, runFault } from './run-fault.ts'
import { ARRIVAL_MS, hasArrived, hasRetired, type Scenario, until } from './scenario.ts'
import { buildShortWrite } from './short-write.ts'
import { recording, watchedPaths } from './strace.ts'

/** A fault with the scenario that it belongs to. */
export type PlannedFault = { readonly scenario: Scenario; readonly fault: Fault }

/** The same, run. */
export type Finished = PlannedFault & { readonly outcome: Outcome }

/** Short waits, so that a fault costs a second or two; an order is seen at once. */
const TIMERS = { backoffBaseMs: 50, backoffCapMs: 400, actionsFastMs: 100 }

/** Opens a lab for the time of a call. */
export async function onBench<T>(labFolder: string, use: (bench: Bench) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'zipkey-faults-'))
  try {
    const shortWriteLibrary = await buildShortWrite(folder)
    const lab = await openWiredStage(labFolder, { timers: TIMERS })
    try {
      const view = await CloudView.open(join(lab.folder, 'operator/cloud'))
      return await use({ lab, view, shortWriteLibrary, nextDevice: 1 }).finally(() => view.close())
    } finally {
      await lab.close()
    }
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Every call on the watched paths of a run that nothing disturbs. */
export async function recordPoints(bench: Bench, scenario: Scenario): Promise<readonly Point[]> {
  const device = await flashDevice(bench.lab, bench.nextDevice++, scenario.permanentCredential)
  const former = await scenario.prepare(bench.lab, device)
  const record = join(device.folder, 'record')
  const agent = device.start(recording(record, watchedPaths(device.stateFolder, join(device.folder, 'etc'))))
  const isThere = await until(() => agent.result !== null || hasArrived(agent, device, former), ARRIVAL_MS)
  // The retirement of the provisioning key ends with a line; a rotation finds nothing to retire.
  const isRetired = former !== null || (await until(() => hasRetired(agent), ARRIVAL_MS))
  const points = readPoints(await readFile(record, 'utf8'))
  await agent.stop()
  if (!isThere || !isRetired) throw new Error(`${scenario.name}: the undisturbed run did not come to rest: ${agent.lines.at(-1)}`)
  return points
}

/** Runs all of them on as many labs at once; each outcome is told as it comes. */
export async function runFaults(
  benches: readonly Bench[],
  planned: readonly PlannedFault[],
  tell: (finished: Finished) => void,
): Promise<readonly Finished[]> {
  const waiting = [...planned]
  const finished: Finished[] = []
  const work = async (bench: Bench): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const one = { ...next, outcome: await runFault(bench, next.scenario, next.fault) }
      finished.push(one)
      tell(one)
    }
  }
  await Promise.all(benches.map(work))
  return finished
}
