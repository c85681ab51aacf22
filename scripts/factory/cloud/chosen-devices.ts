/** Which devices of a batch a command is for: all, those named, or those of a list such as a pallet's. */
import { type BatchRecord, findDevices } from '../batch/batch-record.ts'
import { readIdList } from '../batch/id-list.ts'
import { InputError } from '../inputs.ts'

/** How they are chosen; exactly one way. */
export type Choice = { readonly ids: readonly string[]; readonly list: string | null; readonly all: boolean }

/** The ids, in the order of the batch; one that is not of it is an InputError. */
export async function chosenDevices(batch: BatchRecord, { ids, list, all }: Choice): Promise<readonly string[]> {
  if ([ids.length > 0, list !== null, all].filter((used) => used).length !== 1)
    throw new InputError('name devices, or a list of them by --ids, or say --all')
  const named = list === null ? ids : await idsIn(list)
  const wanted = new Set(named)
  const found = (await findDevices(batch, ({ id }) => all || wanted.has(id))).map(({ id }) => id)
  const known = new Set(found)
  const foreign = named.filter((id) => !known.has(id))
  if (foreign.length > 0) throw new InputError(...foreign.map((id) => `${batch.folder}: there is no device ${id} in this batch`))
  return found
}

async function idsIn(list: string): Promise<readonly string[]> {
  const { total, entries } = await readIdList(list)
  const ids: string[] = []
  for await (const some of entries(0, total)) ids.push(...some.map(({ id }) => id))
  return ids
}

/** The list in pieces of at most `atOnce`. */
export function* chunksOf<T>(list: readonly T[], atOnce: number): Generator<readonly T[]> {
  for (let start = 0; start < list.length; start += atOnce) yield list.slice(start, start + atOnce)
}
