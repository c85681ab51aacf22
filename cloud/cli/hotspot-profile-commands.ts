/** `zipkey-cloud hotspot-profiles`. */
import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { Command } from 'commander'
import { z } from 'zod'
import { isObject } from '../../agent/contract/parsed.ts'
import { CommandError } from './api-client.ts'
import { path } from './arguments.ts'
import { print } from './output.ts'
import type { OpenApi } from './registry-commands.ts'

const shown = z.object({ version: z.number(), hotspots: z.array(z.unknown()) })

/** Adds the commands. */
export function addHotspotProfileCommands(program: Command, openApi: OpenApi): void {
  const profiles = program.command('hotspot-profiles').description('hotspots that devices learn of beside those flashed at the factory')
  profiles
    .command('set <account>')
    .description("replace the hotspot profiles of an account's devices; prints their version")
    .requiredOption(
      '--file <file>',
      'a list of profiles in JSON, as hotspots[] of a CA config; {"file": …} may stand for ca and passphrase',
    )
    .action(async (account: string, { file }: { file: string }) => {
      const hotspots = await readProfiles(file)
      const answer = z.object({ version: z.number() })
      const { version } = await (await openApi()).call('POST', path('accounts', account, 'hotspot-profiles'), answer, { hotspots })
      print(String(version))
    })
  profiles
    .command('show <account>')
    .description('show the hotspot profiles of an account as JSON, without their passphrases')
    .action(async (account: string) => {
      const answer = await (await openApi()).call('GET', path('accounts', account, 'hotspot-profiles'), shown)
      print(JSON.stringify(answer, null, 2))
    })
}

async function readProfiles(file: string): Promise<readonly unknown[]> {
  const value = parseJson(file, await contentsOf(file))
  if (!Array.isArray(value)) throw new CommandError(`${file}: expected a list of hotspot profiles in [ ]`)
  return Promise.all(value.map((profile: unknown) => withFiles(profile, dirname(file))))
}

/** Puts the contents of named files in their places, wherever they stand in a profile. */
async function withFiles(value: unknown, folder: string): Promise<unknown> {
  if (!isObject(value)) return value
  if (typeof value.file === 'string' && Object.keys(value).length === 1) return contentsOf(resolve(folder, value.file))
  const members = Object.entries(value).map(async ([key, member]) => [key, await withFiles(member, folder)] as const)
  return Object.fromEntries(await Promise.all(members))
}

function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new CommandError(`${file}: is no JSON`)
  }
}

async function contentsOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    throw new CommandError(`${file}: cannot be read (${code})`)
  }
}
