/** `zipkey-factory key create`. */
import type { Command } from 'commander'
import { conclude } from './outcome.ts'

type Options = { readonly out: string; readonly json: boolean }

/** Adds the command. */
export function addKeyCommands(program: Command): void {
  program
    .command('key')
    .description('the key that this factory signs manifests with')
    .command('create')
    .description('make a P-256 key (0600), and beside it the public one, which the cloud has to know')
    .requiredOption('--out <file>', 'the file of the private key; .pub.json is added for the public one')
    .option('--json', 'print JSON', false)
    .action(({ out, json }: Options) =>
      conclude(json, async () => {
        const { createFactoryKey } = await import('./keys.ts')
        const { publicFile, kid } = await createFactoryKey(out)
        return {
          lines: [`${out}: private key, keep it`, `${publicFile}: public key ${kid}, for the cloud`],
          json: { file: out, publicFile, kid },
        }
      }),
    )
}
