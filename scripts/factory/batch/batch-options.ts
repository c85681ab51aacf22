/** The options of `batch create`, read and checked into a plan. */
import { createHash } from 'node:crypto'
import { dirname, join, resolve } from 'node:path'
import { parseAccountId, parseKeyId } from '../../../agent/contract/names.ts'
import { deviceIdSourceReader } from '../../../config/device-id.ts'
import { parseJson } from '../../../config/json.ts'
import { derivedCredential, type JsonObject } from '../ca-config.ts'
import { CertificateIssuer, validityOf } from '../certificate/device-certificate.ts'
import { DeviceKeyMaker, privateKeyInfo, subjectPublicKeyInfo } from '../certificate/device-key.ts'
import { readIssuingCa } from '../certificate/issuing-ca.ts'
import { base64, pem } from '../certificate/pem.ts'
import { faultOfValues } from '../certificate/template.ts'
import { readTemplate } from '../certificate/template-file.ts'
import type { DeviceValues } from '../certificate/variable-text.ts'
import { InputError, readProvisioningKey, readText } from '../inputs.ts'
import { readFactoryKey, readRegistrationKey, requirePrivate } from '../keys.ts'
import { faultOfLabel, readLabelTemplate } from '../labels/label-template.ts'
import { type ProfileOptions, readProfile } from '../profile-options.ts'
import { checkSampleConfig, nobodysSecret } from '../sample-config.ts'
import type { BatchPlan } from './create-batch.ts'
import type { ConfigForm, CredentialPlan } from './credential-maker.ts'
import type { DeviceIds } from './device-ids.ts'
import { readIdList } from './id-list.ts'
import { idsFromPattern } from './id-pattern.ts'
import type { RegistrationKeys } from './registration-manifest.ts'
import { readRequests } from './request-list.ts'

/** The options as given. */
export type BatchOptions = ProfileOptions & {
  readonly out: string
  readonly index?: string
  readonly batch?: string
  readonly count?: number
  readonly pattern?: string
  readonly ids?: string
  readonly requests?: string
  readonly deviceKey?: string
  readonly credential: CredentialPlan['kind']
  readonly caFile?: string
  readonly caKeyFile?: string
  readonly caPinFile?: string
  readonly template?: string
  readonly keyId?: string
  readonly provisioningKeyFile?: string
  readonly withProvisioningKey: boolean
  readonly idFrom?: string
  readonly registrationKey?: string
  readonly factoryKey?: string
  readonly registration: boolean
  readonly labelTemplate?: string
  readonly labels: boolean
}

/** A credential plan, not yet dated, and digests of what it is made from. */
type Planned = {
  readonly credential: BatchPlan['credential']
  readonly inputs: Readonly<Record<string, string>>
  /** A credential as a device with these values would get it, and as none will. */
  readonly sample: (values: DeviceValues) => JsonObject
  /** What is wrong with a device's values, or null. */
  readonly faultOf: (values: DeviceValues) => string | null
}

const ROWS_AT_ONCE = 1000
const INDEX_NAME = 'issued-ids.csv'
const sha256 = (bytes: string | Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** Reads everything that the options name and checks it; an InputError holds every problem of what is wrong first. */
export async function planBatch(options: BatchOptions, nowMs: number): Promise<BatchPlan> {
  const account = parseAccountId(options.account)
  if (!account.ok) throw new InputError(`--account: ${account.problem}`)
  const profile = readProfile(options)
  const ids = await readIds(options)
  const form = readForm(options)
  const { credential, sample, inputs, faultOf } = await planCredential(options, ids, nowMs)
  const registration = await readRegistrationKeys(options)
  const labels = options.labels ? readLabelTemplate(options.labelTemplate ?? null, namesOf(ids)) : null
  const faultOfBoth = (values: DeviceValues): string | null => faultOf(values) ?? (labels === null ? null : faultOfLabel(labels, values))
  await checkValues(options, ids, faultOfBoth)
  for await (const [first] of ids.entries(0, 1)) {
    if (first !== undefined)
      checkSampleConfig(profile, first.id, sample({ ...first.values, id: first.id, account: account.value, batch: 'batch' }))
    break
  }
  return {
    folder: resolve(options.out),
    indexFile: resolve(options.index ?? join(dirname(resolve(options.out)), INDEX_NAME)),
    batch: options.batch ?? null,
    ids,
    profile,
    form,
    kind: options.credential,
    hasFiles: form.kind === 'each' || options.credential !== 'provisioning-key' || !options.withProvisioningKey,
    credential,
    registration,
    labels,
    inputs: {
      ids: ids.fingerprint,
      profile: sha256(JSON.stringify([profile, form])),
      credential: options.credential,
      ...inputs,
      ...(labels === null ? {} : { labels: sha256(JSON.stringify(labels)) }),
      ...(registration === null ? {} : { registrationKey: registration.cloud.kid, factoryKey: registration.factory.kid }),
      ...(options.batch === undefined ? {} : { batch: options.batch }),
    },
  }
}

/** The variables that texts of certificates and labels may have. */
const namesOf = ({ columns }: DeviceIds): readonly string[] => ['id', 'account', 'batch', ...columns]

async function readIds({ ids, requests, count, pattern, credential }: BatchOptions): Promise<DeviceIds> {
  const sources = [ids, requests, count ?? pattern].filter((each) => each !== undefined)
  if (sources.length !== 1) throw new InputError('give --count and --pattern, or --ids, or --requests')
  if (ids !== undefined) return readIdList(ids)
  if (requests !== undefined && credential !== 'certificate') throw new InputError('--requests are for --credential certificate')
  if (requests !== undefined) return readRequests(requests)
  if (count === undefined || pattern === undefined) throw new InputError('give --count and --pattern, or --ids, or --requests')
  const made = idsFromPattern(pattern, count)
  if (!made.ok) throw new InputError(`--pattern: ${made.problem}`)
  return made.value
}

function readForm({ idFrom }: BatchOptions): ConfigForm {
  if (idFrom === undefined) return { kind: 'each' }
  const json = parseJson(idFrom)
  const problems: string[] = []
  const source = deviceIdSourceReader.read(json.ok ? json.value : idFrom, '--id-from', {
    problem: (path, message) => problems.push(`${path}: ${message}`),
    warning() {},
    holdsSecret() {},
    directoryOf: () => '',
    credentialsDirectory: null,
  })
  if (source === undefined) throw new InputError(...problems)
  return { kind: 'golden', idFrom: source }
}

function required(value: string | undefined, option: string, credential: string): string {
  if (value === undefined) throw new InputError(`--credential ${credential} needs ${option}`)
  return value
}

function planCredential(options: BatchOptions, ids: DeviceIds, nowMs: number): Promise<Planned> | Planned {
  switch (options.credential) {
    case 'certificate':
      return planCertificates(options, ids, nowMs)
    case 'shared-secret':
      return { credential: () => ({ kind: 'shared-secret' }), sample: nobodysSecret, inputs: {}, faultOf: () => null }
    case 'provisioning-key':
      return planProvisioningKey(options)
  }
}

async function planCertificates(options: BatchOptions, ids: DeviceIds, nowMs: number): Promise<Planned> {
  const caFile = required(options.caFile, '--ca-file', 'certificate')
  const key = required(options.caKeyFile, '--ca-key-file', 'certificate')
  const ca = await readIssuingCa({ certificateFile: caFile, key, pinFile: options.caPinFile ?? null }, nowMs)
  const template = readTemplate(options.template ?? null, namesOf(ids))
  const { notBefore, notAfter } = validityOf(template, nowMs)
  if (notAfter.getTime() <= Math.max(nowMs, notBefore.getTime()))
    throw new InputError(
      `${options.template ?? 'template'}: validity: would end on ${notAfter.toISOString()}, before it begins or before now`,
    )
  const deviceKey = deviceKeyOf(options)
  return {
    credential: (startedAtMs) => ({ kind: 'certificate', ca, template, validity: validityOf(template, startedAtMs), deviceKey }),
    sample: (values) => sampleCertificate(new CertificateIssuer(ca, template, { notBefore, notAfter }), values, deviceKey),
    inputs: {
      ca: sha256(ca.certificate.raw),
      ...(deviceKey === null ? {} : { deviceKey: sha256(JSON.stringify(deviceKey)) }),
      ...(options.template === undefined ? {} : { template: sha256(readText(options.template)) }),
    },
    faultOf: (values) => faultOfValues(template, values),
  }
}

/** A certificate for a key that is forgotten. Where the device has its key in a file, nothing here can say more about it. */
function sampleCertificate(issuer: CertificateIssuer, values: DeviceValues, deviceKey: unknown): JsonObject {
  const { point, scalar } = new DeviceKeyMaker().make()
  const certificate = pem('CERTIFICATE', base64(issuer.issue(values, subjectPublicKeyInfo(point), point)))
  const privateKey = typeof deviceKey === 'string' ? deviceKey : pem('PRIVATE KEY', base64(privateKeyInfo(scalar, point)))
  return { kind: 'certificate', certificate, privateKey }
}

/** Where a device has its own key: in a chip, or in a file beside its config. */
function deviceKeyOf({ requests, deviceKey }: BatchOptions): unknown {
  if (requests === undefined) return null
  if (deviceKey === undefined)
    throw new InputError('--requests needs --device-key: a pkcs11: URI, or the file on the device that holds its key')
  return deviceKey.startsWith('pkcs11:') ? deviceKey : { file: deviceKey }
}

function planProvisioningKey(options: BatchOptions): Planned {
  const keyId = parseKeyId(required(options.keyId, '--key-id', 'provisioning-key'))
  if (!keyId.ok) throw new InputError(`--key-id: ${keyId.problem}`)
  const file = required(options.provisioningKeyFile, '--provisioning-key-file', 'provisioning-key')
  const bytes = readProvisioningKey(file)
  requirePrivate(file)
  const give = options.withProvisioningKey ? 'provisioning-key' : 'derived-secret'
  const plan: CredentialPlan = { kind: 'provisioning-key', key: { keyId: keyId.value, bytes }, give }
  const sample = (): JsonObject =>
    derivedCredential({ keyId: keyId.value, bytes: new Uint8Array(bytes.length) }, { account: options.account, device: 'sample' })
  return { credential: () => plan, sample, inputs: { provisioningKey: `${keyId.value} ${sha256(bytes)}`, give }, faultOf: () => null }
}

async function readRegistrationKeys({ registrationKey, factoryKey, registration }: BatchOptions): Promise<RegistrationKeys | null> {
  if (!registration) return null
  if (registrationKey === undefined || factoryKey === undefined)
    throw new InputError('give --registration-key (of the cloud) and --factory-key for the registration manifest, or --no-registration')
  return { cloud: await readRegistrationKey(registrationKey), factory: await readFactoryKey(factoryKey) }
}

/** Ids of a pattern differ in digits only, so the first stands for all. */
async function checkValues({ account, batch = '', ids: list }: BatchOptions, ids: DeviceIds, faultOf: Planned['faultOf']): Promise<void> {
  for await (const entries of ids.entries(0, list === undefined ? 1 : ROWS_AT_ONCE)) {
    for (const { id, values, row } of entries) {
      const fault = faultOf({ ...values, id, account, batch: batch === '' ? 'batch' : batch })
      if (fault !== null && row !== null) throw new InputError({ file: list ?? '', row, column: 'id', problem: fault })
      if (fault !== null) throw new InputError(`${id}: ${fault}`)
    }
    if (list === undefined) return
  }
}
