/** `zipkey-factory batch create`. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { conclude, type Outcome } from '../outcome.ts'
import { withProfileOptions } from '../profile-options.ts'
import { noProgress } from '../progress.ts'
import type { BatchOptions } from './batch-options.ts'

type Options = BatchOptions & { readonly dryRun: boolean; readonly json: boolean }

const MAX_COUNT = 10_000_000

function count(text: string): number {
  const number = Number(text)
  if (!/^[1-9][0-9]*$/.test(text) || number > MAX_COUNT) throw new InvalidArgumentError(`a whole number from 1 to ${MAX_COUNT}.`)
  return number
}

/** Adds the command; its work is loaded when it is called. */
export function addBatchCommands(program: Command, signal: AbortSignal): void {
  const batch = program.command('batch').description('many devices at once')
  withProfileOptions(
    batch.command('create').description('make configs, credentials, manifests and labels of a batch; the same command continues one'),
  )
    .requiredOption('--out <folder>', 'the output folder')
    .option('--count <devices>', 'how many devices, with --pattern', count)
    .option('--pattern <pattern>', 'their ids, with a counter in braces: SN-{0000001..}')
    .option('--ids <file>', 'a list of ids instead: CSV with a column id')
    .option('--requests <path>', 'certificate requests instead: a folder of <id>.csr, or NDJSON with id and csr')
    .option('--device-key <where>', 'with --requests: where devices have their keys, a pkcs11: URI or a file')
    .option('--batch <id>', 'what the batch is called (default: drawn at random)')
    .option('--index <file>', 'ids given out by earlier runs (default: issued-ids.csv beside the output folder)')
    .addOption(
      new Option('--credential <kind>', 'what the devices prove themselves with')
        .choices(['certificate', 'shared-secret', 'provisioning-key'])
        .makeOptionMandatory(),
    )
    .option('--ca-file <file>', 'certificate: the issuing CA, and after it those that lead on (PEM)')
    .option('--ca-key-file <file>', 'certificate: its private key (PEM, 0600), or a pkcs11: URI of a key in a token')
    .option('--ca-pin-file <file>', 'certificate: the PIN of that token (0600)')
    .option('--template <file>', 'certificate: validity, subject, other names, extensions (JSON)')
    .option('--key-id <id>', 'provisioning-key: its id in the cloud')
    .option('--provisioning-key-file <file>', 'provisioning-key: the key (zkp_…, 0600)')
    .option('--with-provisioning-key', 'provisioning-key: give devices the key itself, not only the secret derived from it', false)
    .option('--id-from <source>', 'one golden config for all, which reads its id there, as device.idFrom of the CA config')
    .option('--registration-key <file>', "the cloud's registration key, which the registration manifest is encrypted to (JWK)")
    .option('--factory-key <file>', 'the key of this factory, which signs it (key create)')
    .option('--no-registration', 'write no registration manifest')
    .option('--label-template <file>', 'size and texts of the labels (JSON)')
    .option('--no-labels', 'make no labels')
    .option('--dry-run', 'check everything and write nothing', false)
    .option('--json', 'print JSON', false)
    .action((options: Options) => conclude(options.json, () => create(options, signal)))
}

async function create(options: Options, signal: AbortSignal): Promise<Outcome> {
  const { planBatch } = await import('./batch-options.ts')
  const { checkAgainstEarlierRuns, createBatch } = await import('./create-batch.ts')
  const plan = await planBatch(options, Date.now())
  const { folder, ids } = plan
  if (options.dryRun) {
    await checkAgainstEarlierRuns(plan)
    return {
      lines: [`${folder}: would hold ${ids.total} devices; nothing was written`],
      json: { folder, devices: ids.total, dryRun: true },
    }
  }
  const { startProgress } = await import('../progress.ts')
  const { batch, devices, before } = await createBatch(plan, {
    signal,
    startProgress: options.json ? () => noProgress : startProgress,
  })
  const since = before === 0 ? '' : `, ${before} of them by an earlier run`
  return { lines: [`${folder}: batch ${batch} with ${devices} devices${since}`], json: { folder, batch, devices, before } }
}
