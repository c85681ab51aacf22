/**
 * The index of ids that were ever given out here: a line `<account>,<id>,<batch>` for each. A run enters all its ids before it issues
 * the first, so that two runs cannot give out the same, and what a cut-off run entered is its own when it goes on.
 */
import { closeSync, constants, createReadStream, existsSync, openSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { GrowingFile, syncFolder } from '../durable.ts'
import { InputError } from '../inputs.ts'
import { lockFile } from '../lock.ts'
import type { DeviceIds } from './device-ids.ts'
import { GatheredText } from './gathered-text.ts'

const MAX_PROBLEMS = 20
const LINES_AT_ONCE = 10_000

/** Which ids of which account a run wants, and its own batch id. */
export type Claim = { readonly account: string; readonly batch: string; readonly ids: DeviceIds }

type Found = { readonly mine: number; readonly wholeBytes: number }

/** Refuses ids that an earlier batch has, by an InputError. */
export async function checkIndex(file: string, claim: Claim): Promise<Found> {
  const problems: string[] = []
  let mine = 0
  let wholeBytes = 0
  if (existsSync(file)) {
    const size = statSync(file).size
    for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
      const bytes = Buffer.byteLength(line) + 1
      // A last line without its newline was cut off.
      if (wholeBytes + bytes > size) break
      wholeBytes += bytes
      const [account, id = '', batch = ''] = line.split(',')
      if (account !== claim.account) continue
      if (batch === claim.batch) mine += 1
      else if (claim.ids.holds(id)) problems.push(`${file}: ${id} was given out before, by batch ${batch}`)
      if (problems.length > MAX_PROBLEMS) break
    }
  }
  if (problems.length > MAX_PROBLEMS)
    throw new InputError(...problems.slice(0, MAX_PROBLEMS), `${file}: there are more ids that were given out before`)
  if (problems.length > 0) throw new InputError(...problems)
  return { mine, wholeBytes }
}

/** Enters the ids of a run; those that it entered before it was cut off stay entered. Durable when it returns. */
export async function claimIds(file: string, claim: Claim): Promise<void> {
  const lock = openSync(file, constants.O_RDWR | constants.O_CREAT, 0o600)
  try {
    await lockFile(lock, file, 'wait')
    const { mine, wholeBytes } = await checkIndex(file, claim)
    if (mine === claim.ids.total) return
    const index = new GrowingFile(file, wholeBytes)
    try {
      await enter(index, claim, mine)
    } finally {
      index.close()
    }
    syncFolder(dirname(file))
  } finally {
    closeSync(lock)
  }
}

async function enter(index: GrowingFile, { account, batch, ids }: Claim, from: number): Promise<void> {
  const lines = new GatheredText()
  for await (const entries of ids.entries(from, LINES_AT_ONCE)) {
    for (const { id } of entries) lines.add(`${account},${id},${batch}\n`)
    index.append(lines.bytes)
    lines.clear()
  }
  index.sync()
}
