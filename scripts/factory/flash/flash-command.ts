/** `zipkey-factory flash`. */
import { availableParallelism } from 'node:os'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { InputError } from '../inputs.ts'
import { conclude, EXIT, type Outcome } from '../outcome.ts'
import { TARGET_FORMS } from '../target/open-target.ts'

type Options = {
  readonly batch: string
  readonly jobs?: string
  readonly folder: string
  readonly mode: string
  readonly uid?: number
  readonly gid?: number
  readonly replace: boolean
  readonly again: boolean
  readonly parallel: number
  readonly sshOption: readonly string[]
  readonly dryRun: boolean
  readonly json: boolean
}

const number =
  (least: number, most: number) =>
  (text: string): number => {
    const value = Number(text)
    if (!/^[0-9]+$/.test(text) || value < least || value > most) throw new InvalidArgumentError(`a whole number from ${least} to ${most}.`)
    return value
  }

function folderOnDevice(text: string): string {
  if (!/^\/?[A-Za-z0-9._/-]+$/.test(text) || text.split('/').includes('..'))
    throw new InvalidArgumentError('a path of letters, digits, . _ - and /.')
  return text
}

/** Adds the command; its work is loaded when it is called. */
export function addFlashCommand(program: Command, signal: AbortSignal): void {
  program
    .command('flash [id] [target]')
    .description('put devices of a batch into place, without mounting anything, and read back what was written')
    .addHelpText('after', `\nA target is ${TARGET_FORMS}.`)
    .requiredOption('--batch <folder>', 'the output folder of batch create')
    .option('--jobs <file>', 'many at once instead: CSV with columns id and target')
    .option('--folder <path>', 'the folder of the config in the target', folderOnDevice, '/etc/zipkey')
    .addOption(new Option('--mode <mode>', 'who may read the files').choices(['0600', '0640']).default('0600'))
    .option('--uid <number>', 'their owner', number(0, 2 ** 32 - 2))
    .option('--gid <number>', 'their group', number(0, 2 ** 32 - 2))
    .option('--replace', "write over another device's credential", false)
    .option('--again', 'flash devices that were flashed before', false)
    .option('--parallel <jobs>', 'how many at once', number(1, 256), Math.max(4, availableParallelism()))
    .option('--ssh-option <option...>', 'an option for ssh, as its -o takes it', [])
    .option('--dry-run', 'look at the targets and write nothing', false)
    .option('--json', 'print JSON', false)
    .action((id: string | undefined, target: string | undefined, options: Options) =>
      conclude(options.json, () => flash(id, target, options, signal)),
    )
}

async function flash(id: string | undefined, target: string | undefined, options: Options, signal: AbortSignal): Promise<Outcome> {
  const { openBatch } = await import('../batch/batch-record.ts')
  const { readFlashJobs } = await import('./flash-jobs.ts')
  const { flashAll } = await import('./flash-batch.ts')
  if ((options.jobs === undefined) !== (id !== undefined && target !== undefined))
    throw new InputError('give an id and a target, or --jobs')
  const jobs = options.jobs === undefined ? [{ id: id ?? '', target: target ?? '' }] : readFlashJobs(options.jobs)
  const access = { mode: Number.parseInt(options.mode, 8), uid: options.uid ?? null, gid: options.gid ?? null }
  const { folder, replace, again, parallel, dryRun, sshOption } = options
  const settings = { folder, access, replace, again, parallel, dryRun, sshOptions: sshOption, showProgress: !options.json }
  const results = await flashAll(await openBatch(options.batch), jobs, settings, signal)
  const failed = results.filter(({ ok }) => !ok).length
  return {
    lines: [
      ...results.map((each) => `${each.id}  ${each.target}  ${each.ok ? each.what : `FAILED: ${each.reason}`}`),
      ...(jobs.length === 1 ? [] : [`${results.length - failed} of ${jobs.length} devices are in place`]),
    ],
    json: { devices: jobs.length, failed, results },
    exitCode: failed === 0 ? EXIT.done : EXIT.someFailed,
  }
}
