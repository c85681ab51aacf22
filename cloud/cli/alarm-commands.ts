/** `zipkey-cloud alarm`: what needs a person to look at. */
import { setTimeout } from 'node:timers/promises'
import type { Command } from 'commander'
import { z } from 'zod'
import type { ApiClient } from './api-client.ts'
import { path, timeText } from './arguments.ts'
import { print } from './output.ts'
import type { OpenApi } from './registry-commands.ts'

const FOLLOW_EVERY_MS = 1000
/** Alarms of two processes may become visible in another order than their times say. */
const LOOK_BACK_MS = 60_000
const PAGE = 1000

const alarm = z.looseObject({
  id: z.string(),
  account: z.string(),
  device: z.string(),
  kind: z.string(),
  detail: z.string(),
  count: z.number(),
  last_ms: z.number(),
  acknowledged_by: z.string().nullable(),
})
const page = z.object({ alarms: z.array(alarm) })

type Alarm = z.infer<typeof alarm>
type ListOptions = { device?: string; all?: boolean; json?: boolean; follow?: boolean }

function line({ id, account, device, kind, detail, count, last_ms, acknowledged_by }: Alarm): string {
  const acknowledged = acknowledged_by === null ? '' : ` (acknowledged by ${acknowledged_by})`
  return `${timeText(last_ms)} ${id} ${account}/${device} ${kind} ×${count} ${detail}${acknowledged}`
}

/** Every alarm that was raised since then. */
async function readAlarms(api: ApiClient, account: string | undefined, options: ListOptions, sinceMs: number): Promise<readonly Alarm[]> {
  const route = account === undefined ? path('alarms') : path('accounts', account, 'alarms')
  const query = new URLSearchParams({ state: options.all === true ? 'all' : 'open', since_ms: String(sinceMs), limit: String(PAGE) })
  if (options.device !== undefined) query.set('device', options.device)
  const found: Alarm[] = []
  for (;;) {
    const { alarms } = await api.call('GET', `${route}?${query}`, page)
    found.push(...alarms)
    const last = alarms.at(-1)
    if (last === undefined || alarms.length < PAGE) return found
    query.set('after', last.id)
  }
}

async function list(api: ApiClient, account: string | undefined, options: ListOptions): Promise<void> {
  const seen = new Map<string, number>()
  for (let sinceMs = 0; ; ) {
    for (const each of await readAlarms(api, account, options, sinceMs)) {
      if (seen.get(each.id) === each.count) continue
      seen.set(each.id, each.count)
      sinceMs = Math.max(sinceMs, each.last_ms - LOOK_BACK_MS)
      print(options.json === true ? JSON.stringify(each) : line(each))
    }
    if (options.follow !== true) return
    await setTimeout(FOLLOW_EVERY_MS)
  }
}

/** Adds the alarm commands; `alarms` alone lists them. */
export function addAlarmCommands(program: Command, openApi: OpenApi): void {
  const alarms = program.command('alarm').alias('alarms').description('what needs a person to look at')
  alarms
    .command('list [account]', { isDefault: true })
    .description('show the open alarms of an account, or of all of them, oldest first')
    .option('--device <device-id>', 'of this device only')
    .option('--all', 'those that were acknowledged as well')
    .option('--json', 'as JSON lines')
    .option('--follow', 'go on as they are raised')
    .action(async (account: string | undefined, options: ListOptions) => list(await openApi(), account, options))
  alarms
    .command('ack <account> <alarm-id...>')
    .description('acknowledge alarms; the next one of the kind opens anew')
    .action(async (account: string, ids: string[]) => {
      const api = await openApi()
      for (const id of ids) await api.call('POST', path('accounts', account, 'alarms', id, 'acknowledge'), z.null())
    })
}
