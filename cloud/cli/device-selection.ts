/** Which devices an order is for: named one by one, by a file, by a pattern, or all. */
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { type ApiClient, CommandError } from './api-client.ts'
import { path } from './arguments.ts'

/** The options that select. */
export type Selection = { readonly file?: string; readonly pattern?: string; readonly all?: boolean }

const PAGE = 1000

const page = z.object({ devices: z.array(z.object({ id: z.string() })), next: z.string().nullable() })

/** What to ask the list for, besides its page. */
export type ListQuery = { readonly state?: string; readonly pattern?: string }

/** Reads the list of devices page by page; `device` is the form of what the caller wants to know of each. */
export async function* listedDevices<T extends z.ZodType>(
  api: ApiClient,
  account: string,
  query: ListQuery,
  device: T,
): AsyncGenerator<readonly z.infer<T>[]> {
  const answer = page.extend({ devices: z.array(device) })
  for (let after: string | null = ''; after !== null; ) {
    const parameters = new URLSearchParams({ ...query, after, limit: String(PAGE) })
    const { devices, next }: z.infer<typeof answer> = await api.call('GET', `${path('accounts', account, 'devices')}?${parameters}`, answer)
    yield devices
    after = next
  }
}

/** The ids that are meant, in lists of at most `atOnce`. Exactly one way of selecting must be used. */
export async function* selectDevices(
  api: ApiClient,
  account: string,
  ids: readonly string[],
  selection: Selection,
  atOnce: number,
): AsyncGenerator<readonly string[]> {
  const { file, pattern, all } = selection
  const ways = [ids.length > 0, file !== undefined, pattern !== undefined, all === true].filter((used) => used).length
  if (ways !== 1) throw new CommandError('name devices, or a --file of them, or a --pattern, or --all')
  if (ids.length > 0) return yield* chunks(ids, atOnce)
  if (file !== undefined) return yield* chunks(parseIds(await readFile(file, 'utf8')), atOnce)
  // Of many, those that have something to rotate.
  const query = { state: 'permanent', pattern: pattern ?? '*' }
  for await (const devices of listedDevices(api, account, query, z.object({ id: z.string() }))) {
    yield* chunks(
      devices.map(({ id }) => id),
      atOnce,
    )
  }
}

const parseIds = (text: string): readonly string[] =>
  text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '')

function* chunks(ids: readonly string[], atOnce: number): Generator<readonly string[]> {
  for (let start = 0; start < ids.length; start += atOnce) yield ids.slice(start, start + atOnce)
}
