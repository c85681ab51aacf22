/** `zipkey-cloud device rotate` and `rotation-schedule`. */
import type { Command } from 'commander'
import { z } from 'zod'
import { CommandError } from './api-client.ts'
import { type Duration, duration, path, timeText } from './arguments.ts'
import { type Selection, selectDevices } from './device-selection.ts'
import { print } from './output.ts'
import type { OpenApi } from './registry-commands.ts'

/** The API takes as many at once. */
const CHUNK = 100

const result = z.object({ id: z.string(), status: z.enum(['done', 'error']), order: z.string().nullable(), message: z.string() })
const results = z.object({ results: z.array(result) })

type RotateOptions = Selection & { readonly takeBack?: boolean; readonly json?: boolean }

/** Adds `device rotate`. */
export function addRotate(devices: Command, openApi: OpenApi): void {
  devices
    .command('rotate <account> [device-id...]')
    .description('order devices to rotate their permanent credentials; prints the order of one, or a result for every device')
    .option('--file <file>', 'devices by their ids, one to a line')
    .option('--pattern <pattern>', 'every device with a permanent credential whose id matches; * and ? as wildcards')
    .option('--all', 'every device of the account with a permanent credential')
    .option('--take-back', 'take their open orders back instead')
    .option('--json', 'print the results as JSON lines')
    .action(async (account: string, ids: string[], options: RotateOptions) => {
      const api = await openApi()
      const route = path('accounts', account, 'rotation-orders', ...(options.takeBack === true ? ['take-back'] : []))
      const isOne = ids.length === 1 && options.takeBack !== true && options.json !== true
      let total = 0
      let failed = 0
      for await (const chunk of selectDevices(api, account, ids, options, CHUNK)) {
        const answer = await api.call('POST', route, results, { devices: chunk })
        for (const row of answer.results) {
          total += 1
          failed += row.status === 'error' ? 1 : 0
          if (isOne && row.status === 'done') print(row.order ?? '')
          else print(options.json === true ? JSON.stringify(row) : line(row, options.takeBack === true))
        }
      }
      if (failed > 0) throw new CommandError(`${failed} of ${total} devices were left as they were`)
    })
}

const line = ({ id, status, order, message }: z.infer<typeof result>, takenBack: boolean): string =>
  status === 'error' ? `${id} error: ${message}` : `${id} ${takenBack ? 'taken back' : 'ordered'} ${order}`

const schedules = z.object({
  rotation_schedules: z.array(
    z.looseObject({ id: z.string(), allow: z.array(z.string()), every_ms: z.number(), created_at_ms: z.number() }),
  ),
})

const DAY_MS = 86_400_000

/** Adds the schedule commands. */
export function addScheduleCommands(program: Command, openApi: OpenApi): void {
  const commands = program.command('rotation-schedule').description('devices that rotate by themselves, spread over time')
  commands
    .command('create <account>')
    .description('let matching devices rotate before their permanent credential is older than a period; prints the id of the schedule')
    .requiredOption('--every <duration>', 'the period, such as 90d, 4w or 12h', duration)
    .option('--allow <pattern...>', 'device ids; * and ? as wildcards (default: every id)')
    .option('--id <schedule-id>', 'how to call it (default: every-<duration>)')
    .action(async (account: string, { every, allow, id }: { every: Duration; allow?: string[]; id?: string }) => {
      const body = { id: id ?? `every-${every.text}`, allow: allow ?? ['*'], every_ms: every.ms }
      const created = await (await openApi()).call(
        'POST',
        path('accounts', account, 'rotation-schedules'),
        z.object({ id: z.string() }),
        body,
      )
      print(created.id)
    })
  commands
    .command('list <account>')
    .description('show the rotation schedules of an account')
    .option('--json', 'as JSON lines')
    .action(async (account: string, { json }: { json?: boolean }) => {
      const answer = await (await openApi()).call('GET', path('accounts', account, 'rotation-schedules'), schedules)
      for (const schedule of answer.rotation_schedules) {
        const { id, allow, every_ms: everyMs, created_at_ms: createdMs } = schedule
        print(
          json === true ? JSON.stringify(schedule) : `${id} every ${everyMs / DAY_MS} d, since ${timeText(createdMs)}: ${allow.join(' ')}`,
        )
      }
    })
  commands
    .command('delete <account> <schedule-id>')
    .description('delete a rotation schedule; orders that it opened stay open')
    .action(async (account: string, id: string) => {
      await (await openApi()).call('POST', path('accounts', account, 'rotation-schedules', id, 'delete'), z.null())
    })
}
