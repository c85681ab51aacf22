/** `zipkey-factory verify`: the station at the end of the line. */
import { dirname, join, resolve } from 'node:path'
import type { Command } from 'commander'
import { InputError } from '../inputs.ts'
import { conclude, EXIT, type Outcome } from '../outcome.ts'
import { TARGET_FORMS } from '../target/open-target.ts'

type Options = {
  readonly batch: string
  readonly id?: string
  readonly folder: string
  readonly caFile?: string
  readonly index?: string
  readonly label?: string
  readonly sshOption: readonly string[]
  readonly log: boolean
  readonly json: boolean
}

/** Adds the command; its work is loaded when it is called. */
export function addVerifyCommand(program: Command): void {
  program
    .command('verify <target>')
    .description('say whether a device is as it should be: config, id, credential, certificate, label')
    .addHelpText('after', `\nA target is ${TARGET_FORMS}.`)
    .requiredOption('--batch <folder>', 'the output folder of batch create')
    .option('--id <id>', 'who it should be')
    .option('--folder <path>', 'the folder of the config in the target', '/etc/zipkey')
    .option('--ca-file <file>', 'the CA that certificates must lead to (PEM)')
    .option('--index <file>', 'ids given out by all runs (default: issued-ids.csv beside the output folder)')
    .option('--label <file>', "a photo of its label, or the batch's PDF that it is in")
    .option('--ssh-option <option...>', 'an option for ssh, as its -o takes it', [])
    .option('--no-log', 'keep nothing of it in verify-log.ndjson beside the batch')
    .option('--json', 'print JSON', false)
    .action((target: string, options: Options) => conclude(options.json, () => verify(target, options)))
}

async function verify(place: string, options: Options): Promise<Outcome> {
  const { openBatch } = await import('../batch/batch-record.ts')
  const { openTarget } = await import('../target/open-target.ts')
  const { readTrust } = await import('./certificate-check.ts')
  const { verifyDevice } = await import('./verify-device.ts')
  const { logVerdict } = await import('./verify-log.ts')
  const batch = await openBatch(options.batch)
  if (batch.started.credential === 'certificate' && options.caFile === undefined)
    throw new InputError('a batch of certificates needs --ca-file')
  const expected = {
    batch,
    id: options.id ?? null,
    folder: options.folder,
    trust: options.caFile === undefined ? [] : readTrust(options.caFile),
    indexFile: options.index ?? join(dirname(resolve(options.batch)), 'issued-ids.csv'),
    labelFile: options.label ?? null,
    nowMs: Date.now(),
  }
  const target = await openTarget(place, options.sshOption)
  try {
    const { id, checks } = await verifyDevice(target, expected)
    const passed = checks.every(({ ok }) => ok)
    const failed = checks.filter(({ ok }) => !ok).map(({ name }) => name)
    if (options.log) logVerdict(options.batch, { at: new Date().toISOString(), id: id ?? '', target: place, passed, failed })
    return {
      lines: [
        ...checks.map(({ name, ok, reason }) => `${ok ? 'ok  ' : 'FAIL'}  ${name.padEnd(10)}  ${reason}`),
        `${passed ? 'PASS' : 'FAIL'}  ${id ?? place}`,
      ],
      json: { id, passed, checks },
      exitCode: passed ? EXIT.done : EXIT.someFailed,
    }
  } finally {
    await target.close()
  }
}
