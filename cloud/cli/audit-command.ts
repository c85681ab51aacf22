/** `zipkey-cloud audit`: what happened to which credential, by whom. */
import { setTimeout } from 'node:timers/promises'
import { type Command, InvalidArgumentError } from 'commander'
import { z } from 'zod'
import type { ApiClient } from './api-client.ts'
import { print } from './output.ts'
import type { OpenApi } from './registry-commands.ts'

const FOLLOW_EVERY_MS = 1000
const PAGE = 1000

const entry = z.looseObject({
  seq: z.number(),
  at: z.number(),
  account: z.string().nullable(),
  device: z.string().nullable(),
  credential: z.string().nullable(),
  event: z.string(),
  principal: z.string(),
  detail: z.string(),
})
const page = z.object({ entries: z.array(entry) })

type AuditOptions = { device?: string; json?: boolean; follow?: boolean; after: number }

/** An entry in one line. */
export function entryLine({ at, account, device, event, credential, principal, detail }: z.infer<typeof entry>): string {
  const who = [account, device].filter((part) => part !== null).join('/') || '-'
  return [new Date(at).toISOString(), who, event, credential ?? '-', principal, detail].join(' ').trimEnd()
}

/** Reads one page after `after`. */
function readPage(api: ApiClient, account: string | undefined, options: AuditOptions, after: number) {
  const query = new URLSearchParams({ after: String(after), limit: String(PAGE) })
  if (options.device !== undefined) query.set('device', options.device)
  const path = account === undefined ? '/v1/audit' : `/v1/accounts/${encodeURIComponent(account)}/audit`
  return api.call('GET', `${path}?${query}`, page)
}

function seq(text: string): number {
  if (!/^[0-9]{1,15}$/.test(text)) throw new InvalidArgumentError('it is the seq of an entry')
  return Number(text)
}

/** Adds the command. */
export function addAuditCommand(program: Command, openApi: OpenApi): void {
  program
    .command('audit [account]')
    .description('show the audit log of an account, or of all of them, oldest first')
    .option('--device <device-id>', 'of this device only')
    .option('--after <seq>', 'what came after this entry', seq, 0)
    .option('--json', 'as JSON lines')
    .option('--follow', 'go on as it grows')
    .action(async (account: string | undefined, options: AuditOptions) => {
      const api = await openApi()
      for (let after = options.after; ; ) {
        const { entries } = await readPage(api, account, options, after)
        for (const each of entries) print(options.json === true ? JSON.stringify(each) : entryLine(each))
        after = entries.at(-1)?.seq ?? after
        if (entries.length === PAGE) continue
        if (options.follow !== true) return
        await setTimeout(FOLLOW_EVERY_MS)
      }
    })
}
