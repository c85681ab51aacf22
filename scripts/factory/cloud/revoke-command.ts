/** `zipkey-factory revoke`. */
import type { Command } from 'commander'
import { REGISTRATION_LIMITS, REGISTRATION_ROUTES } from '../../../agent/contract/registration.ts'
import { conclude, EXIT, type Outcome, StoppedError } from '../outcome.ts'
import { noProgress } from '../progress.ts'
import type { Revoked } from './answers.ts'
import { CLIENT_OPTION } from './client-file.ts'
import type { CloudConnection } from './cloud-connection.ts'

type Options = {
  readonly batch: string
  readonly ids?: string
  readonly all: boolean
  readonly client?: string
  readonly dryRun: boolean
  readonly json: boolean
}

/** Adds the command; its work is loaded when it is called. */
export function addRevokeCommand(program: Command, signal: AbortSignal): void {
  program
    .command('revoke [id...]')
    .description('end every credential of devices of a batch for ever, as when a pallet was stolen')
    .requiredOption('--batch <folder>', 'the output folder of batch create')
    .option('--ids <file>', 'a list of them instead: CSV with a column id')
    .option('--all', 'the whole batch', false)
    .option(...CLIENT_OPTION)
    .option('--dry-run', 'say how many devices are meant and revoke nothing', false)
    .option('--json', 'print JSON', false)
    .action((ids: readonly string[], options: Options) => conclude(options.json, () => revoke(ids, options, signal)))
}

async function revoke(named: readonly string[], options: Options, signal: AbortSignal): Promise<Outcome> {
  const { openBatch } = await import('../batch/batch-record.ts')
  const { chosenDevices } = await import('./chosen-devices.ts')
  const { openCloud } = await import('./open-cloud.ts')
  const batch = await openBatch(options.batch)
  const ids = await chosenDevices(batch, { ids: named, list: options.ids ?? null, all: options.all })
  const { cloud } = openCloud(options, signal)
  if (options.dryRun)
    return {
      lines: [`${batch.folder}: ${ids.length} of ${batch.started.devices} devices are meant; none was revoked`],
      json: { batch: batch.started.batch, devices: ids, dryRun: true },
    }
  try {
    return outcomeOf(await revokeAll(cloud, batch.started.account, ids, options.json))
  } finally {
    cloud.close()
  }
}

async function revokeAll(cloud: CloudConnection, account: string, ids: readonly string[], isQuiet: boolean): Promise<readonly Revoked[]> {
  const { revocationResults } = await import('./answers.ts')
  const { chunksOf } = await import('./chosen-devices.ts')
  const { startProgress } = await import('../progress.ts')
  const progress = isQuiet ? noProgress : startProgress('devices', ids.length, 0)
  const results: Revoked[] = []
  try {
    for (const devices of chunksOf(ids, REGISTRATION_LIMITS.revocations)) {
      results.push(...revocationResults(await cloud.call('POST', REGISTRATION_ROUTES.deviceRevocations(account), { devices })))
      progress.at(results.length)
    }
  } catch (error) {
    throw new StoppedError(`${results.length} of ${ids.length} devices were looked at; the same command goes on`, error)
  } finally {
    progress.end()
  }
  return results
}

function outcomeOf(results: readonly Revoked[]): Outcome {
  const count = (status: Revoked['status']): number => results.filter((each) => each.status === status).length
  const unknown = results.filter(({ status }) => status === 'unknown')
  const [revoked, unchanged] = [count('revoked'), count('unchanged')]
  return {
    lines: [
      ...unknown.map(({ id }) => `${id}  UNKNOWN: it is not registered, so that there is nothing to revoke: register the batch first`),
      `${revoked} devices revoked, ${unchanged} were already, ${unknown.length} are not registered`,
    ],
    json: { revoked, unchanged, unknown: unknown.map(({ id }) => id) },
    exitCode: unknown.length === 0 ? EXIT.done : EXIT.someFailed,
  }
}
