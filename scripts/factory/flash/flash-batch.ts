/** Flashes devices of a batch, many at once, and logs each. */
import { Listr } from 'listr2'
import { type BatchDevice, type BatchRecord, contentsOf, findDevices } from '../batch/batch-record.ts'
import { InputError } from '../inputs.ts'
import { InterruptedError } from '../outcome.ts'
import { openTarget } from '../target/open-target.ts'
import { TargetError } from '../target/target.ts'
import { type Flashed, type FlashOrder, flashDevice } from './flash-device.ts'
import type { FlashJob } from './flash-jobs.ts'
import { logFlash, readFlashLog } from './flash-log.ts'

/** How all devices are flashed. */
export type FlashSettings = Pick<FlashOrder, 'folder' | 'access' | 'replace' | 'dryRun'> & {
  /** Flash a device that was flashed before. */
  readonly again: boolean
  readonly parallel: number
  readonly sshOptions: readonly string[]
  /** A line for each on the terminal, which changes as it comes on. */
  readonly showProgress: boolean
}

/** How one went. */
export type FlashResult = FlashJob & ({ readonly ok: true; readonly what: Flashed } | { readonly ok: false; readonly reason: string })

/** Flashes them all; one that fails does not stop the others, Ctrl-C lets those that are under way end. */
export async function flashAll(
  batch: BatchRecord,
  jobs: readonly FlashJob[],
  settings: FlashSettings,
  signal: AbortSignal,
): Promise<readonly FlashResult[]> {
  const devices = await devicesFor(batch, jobs)
  const before = new Map(
    readFlashLog(batch.folder).flatMap(({ id, result, at, target }) => (result === 'flashed' ? [[id, `${at} onto ${target}`]] : [])),
  )
  const results: FlashResult[] = []
  const flashOne = async (job: FlashJob, device: BatchDevice): Promise<void> => {
    if (signal.aborted) throw new InterruptedError()
    const result = await flash(batch, job, device, settings, before.get(job.id) ?? null)
    results.push(result)
    if (!result.ok) throw new TargetError(result.reason)
  }
  const tasks = devices.map(([job, device]) => ({ title: `${job.id}  ${job.target}`, task: () => flashOne(job, device) }))
  const renderer = settings.showProgress && process.stderr.isTTY ? 'default' : 'silent'
  await new Listr(tasks, { concurrent: settings.parallel, exitOnError: false, renderer }).run()
  if (signal.aborted && results.length < jobs.length) throw new InterruptedError()
  return jobs.flatMap(({ id }) => results.find((each) => each.id === id) ?? [])
}

async function devicesFor(batch: BatchRecord, jobs: readonly FlashJob[]): Promise<readonly (readonly [FlashJob, BatchDevice])[]> {
  const wanted = new Set(jobs.map(({ id }) => id))
  const found = new Map((await findDevices(batch, ({ id }) => wanted.has(id))).map((device) => [device.id, device]))
  const problems = jobs.filter(({ id }) => !found.has(id)).map(({ id }) => `${batch.folder}: there is no device ${id} in this batch`)
  if (problems.length > 0) throw new InputError(...problems)
  return jobs.flatMap((job) => {
    const device = found.get(job.id)
    return device === undefined ? [] : [[job, device] as const]
  })
}

async function flash(
  batch: BatchRecord,
  job: FlashJob,
  device: BatchDevice,
  { again, sshOptions, ...order }: FlashSettings,
  before: string | null,
): Promise<FlashResult> {
  const startedMs = performance.now()
  const result = await attempt(job, sshOptions, { ...order, id: job.id, contents: contentsOf(batch, device) }, again ? null : before)
  const ms = Math.round(performance.now() - startedMs)
  const line = { at: new Date().toISOString(), id: job.id, target: job.target, ms, again }
  if (!result.ok) logFlash(batch.folder, { ...line, result: 'failed', reason: result.reason })
  else if (result.what === 'flashed') logFlash(batch.folder, { ...line, result: 'flashed', reason: null })
  return result
}

async function attempt(job: FlashJob, sshOptions: readonly string[], order: FlashOrder, before: string | null): Promise<FlashResult> {
  try {
    const target = await openTarget(job.target, sshOptions)
    try {
      const seen = await flashDevice(target, { ...order, dryRun: true })
      if (seen === 'already there' || order.dryRun) return { ...job, ok: true, what: seen }
      // Two devices of one id are one device to the cloud, until the first of them has swapped and the other is a thief.
      if (before !== null) throw new TargetError(`was flashed before, ${before}: say --again if that one is no more`)
      return { ...job, ok: true, what: await flashDevice(target, order) }
    } finally {
      await target.close()
    }
  } catch (error) {
    return { ...job, ok: false, reason: reasonOf(error) }
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const isExpected = error instanceof TargetError || 'code' in error
  return isExpected ? error.message : (error.stack ?? error.message)
}
