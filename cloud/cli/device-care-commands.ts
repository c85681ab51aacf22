/** `zipkey-cloud device revoke`, `rearm`, `freeze` and `unfreeze`. */
import type { Command } from 'commander'
import { z } from 'zod'
import type { ApiClient } from './api-client.ts'
import { path, timeText } from './arguments.ts'
import { print } from './output.ts'
import type { OpenApi } from './registry-commands.ts'

const rearmed = z.object({ credential: z.string(), until_ms: z.number() })

const factory = z.object({
  temporary: z.object({ provisioning_key: z.string().nullable() }),
  flashed: z.string(),
  issued: z.array(z.object({ credential: z.string() })),
})

/** What a device holds after it was wiped: what the factory gave it. Where that was a certificate alone, it comes first among the issued. */
async function factoryCredential(api: ApiClient, account: string, id: string): Promise<string> {
  const { temporary, flashed, issued } = await api.call('GET', path('accounts', account, 'devices', id), factory)
  if (temporary.provisioning_key !== null) return `t.${temporary.provisioning_key}`
  return flashed === 'none' ? (issued[0]?.credential ?? 'flashed') : 'flashed'
}

/** Adds them. */
export function addDeviceCareCommands(devices: Command, openApi: OpenApi): void {
  devices
    .command('revoke <account> <device-id>')
    .description('end every credential of a device for ever, or one; the way back is rearm')
    .option('--credential <credential-id>', 'this one only, as device show calls it')
    .action(async (account: string, id: string, { credential }: { credential?: string }) => {
      const body = { credential: credential ?? null }
      await (await openApi()).call('POST', path('accounts', account, 'devices', id, 'revoke'), z.null(), body)
    })
  devices
    .command('rearm <account> <device-id>')
    .description('make a credential that ended good once more, for an hour and one swap: for a device that was wiped or put back')
    .option('--credential <credential-id>', 'this one, as device show calls it (default: what the factory gave it)')
    .action(async (account: string, id: string, options: { credential?: string }) => {
      const api = await openApi()
      const credential = options.credential ?? (await factoryCredential(api, account, id))
      const answer = await api.call('POST', path('accounts', account, 'devices', id, 'rearm'), rearmed, { credential })
      print(`${answer.credential} is good until ${timeText(answer.until_ms)}`)
    })
  for (const { name, description } of FREEZING) {
    devices
      .command(`${name} <account> <device-id>`)
      .description(description)
      .action(async (account: string, id: string) => {
        await (await openApi()).call('POST', path('accounts', account, 'devices', id, name), z.null())
      })
  }
}

const FREEZING = [
  { name: 'freeze', description: 'let no order issue anything to a device; its current credential works on' },
  { name: 'unfreeze', description: 'let a device be rotated again' },
] as const
