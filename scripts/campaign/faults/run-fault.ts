/** One fault: a device is disturbed once, its disk is judged by what the cloud then accepts, and it has to arrive all the same. */
import { readFile, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { FAILURES } from '../../../agent/failure.ts'
import type { OpenWiredStage } from '../../story/wired-stage.ts'
import type { CloudView } from '../power-cut/cloud-view.ts'
import { type Device, flashDevice } from './device.ts'
import { judge } from './judge.ts'
import { type Fault, faultName, isLasting, type Point } from './points.ts'
import { ARRIVAL_MS, hasArrived, type Scenario, until } from './scenario.ts'
import { shortWriteEnvironment } from './short-write.ts'
import { disturbing, watchedPaths } from './strace.ts'
import type { Ended, SupervisedAgent } from './supervised-agent.ts'

/** What became of it, in the words of the table; problems where something is wrong. */
export type Outcome = { readonly fault: Fault; readonly way: string; readonly problems: readonly string[]; readonly log: readonly string[] }

/** The lab with a view into its cloud, the library for short writes, and the number of the next device. */
export type Bench = { readonly lab: OpenWiredStage; readonly view: CloudView; readonly shortWriteLibrary: string; nextDevice: number }

/** After a swap the agent still has the CA config to write; a strike there comes a little later. */
const AFTERMATH_MS = 1500
/** A disk that goes on failing is looked at this long after it was first told of. */
const FAILING_FOR_MS = 150
/** A unit that ends is started again, but a device that never stays up is no outcome. */
const MOST_RESTARTS = 3

/** EX_TEMPFAIL of sysexits(3): the agent's word that trying again may help. */
const EXIT_TRY_AGAIN = 75

type Disturbed = {
  readonly device: Device
  readonly fault: Fault
  readonly former: string | null
  readonly traceFile: string
  readonly noteFile: string
}

/** Runs one fault from an undisturbed start to rest. */
export async function runFault(bench: Bench, scenario: Scenario, fault: Fault): Promise<Outcome> {
  const device = await flashDevice(bench.lab, bench.nextDevice++, scenario.permanentCredential)
  const former = await scenario.prepare(bench.lab, device)
  const traceFile = join(device.folder, 'strace')
  const noteFile = join(device.folder, 'short')
  const run: Disturbed = { device, fault, former, traceFile, noteFile }
  const agent = device.start(
    disturbing(traceFile, watchedPaths(device.stateFolder, join(device.folder, 'etc')), fault),
    environmentOf(bench, run),
  )
  const arrived = await followDisturbed(run, agent)
  const hasEndedItself = agent.result !== null
  const ended = await agent.stop()
  const problems = [
    ...(await strikeProblems(run, ended)),
    ...endProblems(fault, hasEndedItself, ended),
    ...(await judge(device, bench.view)),
  ]
  const lines = [...agent.lines]
  if (!arrived) problems.push(...(await arriveUndisturbed(bench, run, lines)))
  const way = wayOf(fault, hasEndedItself, ended, agent, arrived)
  if (way === SILENT && !mayBeSilent(fault.point, device)) problems.push('the failed call was not told by any code')
  const outcome = { fault, way, problems, log: problems.length === 0 ? [] : lines }
  await rm(device.folder, { recursive: true })
  return outcome
}

function environmentOf({ shortWriteLibrary }: Bench, { device, fault, noteFile }: Disturbed): Readonly<Record<string, string>> {
  if (fault.trouble.kind !== 'short-write') return {}
  const watched = { folder: device.stateFolder, file: join(device.folder, 'etc/.ca.json.new') }
  return shortWriteEnvironment(shortWriteLibrary, fault.point.n, watched, noteFile)
}

/** Waits for rest, for the end, or for a disk that goes on failing; says whether the device is at rest and the fault has struck. */
async function followDisturbed(run: Disturbed, agent: SupervisedAgent): Promise<boolean> {
  const { device, fault, former } = run
  const isFailing = (): boolean => isLasting(fault.trouble) && agent.lines.some((line) => codesIn(line).includes('ERR_STORE_IO'))
  await until(async () => agent.result !== null || isFailing() || (await hasArrived(agent, device, former)), ARRIVAL_MS)
  if (isFailing()) await sleep(FAILING_FOR_MS)
  if (agent.result !== null || isFailing()) return false
  await until(async () => agent.result !== null || (await hasStruck(run)), AFTERMATH_MS)
  // What follows the strike: a log line, an end.
  await until(() => agent.result !== null, fault.trouble.kind === 'kill' ? AFTERMATH_MS : FAILING_FOR_MS)
  return agent.result === null && until(() => hasArrived(agent, device, former), ARRIVAL_MS)
}

async function hasStruck({ fault, traceFile, noteFile }: Disturbed): Promise<boolean> {
  const text = await readFile(fault.trouble.kind === 'short-write' ? noteFile : traceFile, 'utf8').catch(() => '')
  switch (fault.trouble.kind) {
    case 'error':
      return text.includes('(INJECTED)')
    case 'kill':
      // A call from which nobody returned; it may have been the lock program's.
      return /\) += \?/.test(text)
    case 'short-write':
      return text !== ''
  }
}

/** A fault that did not strike has shown nothing. */
async function strikeProblems(run: Disturbed, ended: Ended): Promise<readonly string[]> {
  if (ended.signal === 'SIGKILL' && run.fault.trouble.kind === 'kill') return []
  return (await until(() => hasStruck(run), FAILING_FOR_MS)) ? [] : ['the fault did not strike']
}

function endProblems({ trouble }: Fault, hasEndedItself: boolean, { exitCode, signal }: Ended): readonly string[] {
  if (exitCode === 0 && !hasEndedItself) return []
  // Perhaps it was about to when it was asked to end.
  if (exitCode === EXIT_TRY_AGAIN) return []
  if (hasEndedItself && signal === 'SIGKILL' && trouble.kind === 'kill') return []
  return [`the agent ended with ${signal ?? `exit code ${exitCode}`}`]
}

/** The unit's restarts, until the device is at rest. */
async function arriveUndisturbed(bench: Bench, { device, former }: Disturbed, lines: string[]): Promise<readonly string[]> {
  for (let start = 1; start <= MOST_RESTARTS; start++) {
    const agent = device.start()
    await until(async () => agent.result !== null || (await hasArrived(agent, device, former)), ARRIVAL_MS)
    const hasEndedItself = agent.result !== null
    const isThere = !hasEndedItself && (await hasArrived(agent, device, former))
    const { exitCode, signal } = await agent.stop()
    lines.push(`— start ${start} without the fault —`, ...agent.lines)
    if (isThere) return exitCode === 0 ? judge(device, bench.view) : [`stopped at rest, the agent ended with ${signal ?? exitCode}`]
    if (!hasEndedItself) return ['started again, the device did not come to rest']
    if (exitCode !== EXIT_TRY_AGAIN) return [`started again, the agent ended with ${signal ?? `exit code ${exitCode}`}`]
  }
  return [`the device did not come to rest in ${MOST_RESTARTS} starts`]
}

/** How the table calls an error that the agent did not mention. */
const SILENT = 'went on, not told'

const codesIn = (line: string): readonly string[] => (line.match(/\bERR_[A-Z_]+\b/g) ?? []).filter((code) => code in FAILURES)

function wayOf({ trouble }: Fault, hasEndedItself: boolean, ended: Ended, agent: SupervisedAgent, arrived: boolean): string {
  if (ended.signal === 'SIGKILL') return 'killed, came back'
  const text = agent.lines.join('\n')
  const isTold = codesIn(text).includes('ERR_STORE_IO')
  if (hasEndedItself) return isTold ? 'ended with ERR_STORE_IO, came back' : SILENT
  if (!arrived) return isTold ? 'ERR_STORE_IO while failing, came back' : SILENT
  if (isTold) return 'ERR_STORE_IO, tried again'
  if (trouble.kind === 'short-write' && !trouble.thenFull) return 'wrote the rest'
  if (/"reason":"E[A-Z]+"|"errno":"E[A-Z]+"/.test(text)) return 'warned, went on'
  return SILENT
}

/**
 * A call on which nothing depends: making the directory that is there, closing it once it was listed (libuv tells of neither), and
 * removing what a former write may have left, which is swept at the next start too.
 */
const mayBeSilent = ({ syscall, file }: Point, { stateFolder }: Device): boolean =>
  syscall === 'unlink' || (['mkdir', 'close'].includes(syscall) && file === basename(stateFolder))

/** What a fault of a scenario is called. */
export const scenarioFaultName = (scenario: Scenario, fault: Fault): string => `${scenario.name}: ${faultName(fault)}`
