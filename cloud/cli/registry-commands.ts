/** `zipkey-cloud account`, `provisioning-key`, `operator key`, `aaa-client`. */
import { readFile } from 'node:fs/promises'
import { type Command, InvalidArgumentError } from 'commander'
import { z } from 'zod'
import { readPrivateFile } from '../data-folder.ts'
import type { ApiClient } from './api-client.ts'
import { path } from './arguments.ts'
import { handOver, print } from './output.ts'

/** Opens the API as the global options say. */
export type OpenApi = () => Promise<ApiClient>

function timeMs(text: string): number {
  const ms = Date.parse(text)
  if (Number.isNaN(ms)) throw new InvalidArgumentError('a time is ISO 8601, such as 2026-01-31T00:00:00Z')
  return ms
}

function count(text: string): number {
  if (!/^[1-9][0-9]{0,8}$/.test(text)) throw new InvalidArgumentError('a maximum is a whole number from 1')
  return Number(text)
}

type KeyOptions = {
  allow?: string[]
  allowFile?: string
  notBefore?: number
  notAfter?: number
  max?: number
  out?: string
  keyFile?: string
}

async function allowed(options: KeyOptions): Promise<readonly string[]> {
  const lines =
    options.allowFile === undefined ? [] : (await readFile(options.allowFile, 'utf8')).split(/\r?\n/).filter((line) => line !== '')
  const patterns = [...(options.allow ?? []), ...lines]
  return patterns.length > 0 ? patterns : ['*']
}

/** Adds the provisioning key commands. */
export function addProvisioningKeyCommands(program: Command, openApi: OpenApi): void {
  const keys = program.command('provisioning-key').description('keys that many devices share, to enrol')
  keys
    .command('create <account> <key-id>')
    .description('create a provisioning key; its text (zkp_…) is shown this once')
    .option('--allow <pattern...>', 'device ids it may enrol; * and ? as wildcards (default: every id)')
    .option('--allow-file <file>', 'the same, one to a line')
    .option('--not-before <time>', 'enrol from then on', timeMs)
    .option('--not-after <time>', 'enrol until then', timeMs)
    .option('--max <devices>', 'enrol at most as many', count)
    .option('--key-file <file>', 'take the key in this file, which devices have already, instead of drawing one')
    .option('--out <file>', 'write the key into a new file, 0600, instead of printing it')
    .action(async (account: string, id: string, options: KeyOptions) => {
      const { notBefore, notAfter, max } = options
      const rules = {
        allow: await allowed(options),
        not_before_ms: notBefore ?? null,
        not_after_ms: notAfter ?? null,
        max_devices: max ?? null,
      }
      const api = await openApi()
      const key = options.keyFile === undefined ? null : (await readPrivateFile(options.keyFile)).trim()
      const body = { id, ...rules, key }
      const created = await api.call('POST', path('accounts', account, 'provisioning-keys'), z.object({ key: z.string() }), body)
      if (key === null) await handOver(created.key, options.out)
    })
  keys
    .command('list <account>')
    .description('show the provisioning keys of an account as JSON lines, without their secrets')
    .action(async (account: string) => {
      const answer = z.object({ provisioning_keys: z.array(z.unknown()) })
      const { provisioning_keys } = await (await openApi()).call('GET', path('accounts', account, 'provisioning-keys'), answer)
      for (const key of provisioning_keys) print(JSON.stringify(key))
    })
  keys
    .command('retire <account> <key-id>')
    .description('let a provisioning key enrol nobody any more; devices that swapped are not touched')
    .action(async (account: string, id: string) => {
      await (await openApi()).call('POST', path('accounts', account, 'provisioning-keys', id, 'retire'), z.null())
    })
}

type PrincipalOptions = { account?: string[]; out?: string }

/** Adds the commands for accounts, operators and AAA clients. */
export function addPrincipalCommands(program: Command, openApi: OpenApi): void {
  program
    .command('account')
    .description('product companies')
    .command('create <account>')
    .description('create an account')
    .action(async (id: string) => {
      await (await openApi()).call('POST', path('accounts'), z.object({ id: z.string() }), { id })
    })
  program
    .command('operator')
    .description('people and programs that work with this cloud')
    .command('key')
    .command('create <key-id>')
    .description('create an operator key; its text (zko_…) is shown this once')
    .requiredOption('--role <role>', 'admin, operator or auditor')
    .option('--account <account...>', 'limit it to these accounts (default: all)')
    .option('--out <file>', 'write the key into a new file, 0600, instead of printing it')
    .action(async (id: string, options: PrincipalOptions & { role: string }) => {
      const body = { id, role: options.role, accounts: options.account ?? null }
      const { key } = await (await openApi()).call('POST', path('operator-keys'), z.object({ key: z.string() }), body)
      await handOver(key, options.out)
    })
  program
    .command('aaa-client')
    .description("hotspot operators' RADIUS servers")
    .command('create <client-id>')
    .description('create an AAA client; its secret is shown this once')
    .requiredOption('--aaa-domain <domain>', "the AAA domain that hotspot profiles name for this operator's hotspots")
    .option('--account <account...>', 'let it see these accounts only (default: all)')
    .option('--secret-file <file>', 'a secret that the AAA server has already, 43 characters of base64url (default: draw one)')
    .option('--out <file>', 'write the secret into a new file, 0600, instead of printing it')
    .action(async (id: string, options: PrincipalOptions & { aaaDomain: string; secretFile?: string }) => {
      const given = options.secretFile === undefined ? null : (await readPrivateFile(options.secretFile)).trim()
      const body = { id, aaa_domain: options.aaaDomain, accounts: options.account ?? null, secret: given }
      const { secret } = await (await openApi()).call('POST', path('aaa-clients'), z.object({ secret: z.string() }), body)
      if (given === null) await handOver(secret, options.out)
    })
}
