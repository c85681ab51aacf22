/** Gives a batch's registration manifest to the cloud, part by part, going on after the last one that was answered. */
import { closeSync, createReadStream, existsSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { decodeProtectedHeader } from 'jose'
import { REGISTRATION_ROUTES } from '../../../agent/contract/registration.ts'
import type { BatchRecord } from '../batch/batch-record.ts'
import { REGISTRATION_FILES } from '../batch/registration-manifest.ts'
import { InputError } from '../inputs.ts'
import { lockFile } from '../lock.ts'
import { InterruptedError, StoppedError } from '../outcome.ts'
import type { Progress, Watch } from '../progress.ts'
import { registrationKeyId, rowResults } from './answers.ts'
import type { CloudConnection } from './cloud-connection.ts'
import { logPart, type PartLine, readRegistrationLog, registrationLogOf } from './registration-log.ts'

/** While the cloud works on one part, the next is on its way. */
const PARTS_AT_ONCE = 2

/** Where the parts go. */
export type Destination = { readonly cloud: CloudConnection; readonly url: string }

/** What is to be given. `again` gives what was given before as well, as to a cloud that was put back to a backup. */
export type RegistrationOrder = { readonly batch: BatchRecord; readonly again: boolean }

/** A line of the manifest. */
type Part = { readonly number: number; readonly jwe: string }

/** The manifest of a batch. */
export function manifestOf({ folder }: BatchRecord): string {
  const file = join(folder, REGISTRATION_FILES.ndjson)
  if (!existsSync(file)) throw new InputError(`${file}: is not there: the batch was made with --no-registration`)
  return file
}

async function* partsOf(file: string): AsyncGenerator<Part> {
  let number = 0
  for await (const jwe of createInterface({ input: createReadStream(file) })) {
    yield { number, jwe }
    number += 1
  }
}

/** How many parts there are, and what the key is called that they are encrypted to. */
export async function surveyManifest(file: string): Promise<{ readonly parts: number; readonly kid: string | null }> {
  let [parts, kid]: [number, string | null] = [0, null]
  for await (const { jwe } of partsOf(file)) {
    parts += 1
    kid ??= kidOf(file, jwe)
  }
  return { parts, kid }
}

function kidOf(file: string, jwe: string): string | null {
  try {
    return decodeProtectedHeader(jwe).kid ?? null
  } catch {
    throw new InputError(`${file}: is no registration manifest: something else changed it`)
  }
}

/** What the cloud's registration key is called now. */
export const currentKeyId = async (cloud: CloudConnection): Promise<string> =>
  registrationKeyId(await cloud.call('GET', REGISTRATION_ROUTES.registrationKey))

/** The answers to all parts, in their order, and to how many of them there was one before. */
export type Registration = { readonly lines: readonly PartLine[]; readonly before: number }

/** Gives all parts that were not answered yet. */
export async function registerBatch(order: RegistrationOrder, to: Destination, watch: Watch): Promise<Registration> {
  const { folder } = order.batch
  const lock = openSync(registrationLogOf(folder), 'a', 0o600)
  try {
    await lockFile(lock, registrationLogOf(folder), 'refuse')
    const { parts } = await surveyManifest(manifestOf(order.batch))
    const answered = new Map(order.again ? [] : readRegistrationLog(folder, to.url))
    const before = answered.size
    try {
      await registerRest(order.batch, to, answered, parts, watch)
    } catch (error) {
      throw new StoppedError(`${folder}: ${answered.size} of ${parts} parts are registered; the same command goes on`, error)
    }
    return { lines: [...answered.values()].sort((one, other) => one.part - other.part), before }
  } finally {
    closeSync(lock)
  }
}

async function registerRest(
  batch: BatchRecord,
  to: Destination,
  answered: Map<number, PartLine>,
  total: number,
  watch: Watch,
): Promise<void> {
  const progress = watch.startProgress('parts', total, answered.size)
  const parts = partsOf(manifestOf(batch))
  let isStopped = false
  const work = async (): Promise<void> => {
    for (let next = await parts.next(); next.done !== true && !isStopped; next = await parts.next()) {
      if (!answered.has(next.value.number)) await registerOne(batch, to, next.value, answered, progress, watch.signal)
    }
  }
  const stopping = (error: unknown): never => {
    isStopped = true
    throw error
  }
  try {
    const ended = await Promise.allSettled(Array.from({ length: PARTS_AT_ONCE }, () => work().catch(stopping)))
    for (const each of ended) if (each.status === 'rejected') throw each.reason
  } finally {
    progress.end()
    await parts.return(undefined)
  }
}

async function registerOne(
  { folder, started }: BatchRecord,
  { cloud, url }: Destination,
  { number, jwe }: Part,
  answered: Map<number, PartLine>,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted) throw new InterruptedError()
  const results = rowResults(await cloud.call('POST', REGISTRATION_ROUTES.registrations(started.account), { part: jwe }))
  const count = (status: string): number => results.filter((row) => row.status === status).length
  const problems = results.filter(({ status }) => status === 'conflict' || status === 'refused')
  const line = { at: new Date().toISOString(), url, part: number, registered: count('registered'), unchanged: count('unchanged'), problems }
  logPart(folder, line)
  answered.set(number, line)
  progress.at(answered.size)
}
