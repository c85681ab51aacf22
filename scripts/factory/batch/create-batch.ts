/** Makes a batch: from a plan that was checked to a folder with everything in it, going on where an earlier run was cut off. */

import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { base32 } from '../../../agent/contract/base32.ts'
import { REGISTRATION_LIMITS } from '../../../agent/contract/registration.ts'
import type { DeviceProfile } from '../ca-config.ts'
import type { DeviceValues } from '../certificate/variable-text.ts'
import { writeDurably } from '../durable.ts'
import type { LabelTemplate } from '../labels/label-template.ts'
import { lockFile } from '../lock.ts'
import { provideNativeBase64 } from '../native-base64.ts'
import { InterruptedError, StoppedError } from '../outcome.ts'
import type { Watch } from '../progress.ts'
import { BatchFolder, type FileNames, GOLDEN_CONFIG, RUN_LOG } from './batch-folder.ts'
import { CHECKSUMS, checksumLine, checksumLinesOf } from './checksums.ts'
import { type ConfigForm, type CredentialMaker, type CredentialPlan, credentialMaker } from './credential-maker.ts'
import type { DeviceEntry, DeviceIds } from './device-ids.ts'
import { GatheredText } from './gathered-text.ts'
import { checkIndex, claimIds } from './id-index.ts'
import { REGISTRATION_FILES, type RegistrationKeys, RegistrationRows } from './registration-manifest.ts'
import { formatDeviceLine, readRunLog, type Started } from './run-log.ts'
import { LABELS_IN_FILE, labelFiles, writeLabels } from './write-labels.ts'

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
  /** Whether each device has a file of its own: all but those that one config with the provisioning key serves. */
  readonly hasFiles: boolean
  readonly credential: (startedAtMs: number) => CredentialPlan
  readonly registration: RegistrationKeys | null
  /** Null where no labels are wanted. */
  readonly labels: LabelTemplate | null
  readonly inputs: Readonly<Record<string, string>>
}

/** What a run did. */
export type BatchResult = { readonly batch: string; readonly devices: number; readonly before: number }

/** A group is a part of the registration manifest. */
const DEVICES_IN_GROUP = REGISTRATION_LIMITS.rows
const DEVICES_BETWEEN_TURNS = 25
const BATCH_ID_BYTES = 16
const CERTIFICATES_FILE = 'certificates.ndjson'

/** Refuses ids that were given out before, without writing anything; gives the id of the batch that the folder holds, if any. */
export async function checkAgainstEarlierRuns(plan: BatchPlan): Promise<string | null> {
  const known = (await readRunLog(join(plan.folder, RUN_LOG)))?.started.batch ?? null
  await checkIndex(plan.indexFile, { account: plan.profile.account, batch: known ?? '', ids: plan.ids })
  return known
}

/** Makes the batch, or the rest of it. */
export async function createBatch(plan: BatchPlan, watch: Watch): Promise<BatchResult> {
  provideNativeBase64()
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
  const folder = await BatchFolder.open(plan.folder, fileNames(plan), [...growingFiles(plan), CHECKSUMS], startOf(plan, batch))
  const before = folder.done
  try {
    await claimIds(plan.indexFile, { account: plan.profile.account, batch, ids: plan.ids })
    const maker = credentialMaker(plan.profile, plan.form, plan.credential(Date.parse(folder.started.at)))
    if (maker.golden !== null && !existsSync(join(plan.folder, GOLDEN_CONFIG))) writeDurably(join(plan.folder, GOLDEN_CONFIG), maker.golden)
    await writeAll(plan, watch, folder, maker)
    if (plan.labels !== null) await writeLabels(plan.folder, plan.labels, plan.ids.total, valuesOf(plan, batch), watch)
    if (!folder.isFinished) folder.finish(await checksumLinesOf(plan.folder, sharedFiles(plan)))
    return { batch, devices: plan.ids.total, before }
  } catch (error) {
    const standing = `${plan.folder}: ${folder.done} of ${plan.ids.total} devices are done, listed in ${RUN_LOG}; the same command goes on`
    throw new StoppedError(standing, error)
  } finally {
    folder.close()
  }
}

const startOf = ({ ids, profile: { account }, form, kind, labels, inputs }: BatchPlan, batch: string): Started => ({
  event: 'started',
  at: new Date().toISOString(),
  account,
  batch,
  devices: ids.total,
  credential: kind,
  form: form.kind,
  labels: labels === null ? null : { qr: labels.qr, page: labels.page, widthMm: labels.widthMm, heightMm: labels.heightMm },
  inputs,
})

/** While a group is sealed and the disk takes it, the next is made. */
async function writeAll(plan: BatchPlan, { startProgress, signal }: Watch, folder: BatchFolder, maker: CredentialMaker): Promise<void> {
  const progress = startProgress('devices', plan.ids.total, folder.done)
  let from = folder.done
  let committing: Promise<void> = Promise.resolve()
  try {
    for await (const entries of plan.ids.entries(from, DEVICES_IN_GROUP)) {
      if (signal.aborted) throw new InterruptedError()
      const staged = await stage(plan, folder, maker, entries, { before: committing, signal })
      committing = commit(plan, folder, from, staged)
      // It is awaited with the next group; without this, its failure meanwhile would end the process.
      committing.catch(() => {})
      from += entries.length
      progress.at(folder.done)
    }
  } finally {
    progress.end()
    await committing
  }
}

/** A group whose files are written, and what is to be told about it. */
type Staged = {
  readonly ids: readonly string[]
  readonly log: GatheredText
  readonly sums: GatheredText
  readonly certificates: GatheredText
  readonly registration: RegistrationRows
}

/** Makes a group and writes its files, and waits for the group before. When it rejects, no file of it is left. */
async function stage(
  { profile: { account } }: BatchPlan,
  folder: BatchFolder,
  maker: CredentialMaker,
  entries: readonly DeviceEntry[],
  { before, signal }: { readonly before: Promise<void>; readonly signal: AbortSignal },
): Promise<Staged> {
  const { batch } = folder.started
  const ids = entries.map(({ id }) => id)
  const [log, sums, certificates, registration] = [new GatheredText(), new GatheredText(), new GatheredText(), new RegistrationRows()]
  try {
    for (const [index, { id, values, publicKey }] of entries.entries()) {
      const made = maker.make({ ...values, id, account, batch }, publicKey)
      const line = folder.stage({ id, file: made.file, credential: made.credential })
      log.add(formatDeviceLine(line))
      sums.add(checksumLine(line))
      registration.add(made.row)
      if (made.certificatePem !== null) certificates.add(productCloudRow(id, made.certificatePem))
      // So that the group before comes on meanwhile, and Ctrl-C is heard: a token may take minutes for a group.
      if (index % DEVICES_BETWEEN_TURNS === 0) await setImmediate()
      if (signal.aborted) throw new InterruptedError()
    }
    await before
    return { ids, log, sums, certificates, registration }
  } catch (error) {
    folder.discard(ids)
    throw error
  }
}

/** Makes a group part of the batch. When it rejects, no file of it is left. */
async function commit(
  plan: BatchPlan,
  folder: BatchFolder,
  from: number,
  { ids, log, sums, certificates, registration }: Staged,
): Promise<void> {
  const sealed = await sealGroup(plan, folder, from, ids, registration)
  await folder.commit({ ids, log: log.bytes, appended: { ...sealed, [CERTIFICATES_FILE]: certificates.bytes, [CHECKSUMS]: sums.bytes } })
}

/** The registration of a group, where the batch has one. */
async function sealGroup(
  { profile: { account }, registration, ids: { total } }: BatchPlan,
  folder: BatchFolder,
  from: number,
  ids: readonly string[],
  rows: RegistrationRows,
): Promise<Readonly<Record<string, Uint8Array>>> {
  if (registration === null) return {}
  const part = { account, batch: folder.started.batch, part: Math.floor(from / DEVICES_IN_GROUP), from, rows: ids.length, of: total }
  try {
    return await rows.seal(registration, part)
  } catch (error) {
    folder.discard(ids)
    throw error
  }
}

async function* valuesOf({ ids, profile: { account } }: BatchPlan, batch: string): AsyncIterable<readonly DeviceValues[]> {
  for await (const entries of ids.entries(0, LABELS_IN_FILE)) yield entries.map(({ id, values }) => ({ ...values, id, account, batch }))
}

/** An item of `certs` in what a Product Cloud is sent (contract §8). */
const productCloudRow = (ref: string, certificatePem: string): string =>
  `{"ref":"${ref}","cert":"${Buffer.from(certificatePem, 'ascii').toString('base64')}"}\n`

function fileNames({ form, kind, hasFiles }: BatchPlan): FileNames {
  if (form.kind === 'each') return { subfolder: 'configs', suffix: '.json', hasFiles }
  return { subfolder: 'credentials', suffix: kind === 'certificate' ? '.pem' : '.secret', hasFiles }
}

const growingFiles = ({ registration, kind }: BatchPlan): readonly string[] => [
  ...(registration === null ? [] : Object.values(REGISTRATION_FILES)),
  ...(kind === 'certificate' ? [CERTIFICATES_FILE] : []),
]

/** All files but those of single devices. */
const sharedFiles = (plan: BatchPlan): readonly string[] => [
  ...growingFiles(plan),
  ...(plan.form.kind === 'golden' ? [GOLDEN_CONFIG] : []),
  ...(plan.labels === null ? [] : labelFiles(plan.ids.total)),
]
