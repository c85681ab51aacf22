/** `zipkey-factory register`. */
import type { Command } from 'commander'
import type { BatchRecord } from '../batch/batch-record.ts'
import { conclude, EXIT, type Outcome } from '../outcome.ts'
import { noProgress } from '../progress.ts'
import { CLIENT_OPTION } from './client-file.ts'
import type { CloudConnection } from './cloud-connection.ts'
import type { PartLine } from './registration-log.ts'

type Options = {
  readonly batch: string
  readonly client?: string
  readonly again: boolean
  readonly dryRun: boolean
  readonly json: boolean
}

/** Adds the command; its work is loaded when it is called. */
export function addRegisterCommand(program: Command, signal: AbortSignal): void {
  program
    .command('register')
    .description('give the registration manifest of a batch to the cloud; what is registered already stays as it is')
    .requiredOption('--batch <folder>', 'the output folder of batch create')
    .option(...CLIENT_OPTION)
    .option('--again', 'give what was given before as well, as to a cloud that was put back to a backup', false)
    .option('--dry-run', 'ask the cloud what it has and give it nothing', false)
    .option('--json', 'print JSON', false)
    .action((options: Options) => conclude(options.json, () => register(options, signal)))
}

async function register(options: Options, signal: AbortSignal): Promise<Outcome> {
  const { openBatch } = await import('../batch/batch-record.ts')
  const { openCloud } = await import('./open-cloud.ts')
  const { currentKeyId, manifestOf, registerBatch, surveyManifest } = await import('./register-batch.ts')
  const { startProgress } = await import('../progress.ts')
  const batch = await openBatch(options.batch)
  const { parts, kid } = await surveyManifest(manifestOf(batch))
  const { cloud, url } = openCloud(options, signal)
  try {
    const keyId = await currentKeyId(cloud)
    // The cloud reads manifests for older keys while it has them; the line should not go on with one for ever.
    const notes =
      keyId === kid ? [] : [`the cloud has a new registration key, ${keyId}: give this line what zipkey-cloud registration-key prints`]
    if (options.dryRun) return await wouldRegister(cloud, batch, parts, notes)
    const watch = { signal, startProgress: options.json ? () => noProgress : startProgress }
    const { lines, before } = await registerBatch({ batch, again: options.again }, { cloud, url }, watch)
    return outcomeOf(batch.folder, lines, before, notes)
  } finally {
    cloud.close()
  }
}

async function wouldRegister(
  cloud: CloudConnection,
  { folder, started }: BatchRecord,
  parts: number,
  notes: readonly string[],
): Promise<Outcome> {
  const { arrivedDevices } = await import('./answers.ts')
  const { REGISTRATION_ROUTES } = await import('../../../agent/contract/registration.ts')
  const arrived = arrivedDevices(await cloud.call('GET', `${REGISTRATION_ROUTES.registrations(started.account)}/${started.batch}`))
  return {
    lines: [`${folder}: ${started.devices} devices in ${parts} parts; the cloud has had ${arrived} of them; nothing was given`, ...notes],
    json: { batch: started.batch, devices: started.devices, parts, arrived, notes, dryRun: true },
  }
}

function outcomeOf(folder: string, lines: readonly PartLine[], before: number, notes: readonly string[]): Outcome {
  const sum = (of: (line: PartLine) => number): number => lines.reduce((total, line) => total + of(line), 0)
  const problems = lines.flatMap((line) => line.problems)
  const [registered, unchanged] = [sum((line) => line.registered), sum((line) => line.unchanged)]
  const since = before === 0 ? '' : `, ${before} of ${lines.length} parts by an earlier run`
  return {
    lines: [
      ...problems.map(({ id, status, message }) => `${id}  ${status.toUpperCase()}: ${message}`),
      `${folder}: ${registered} devices registered, ${unchanged} were already, ${problems.length} were not${since}`,
      ...notes,
    ],
    json: { registered, unchanged, failed: problems.length, problems, parts: lines.length, before, notes },
    exitCode: problems.length === 0 ? EXIT.done : EXIT.someFailed,
  }
}
