/** `zipkey-cloud backup` and `restore`, which work on the folder itself. */
import { type Command, InvalidArgumentError } from 'commander'
import { backUp } from '../backup/backup.ts'
import { type Restored, restore } from '../backup/restore.ts'
import { CommandError } from './api-client.ts'
import { entryLine } from './audit-command.ts'
import { print } from './output.ts'
import { DEFAULT_FOLDER } from './service-commands.ts'

const MINUTE_MS = 60_000

/** Adds `backup`. */
export function addBackup(program: Command): void {
  program
    .command('backup')
    .description('write all that is committed now into a file, while the service runs; without the keys')
    .option('--data <folder>', 'the folder of the cloud', DEFAULT_FOLDER)
    .requiredOption('--out <file>', 'a new file, which its owner alone may read')
    .action(async ({ data, out }: { data: string; out: string }) => {
      const bytes = await backUp(data, out)
      print(`wrote ${out}, ${bytes} bytes`)
      print('the keys are not in it: keep master-keys.json, signing-keys.json and, where it is there, device-ca.pem elsewhere')
    })
}

function minutes(text: string): number {
  if (!/^[0-9]{1,5}$/.test(text)) throw new InvalidArgumentError('a window is whole minutes')
  return Number(text) * MINUTE_MS
}

type RestoreFlags = { data: string; from?: string; alreadyRestored?: boolean; window: number }

/** Adds `restore`. */
export function addRestore(program: Command): void {
  program
    .command('restore')
    .description('put the database back to a backup, while no service runs; what was in its place is kept beside it')
    .option('--data <folder>', 'the folder of the cloud', DEFAULT_FOLDER)
    .option('--from <file>', 'what backup wrote')
    .option('--already-restored', 'the database was put back by other means: only mark it')
    .option('--window <minutes>', 'how long what the backup calls good waits for what is newer', minutes, 60 * MINUTE_MS)
    .action(async ({ data, from, alreadyRestored, window: windowMs }: RestoreFlags) => {
      if ((from === undefined) === (alreadyRestored !== true)) throw new CommandError('name one of --from and --already-restored')
      tell(await restore({ folder: data, file: from ?? null, windowMs, nowMs: Date.now() }))
    })
}

function tell({ replaced, windowUntilMs, lost }: Restored): void {
  if (replaced !== null) print(`what was in its place is kept as ${replaced}`)
  print(`until ${new Date(windowUntilMs).toISOString()} what the backup calls good waits; what devices have got since then is good at once`)
  if (lost === null) {
    print('what was lost is not known: do again what operators did since the backup, revocations above all')
    return
  }
  print(`lost: ${lost.entries} entries of the audit log, ${new Date(lost.fromMs).toISOString()} to ${new Date(lost.toMs).toISOString()}`)
  if (lost.acts.length > 0) print('do again what operators did in that time:')
  for (const act of lost.acts) print(`  ${entryLine(act)}`)
}
