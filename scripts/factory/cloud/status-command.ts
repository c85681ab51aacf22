/** `zipkey-factory status`: how far a batch has come, from the logs beside it and, where a client file is named, from the cloud. */
import type { Command } from 'commander'
import { REGISTRATION_LIMITS, REGISTRATION_ROUTES } from '../../../agent/contract/registration.ts'
import { conclude, type Outcome } from '../outcome.ts'
import { noProgress } from '../progress.ts'
import type { Standing } from './answers.ts'
import { CLIENT_OPTION } from './client-file.ts'

type Options = { readonly batch: string; readonly ids?: string; readonly client?: string; readonly json: boolean }

/** Adds the command; its work is loaded when it is called. */
export function addStatusCommand(program: Command, signal: AbortSignal): void {
  program
    .command('status [id...]')
    .description('say how far a batch, or some of its devices, have come: flashed, verified, registered, and how they stand in the cloud')
    .requiredOption('--batch <folder>', 'the output folder of batch create')
    .option('--ids <file>', 'a list of devices: CSV with a column id')
    .option(...CLIENT_OPTION)
    .option('--json', 'print JSON', false)
    .action((ids: readonly string[], options: Options) => conclude(options.json, () => status(ids, options, signal)))
}

/** How a device stands in the cloud; `unknown` where it is not registered, null where the cloud was not asked. */
type InCloud = Standing | 'unknown' | null

async function status(named: readonly string[], options: Options, signal: AbortSignal): Promise<Outcome> {
  const { openBatch } = await import('../batch/batch-record.ts')
  const { chosenDevices } = await import('./chosen-devices.ts')
  const { clientFileOf } = await import('./client-file.ts')
  const { readBatchHistory } = await import('../report/batch-history.ts')
  const batch = await openBatch(options.batch)
  const all = named.length === 0 && options.ids === undefined
  const ids = await chosenDevices(batch, { ids: named, list: options.ids ?? null, all })
  const history = await readBatchHistory(batch)
  const standing = clientFileOf(options.client) === null ? null : await askCloud(batch.started.account, ids, options, signal)
  const devices = ids.map((id): Shown & { readonly id: string } => {
    const { flashed, verified, registered } = history.of(id)
    return { id, flashed, verified, registered, cloud: standing === null ? null : (standing.get(id) ?? 'unknown') }
  })
  const counts = countsOf(devices)
  const told = devices.map(
    ({ id, ...each }) =>
      `${id}  flashed: ${each.flashed ?? 'no'}  verified: ${each.verified ?? 'no'}  registered: ${each.registered ?? 'no'}` +
      `${each.cloud === null ? '' : `  cloud: ${each.cloud}`}`,
  )
  return {
    lines: [
      ...(all ? [] : told),
      `${batch.folder}: batch ${batch.started.batch}, ${ids.length} devices`,
      ...Object.entries(counts).map(([name, count]) => `  ${name.padEnd(26)} ${count}`),
      ...(standing === null ? ['  the cloud was not asked: name --client'] : []),
    ],
    json: { batch: batch.started.batch, devices: ids.length, counts, ...(all ? {} : { each: devices }) },
  }
}

type Shown = {
  readonly flashed: 'yes' | 'failed' | null
  readonly verified: 'passed' | 'failed' | null
  readonly registered: 'yes' | 'conflict' | 'refused' | null
  readonly cloud: InCloud
}

function countsOf(devices: readonly Shown[]): Readonly<Record<string, number>> {
  const count = (is: (device: Shown) => boolean): number => devices.filter(is).length
  const local = {
    flashed: count(({ flashed }) => flashed === 'yes'),
    'flashing failed': count(({ flashed }) => flashed === 'failed'),
    verified: count(({ verified }) => verified === 'passed'),
    'verification failed': count(({ verified }) => verified === 'failed'),
    registered: count(({ registered }) => registered === 'yes'),
    'registration failed': count(({ registered }) => registered === 'conflict' || registered === 'refused'),
  }
  if (devices.every(({ cloud }) => cloud === null)) return local
  return {
    ...local,
    'in the cloud: enrolling': count(({ cloud }) => cloud === 'enrolling'),
    'in the cloud: permanent': count(({ cloud }) => cloud === 'permanent'),
    'in the cloud: ended': count(({ cloud }) => cloud === 'ended'),
    'in the cloud: unknown': count(({ cloud }) => cloud === 'unknown'),
  }
}

async function askCloud(
  account: string,
  ids: readonly string[],
  options: Options,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Standing>> {
  const { standings } = await import('./answers.ts')
  const { chunksOf } = await import('./chosen-devices.ts')
  const { openCloud } = await import('./open-cloud.ts')
  const { startProgress } = await import('../progress.ts')
  const progress = options.json ? noProgress : startProgress('devices', ids.length, 0)
  const { cloud } = openCloud(options, signal)
  const found = new Map<string, Standing>()
  let asked = 0
  try {
    for (const devices of chunksOf(ids, REGISTRATION_LIMITS.states)) {
      for (const [id, each] of standings(await cloud.call('POST', REGISTRATION_ROUTES.deviceStates(account), { devices })))
        found.set(id, each)
      asked += devices.length
      progress.at(asked)
    }
  } finally {
    progress.end()
    cloud.close()
  }
  return found
}
