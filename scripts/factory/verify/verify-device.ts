/** The station's verdict about a device: one line for each thing that is checked. */
import type { X509Certificate } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { type BatchDevice, type BatchRecord, findDevices } from '../batch/batch-record.ts'
import { foldId } from '../batch/device-ids.ts'
import { idIn } from '../flash/flash-device.ts'
import { placesOf, readFlashLog } from '../flash/flash-log.ts'
import type { Target } from '../target/target.ts'
import { type CheckedCertificate, checkCertificate } from './certificate-check.ts'
import { configProblems, credentialIn, type FoundCredential, readDevice } from './found-device.ts'
import { isCodeOf, scanLabel, scanPicture } from './label-scan.ts'

/** One thing that was checked, and what was found. */
export type Check = {
  readonly name: 'config' | 'device' | 'credential' | 'chain' | 'unique' | 'label'
  readonly ok: boolean
  readonly reason: string
}

/** What to check a device against. */
export type Expectations = {
  readonly batch: BatchRecord
  /** Who it should be; null where its config says so, or its credential. */
  readonly id: string | null
  readonly folder: string
  readonly trust: readonly X509Certificate[]
  readonly indexFile: string
  /** A photo or the batch's PDF; null where the label is not looked at. */
  readonly labelFile: string | null
  readonly nowMs: number
}

/** A verdict. */
export type Verdict = { readonly id: string | null; readonly checks: readonly Check[] }

const pass = (name: Check['name'], reason: string): Check => ({ name, ok: true, reason })
const fail = (name: Check['name'], reason: string): Check => ({ name, ok: false, reason })

/** Checks everything; a TargetError says that there is no device to look at. */
export async function verifyDevice(target: Target, expected: Expectations): Promise<Verdict> {
  const found = await readDevice(target, expected.folder)
  const credential = credentialIn(found)
  const named = idIn(Buffer.from(JSON.stringify(found.config)))
  const certificate = credential.ok ? checkedCertificate(credential.value, expected) : null
  const knownBy = certificate?.knownBy ?? (credential.ok && credential.value.kind === 'secret' ? credential.value.knownBy : null)
  const wanted = named === null || named === '' ? expected.id : named
  const [device] = await findDevices(expected.batch, (each) => (wanted === null ? each.credential === knownBy : each.id === wanted))
  const id = device?.id ?? wanted
  const problems = configProblems(found, id ?? 'unknown')
  return {
    id,
    checks: [
      problems.length === 0 ? pass('config', 'valid for the agent') : fail('config', problems.join('; ')),
      deviceCheck(expected, id, device),
      credential.ok ? credentialCheck(credential.value, knownBy, device) : fail('credential', credential.problem),
      ...(certificate === null ? [] : [chainCheck(certificate)]),
      await uniqueCheck(expected, id),
      ...(expected.labelFile === null ? [] : [await labelCheck(expected, expected.labelFile, device)]),
    ],
  }
}

function deviceCheck({ batch, id: wanted }: Expectations, id: string | null, device: BatchDevice | undefined): Check {
  if (id === null) return fail('device', 'it does not say who it is: name it by --id')
  if (wanted !== null && wanted !== id) return fail('device', `it is ${id}, not ${wanted}`)
  return device === undefined
    ? fail('device', `${id} is not of batch ${batch.started.batch}`)
    : pass('device', `${id} of batch ${batch.started.batch}`)
}

function checkedCertificate(credential: FoundCredential, { trust, nowMs }: Expectations): CheckedCertificate | null {
  return credential.kind === 'certificate' ? checkCertificate(credential.chainPem, credential.keyPem, trust, nowMs) : null
}

const chainCheck = ({ fault }: CheckedCertificate): Check =>
  fault === null ? pass('chain', 'leads to the CA, for its own key') : fail('chain', fault)

function credentialCheck(credential: FoundCredential, knownBy: string | null, device: BatchDevice | undefined): Check {
  if (device === undefined) return fail('credential', 'there is none in the batch to compare it with')
  if (credential.kind === 'provisioning-key') return pass('credential', 'the provisioning key, which all have')
  return knownBy === device.credential
    ? pass('credential', 'as in the run log')
    : fail('credential', 'is not the one that was made for this device')
}

/** Neither another batch nor a second medium has this id. */
async function uniqueCheck({ batch, indexFile }: Expectations, id: string | null): Promise<Check> {
  if (id === null) return fail('unique', 'nobody knows without an id')
  const other = await otherBatchOf(indexFile, batch, id)
  if (other !== null) return fail('unique', `batch ${other} has this id too`)
  const places = placesOf(readFlashLog(batch.folder), id)
  return places.length < 2 ? pass('unique', 'nothing else has this id') : fail('unique', `was flashed onto ${places.join(' and ')}`)
}

async function otherBatchOf(indexFile: string, { started }: BatchRecord, id: string): Promise<string | null> {
  if (!existsSync(indexFile)) return null
  for await (const line of createInterface({ input: createReadStream(indexFile) })) {
    const [account, known = '', batch = ''] = line.split(',')
    if (account === started.account && batch !== started.batch && foldId(known) === foldId(id)) return batch
  }
  return null
}

async function labelCheck({ batch: { started } }: Expectations, file: string, device: BatchDevice | undefined): Promise<Check> {
  const { labels, account, batch } = started
  if (labels === null || device === undefined) return fail('label', 'this batch has no label for it')
  const texts = file.toLowerCase().endsWith('.pdf') ? await scanLabel(file, labels, device.number) : await scanPicture(file)
  if (texts === null) return fail('label', `${file} cannot be read: a photo (PNG, JPEG) or the PDF is expected`)
  if (texts.length === 0) return fail('label', 'no QR code is found: take a sharper picture')
  const wrong = texts.find((text) => !isCodeOf(text, labels, { id: device.id, account, batch }))
  return wrong === undefined ? pass('label', `scans to ${texts[0]}`) : fail('label', `scans to ${wrong}`)
}
