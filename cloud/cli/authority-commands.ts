/** `zipkey-cloud certificate-authority`: CAs of a company's own, whose certificates enrol devices just in time. */
import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { z } from 'zod'
import { path } from './arguments.ts'
import { print } from './output.ts'
import type { OpenApi } from './registry-commands.ts'

type RegisterOptions = { caFile: string; proofFile: string; deviceIdIn: string; allow?: string[] }

/** Adds the commands. */
export function addAuthorityCommands(program: Command, openApi: OpenApi): void {
  const authorities = program.command('certificate-authority').description('CAs whose certificates enrol devices just in time')
  authorities
    .command('challenge <account>')
    .description('print what the CA has to sign, as the common name of a certificate, to prove that its key is yours')
    .requiredOption('--ca-file <file>', 'the CA (PEM) that issues the certificates of devices itself')
    .action(async (account: string, options: { caFile: string }) => {
      const body = { certificate: await readFile(options.caFile, 'utf8') }
      const answer = z.object({ challenge: z.string() })
      const url = path('accounts', account, 'certificate-authorities', 'challenge')
      print((await (await openApi()).call('POST', url, answer, body)).challenge)
    })
  authorities
    .command('register <account> <ca-id>')
    .description('let devices with certificates of this CA enrol by themselves')
    .requiredOption('--ca-file <file>', 'the CA (PEM)')
    .requiredOption('--proof-file <file>', 'the certificate (PEM) that it issued for the challenge')
    .option('--device-id-in <field>', 'where in the subject the device id stands: CN or serialNumber', 'CN')
    .option('--allow <pattern...>', 'device ids that it may enrol; * and ? as wildcards (default: every id)')
    .action(async (account: string, id: string, options: RegisterOptions) => {
      const [certificate, proof] = await Promise.all([options.caFile, options.proofFile].map((file) => readFile(file, 'utf8')))
      const body = { id, certificate, proof, device_id_in: options.deviceIdIn, allow: options.allow ?? ['*'] }
      const answer = z.object({ fingerprint: z.string() })
      print((await (await openApi()).call('POST', path('accounts', account, 'certificate-authorities'), answer, body)).fingerprint)
    })
  authorities
    .command('list <account>')
    .description('show the CAs of an account as JSON lines')
    .action(async (account: string) => {
      const answer = z.object({ certificate_authorities: z.array(z.unknown()) })
      const url = path('accounts', account, 'certificate-authorities')
      for (const authority of (await (await openApi()).call('GET', url, answer)).certificate_authorities) print(JSON.stringify(authority))
    })
  authorities
    .command('retire <account> <ca-id>')
    .description('let a CA enrol nobody any more; devices that it enrolled are not touched')
    .action(async (account: string, id: string) => {
      await (await openApi()).call('POST', path('accounts', account, 'certificate-authorities', id, 'retire'), z.null())
    })
}
