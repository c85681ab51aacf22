/** Makes a batch: from a plan that was checked to a folder with everything in it, going on where an earlier run was cut off. */

import { randomBytes } from 'node:crypto'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { base32 } from '../../../agent/contract/base32.ts'
import { replaceFile } from '../../../config/replace-file.ts'
import type { DeviceProfile } from '../ca-config.ts'
import { lockFile } from '../lock.ts'
import { InterruptedError, StoppedError } from '../outcome.ts'
import type { Progress } from '../progress.ts'
import { BatchFolder, type Group, RUN_LOG } from './batch-folder.ts'
import { writeChecksums } from './checksums.ts'
import { type ConfigForm, type CredentialMaker, type CredentialPlan, credentialMaker } from './credential-maker.ts'
import type { DeviceEntry, DeviceIds } from './device-ids.ts'
import { checkIndex, claimIds } from './id-index.ts'
import { REGISTRATION_FILES, type RegistrationKeys, sealPart } from './registration-manifest.ts'
import { readRunLog } from './run-log.ts'

/** Everything that a batch is made from. `inputs` are digests of it. */
export type BatchPlan = {
  readonly folder: string
  readonly indexFile: string
  /** Null where the run draws one. */
  readonly batch: string | null
  readonly ids: DeviceIds
  readonly profile: DeviceProfile
  readonly form: ConfigForm
  readonly kind: CredentialPlan['kind']
  readonly credential: (startedAtMs: number) => CredentialPlan
  readonly registration: RegistrationKeys | null
  readonly inputs: Readonly<Record<string, string>>
}

/** What a run did. */
export type BatchResult = { readonly batch: string; readonly devices: number; readonly before: number }

/** Who watches: a bar, and whoever may press Ctrl-C. */
export type Watch = { readonly startProgress: (total: number, from: number) => Progress; readonly signal: AbortSignal }

const DEVICES_IN_GROUP = 500
const BATCH_ID_BYTES = 16
const CERTIFICATES_FILE = 'certificates.ndjson'
const GOLDEN_FILE = 'golden.json'

/** Refuses ids that were given out before, without writing anything; gives the id of the batch that the folder holds, if any. */
export async function checkAgainstEarlierRuns(plan: BatchPlan): Promise<string | null> {
  const known = (await readRunLog(join(plan.folder, RUN_LOG)))?.started.batch ?? null
  await checkIndex(plan.indexFile, { account: plan.profile.account, batch: known ?? '', ids: plan.ids })
  return known
}

/** Makes the batch, or the rest of it. */
export async function createBatch(plan: BatchPlan, watch: Watch): Promise<BatchResult> {
  const known = await checkAgainstEarlierRuns(plan)
  mkdirSync(plan.folder, { recursive: true, mode: 0o700 })
  const lock = openSync(plan.folder, 'r')
  try {
    await lockFile(lock, plan.folder, 'refuse')
    return await createInFolder(plan, watch, known ?? plan.batch ?? base32(randomBytes(BATCH_ID_BYTES)))
  } finally {
    closeSync(lock)
  }
}

async function createInFolder(plan: BatchPlan, watch: Watch, batch: string): Promise<BatchResult> {
  const started = { event: 'started', at: new Date().toISOString(), batch, devices: plan.ids.total, inputs: plan.inputs } as const
  const folder = await BatchFolder.open(plan.folder, fileNames(plan), growingFiles(plan), started)
  const before = folder.done
  try {
    await claimIds(plan.indexFile, { account: plan.profile.account, batch, ids: plan.ids })
    const maker = credentialMaker(plan.profile, plan.form, plan.credential(Date.parse(folder.started.at)))
    if (maker.golden !== null) await replaceFile(join(plan.folder, GOLDEN_FILE), { text: maker.golden, mode: 0o600, owner: null })
    await writeAll(plan, watch, folder, maker)
    if (!folder.isFinished) await writeChecksums(plan.folder, [...growingFiles(plan), ...(maker.golden === null ? [] : [GOLDEN_FILE])])
    folder.finish()
    return { batch, devices: plan.ids.total, before }
  } catch (error) {
    const standing = `${plan.folder}: ${folder.done} of ${plan.ids.total} devices are done, listed in ${RUN_LOG}; the same command goes on`
    throw new StoppedError(standing, error)
  } finally {
    folder.close()
  }
}

async function writeAll(plan: BatchPlan, { startProgress, signal }: Watch, folder: BatchFolder, maker: CredentialMaker): Promise<void> {
  const progress = startProgress(plan.ids.total, folder.done)
  const groups = groupsOf(plan.ids, folder.done)
  const prepareNext = async (from: number): Promise<Group | null> => {
    const next = await groups.next()
    return next.done === true ? null : prepare(plan, folder.started.batch, maker, from, next.value)
  }
  try {
    let group = await prepareNext(folder.done)
    while (group !== null) {
      if (signal.aborted) throw new InterruptedError()
      // While the disk takes a group, the next is computed.
      const [written, prepared] = await Promise.allSettled([folder.write(group), prepareNext(folder.done + group.files.length)])
      if (written.status === 'rejected') throw written.reason
      if (prepared.status === 'rejected') throw prepared.reason
      group = prepared.value
      progress.at(folder.done)
    }
  } finally {
    progress.end()
  }
}

async function* groupsOf(ids: DeviceIds, from: number): AsyncGenerator<readonly DeviceEntry[]> {
  let group: DeviceEntry[] = []
  for await (const entry of ids.entries(from)) {
    group.push(entry)
    if (group.length < DEVICES_IN_GROUP) continue
    yield group
    group = []
  }
  if (group.length > 0) yield group
}

async function prepare(
  { profile: { account }, registration, ids }: BatchPlan,
  batch: string,
  maker: CredentialMaker,
  from: number,
  entries: readonly DeviceEntry[],
): Promise<Group> {
  const made = entries.map(({ id, values }) => ({ id, ...maker.make({ ...values, id, account, batch }) }))
  const certificates = made.flatMap(({ id, certificatePem }) => (certificatePem === null ? [] : [productCloudRow(id, certificatePem)]))
  const part = { account, batch, part: Math.floor(from / DEVICES_IN_GROUP), from, rows: made.length, of: ids.total }
  const sealed =
    registration === null
      ? {}
      : await sealPart(
          registration,
          part,
          made.map(({ row }) => row),
        )
  return { files: made, appended: certificates.length === 0 ? sealed : { ...sealed, [CERTIFICATES_FILE]: certificates.join('') } }
}

/** An item of `certs` in what a Product Cloud is sent (contract §8). */
const productCloudRow = (ref: string, certificatePem: string): string =>
  `${JSON.stringify({ ref, cert: Buffer.from(certificatePem, 'ascii').toString('base64') })}\n`

function fileNames({ form, kind }: BatchPlan) {
  if (form.kind === 'each') return { subfolder: 'configs', suffix: '.json' }
  return { subfolder: 'credentials', suffix: kind === 'certificate' ? '.pem' : '.secret' }
}

const growingFiles = ({ registration, kind }: BatchPlan): readonly string[] => [
  ...(registration === null ? [] : Object.values(REGISTRATION_FILES)),
  ...(kind === 'certificate' ? [CERTIFICATES_FILE] : []),
]
