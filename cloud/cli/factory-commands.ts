/** `zipkey-cloud registration-key` and `factory-key`: what the cloud and a factory need of each other. */
import { readFile, writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { z } from 'zod'
import { REGISTRATION_ROUTES } from '../../agent/contract/registration.ts'
import { CommandError } from './api-client.ts'
import { path } from './arguments.ts'
import { print } from './output.ts'
import type { OpenApi } from './registry-commands.ts'

/** Adds the commands. */
export function addFactoryCommands(program: Command, openApi: OpenApi): void {
  program
    .command('registration-key')
    .description('print the public key (JWK) that factories encrypt registration manifests to')
    .option('--out <file>', 'write it into a file')
    .action(async ({ out }: { out?: string }) => {
      const jwk = await (await openApi()).call('GET', REGISTRATION_ROUTES.registrationKey, z.record(z.string(), z.unknown()))
      const text = JSON.stringify(jwk, null, 2)
      if (out === undefined) print(text)
      else await writeFile(out, `${text}\n`)
    })
  const keys = program.command('factory-key').description('whose registration manifests are believed')
  keys
    .command('add <account> <key-id>')
    .description('believe what a factory signs')
    .requiredOption('--file <file>', 'its public key (JWK), the .pub.json of zipkey-factory key create')
    .action(async (account: string, id: string, { file }: { file: string }) => {
      const body = { id, key: await readPublicKey(file) }
      const { kid } = await (await openApi()).call('POST', path('accounts', account, 'factory-keys'), z.object({ kid: z.string() }), body)
      print(`${id} ${kid}`)
    })
  keys
    .command('list <account>')
    .description('show the factory keys of an account as JSON lines')
    .action(async (account: string) => {
      const answer = z.object({ factory_keys: z.array(z.unknown()) })
      const { factory_keys } = await (await openApi()).call('GET', path('accounts', account, 'factory-keys'), answer)
      for (const key of factory_keys) print(JSON.stringify(key))
    })
  keys
    .command('retire <account> <key-id>')
    .description('believe nothing any more that a factory signs, as when its key was stolen; what it registered stays')
    .action(async (account: string, id: string) => {
      await (await openApi()).call('POST', path('accounts', account, 'factory-keys', id, 'retire'), z.null())
    })
}

const publicKey = z.object({ kty: z.literal('EC'), crv: z.literal('P-256'), x: z.string(), y: z.string() })

async function readPublicKey(file: string): Promise<z.infer<typeof publicKey>> {
  const text = await readFile(file, 'utf8').catch(() => {
    throw new CommandError(`${file} cannot be read`)
  })
  const key = publicKey.safeParse(parseJson(text))
  if (!key.success) throw new CommandError(`${file} is no P-256 public key (JWK): give the .pub.json of zipkey-factory key create`)
  return key.data
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
