/** Registering devices with what was flashed at manufacture. */
import { setImmediate } from 'node:timers/promises'
import { stretchOpaqueSecretAside } from '../../agent/contract/derivation.ts'
import { type CredentialId, type DeviceName, parseDeviceId } from '../../agent/contract/names.ts'
import { type Parsed, parsed, unparsed } from '../../agent/contract/parsed.ts'
import { looksLikeSecretText, parseSecretText } from '../../agent/contract/secret-text.ts'
import { ApiProblem } from '../api-problem.ts'
import { isLost, seal } from '../crypto/sealed.ts'
import { auditEntries } from '../onboarding/audit-entries.ts'
import type { CloudParts } from '../parts.ts'
import { type CredentialEvent, type DeviceCredentials, NO_CREDENTIALS } from '../rules/device-credentials.ts'
import { everyCredential } from '../rules/revocation.ts'
import { appendAudit } from '../store/audit-log.ts'
import { findHolder } from '../store/certificates.ts'
import { findDevice, insertDevice } from '../store/devices.ts'
import { accountExists, type StoredOperatorKey } from '../store/principals.ts'
import { replaceSealed } from '../store/sealed-rows.ts'
import type { Database } from '../store/tables.ts'
import { operatorPrincipal } from './operator-entry.ts'
import { parseRegisteredCertificate, type RegisteredCertificate, registeredRecord } from './registered-certificate.ts'

/**
 * One row of a registration: a secret, a certificate, or both; what is empty is none. `format` is `zks`, or `opaque` for a secret
 * that the company already had.
 */
export type DeviceRow = { readonly id: string; readonly secret: string; readonly format: string; readonly certificate: string }

/** What became of it. */
export type RowResult = { id: string; status: 'registered' | 'error'; message: string }

/** Registers devices one by one; a row that fails does not keep the others out. */
export async function registerDevices(
  parts: CloudParts,
  by: StoredOperatorKey,
  account: string,
  rows: readonly DeviceRow[],
): Promise<RowResult[]> {
  if (!(await accountExists(parts.db, account))) throw new ApiProblem('not-found', `there is no account ${account}`)
  const results: RowResult[] = []
  for (const row of rows) {
    // SQLite makes nobody wait, and so lets nobody else have a turn.
    await setImmediate()
    const registered = await registerDevice(parts, by, account, row)
    const outcome = registered.ok
      ? ({ status: 'registered', message: '' } as const)
      : ({ status: 'error', message: registered.problem } as const)
    results.push({ id: row.id, ...outcome })
  }
  return results
}

async function registerDevice(parts: CloudParts, by: StoredOperatorKey, account: string, row: DeviceRow): Promise<Parsed<DeviceName>> {
  const id = parseDeviceId(row.id)
  if (!id.ok) return id
  const name = { account, device: id.value }
  const flashed = await readFlashed(row, name)
  if (!flashed.ok) return flashed
  const { secret, certificate } = flashed.value
  const sealedSecret = secret === null ? null : seal(parts.masterKeys, ['flashed-secret', account, id.value], secret)
  const credentials: DeviceCredentials = {
    ...NO_CREDENTIALS,
    flashed: secret === null ? 'none' : 'good',
    issued: certificate === null ? [] : [registeredRecord(certificate)],
  }
  return parts.db.transaction().execute(async (db) => {
    if (certificate !== null && (await findHolder(db, certificate.fingerprint)) !== null)
      return unparsed('the certificate is registered already')
    const device = { name, credentials, sealedSecret, chainPem: certificate?.pem ?? null, runs: [] }
    const isNew = await insertDevice(db, device, parts.nowMs())
    const isPutRight = !isNew && certificate === null && sealedSecret !== null && (await putRight(parts, db, name, sealedSecret))
    if (!isNew && !isPutRight) return unparsed('a device with this id, perhaps in another case, exists already')
    const events = everyCredential(credentials).map((credentialId) => registeredEvent(credentialId, row))
    await appendAudit(db, parts.nowMs(), auditEntries(name, operatorPrincipal(by), events))
    return parsed(name)
  })
}

const registeredEvent = (credentialId: CredentialId, { format }: DeviceRow): CredentialEvent => ({
  event: 'registered',
  credentialId,
  detail: credentialId.kind === 'flashed' ? format : '',
})

type Flashed = { readonly secret: Uint8Array | null; readonly certificate: RegisteredCertificate | null }

async function readFlashed(row: DeviceRow, name: DeviceName): Promise<Parsed<Flashed>> {
  if (row.secret === '' && row.certificate === '') return unparsed('there is neither a secret nor a certificate')
  const secret = row.secret === '' ? parsed(null) : await secretBytes(row, name)
  if (!secret.ok) return secret
  const certificate = row.certificate === '' ? parsed(null) : parseRegisteredCertificate(row.certificate)
  return certificate.ok ? parsed({ secret: secret.value, certificate: certificate.value }) : certificate
}

/** A flashed secret under a master key that was given up is put right by registering it again. */
async function putRight(parts: CloudParts, db: Database, name: DeviceName, sealedSecret: string): Promise<boolean> {
  const found = await findDevice(db, name)
  const sealed = found.found === 'device' ? found.device.sealedSecret : null
  if (sealed === null || !isLost(parts.masterKeys, sealed)) return false
  await replaceSealed(db, { kind: 'flashed-secret', account: name.account, id: name.device, sealed }, sealedSecret)
  return true
}

async function secretBytes(row: DeviceRow, name: DeviceName): Promise<Parsed<Uint8Array>> {
  switch (row.format) {
    case 'zks':
      return parseSecretText('zks_', row.secret)
    case 'opaque':
      // A text of ours that was declared opaque is a mistake, and a mistyped one would be stretched into a secret nobody has.
      if (looksLikeSecretText(row.secret)) return unparsed('an opaque secret does not look like zks_…; leave the format out')
      return parsed(await stretchOpaqueSecretAside(row.secret, name))
    default:
      return unparsed('format is zks or opaque')
  }
}
