/** What the database knows about the credential that somebody presents, and the secret behind it. */
import { randomBytes, X509Certificate } from 'node:crypto'
import { deriveIssuedSecret, deriveTemporarySecret } from '../../agent/contract/derivation.ts'
import { type CredentialId, type DeviceName, formatSubject } from '../../agent/contract/names.ts'
import { isSecretIdOf, parseSecretId } from '../../agent/contract/secret-id.ts'
import { SECRET_BYTES } from '../../agent/contract/secret-text.ts'
import { type MasterKeys, masterKeyById, oldestMasterKey, purposeMac } from '../crypto/master-key.ts'
import { isLost, type SealedContext, seal, unseal } from '../crypto/sealed.ts'
import type { CloudParts } from '../parts.ts'
import { type DeviceCredentials, type IssuedId, issuedRecord } from '../rules/device-credentials.ts'
import type { TemporaryPresented } from '../rules/enrolment.ts'
import { type Place, placeOfNumber } from '../rules/place.ts'
import type { ShownCredential } from '../rules/recovery.ts'
import { type FoundDevice, findDevice } from '../store/devices.ts'
import { countEnrolledBy, findProvisioningKey, type StoredProvisioningKey } from '../store/provisioning-keys.ts'
import type { Database } from '../store/tables.ts'

/** The device as found, and the provisioning key where a temporary credential names one that exists. */
export type CredentialRecords = { readonly found: FoundDevice; readonly key: StoredProvisioningKey | null }

/** Reads them without locking. */
export async function readRecords(db: Database, name: DeviceName, id: CredentialId): Promise<CredentialRecords> {
  const [found, key] = await Promise.all([
    findDevice(db, name),
    id.kind === 'temporary' ? findProvisioningKey(db, name.account, id.keyId) : null,
  ])
  return { found, key }
}

/** Reads no more of them than what the secret behind a credential follows from, by its kind alone: the unknown takes as long as the known. */
export async function readForSecret(db: Database, name: DeviceName, id: CredentialId): Promise<CredentialRecords> {
  switch (id.kind) {
    case 'temporary':
      return { found: NOTHING, key: await findProvisioningKey(db, name.account, id.keyId) }
    case 'flashed':
      return { found: await findDevice(db, name), key: null }
    case 'issued':
    case 'certificate':
      return { found: NOTHING, key: null }
  }
}

const NOTHING: FoundDevice = { found: 'nothing' }

type ProvingParts = SealingParts & Pick<CloudParts, 'deviceIssuer'>

/** An issued credential; one that is not known with its place, where it proves by itself that this cloud issued it to this device. */
export function shownCredential(
  parts: ProvingParts,
  name: DeviceName,
  { id, certificate }: { readonly id: IssuedId; readonly certificate: Uint8Array | null },
  found: FoundDevice,
): ShownCredential {
  if (issuedRecord(credentialsOf(found), id) !== null) return { id, place: null }
  if (id.kind === 'issued') return { id, place: provedPlace(parts, name, id.secretId) }
  return { id, place: provedCertificate(parts, name, certificate)?.place ?? null }
}

/** The place that an id tells, where its MAC proves that this cloud made it for this device, and nobody else can have made it. */
function provedPlace({ masterKeys }: SealingParts, name: DeviceName, secretId: string): Place | null {
  const id = parseSecretId(secretId)
  const master = id.ok ? masterKeyById(masterKeys, id.value.masterKeyId) : null
  if (!id.ok || master === null || master.isLeaked || !isSecretIdOf(secretId, master.bytes, name)) return null
  return placeOfNumber(id.value.generation)
}

/** A certificate that proves by itself that this cloud issued it: to whom, and its place. */
export function provedHolder(
  parts: ProvingParts,
  certificate: X509Certificate,
): { readonly name: DeviceName; readonly place: Place } | null {
  const told = parts.deviceIssuer.placeIn(certificate)
  const place = told === null ? null : provedPlace(parts, told.name, told.placeId)
  return told === null || place === null ? null : { name: told.name, place }
}

/** A certificate (DER) that proves by itself that this cloud issued it to this device, as PEM and with its place; null for any other. */
export function provedCertificate(
  parts: ProvingParts,
  name: DeviceName,
  der: Uint8Array | null,
): { readonly chainPem: string; readonly place: Place } | null {
  const certificate = der === null ? null : parseCertificate(der)
  const holder = certificate === null ? null : provedHolder(parts, certificate)
  if (certificate === null || holder === null || formatSubject(holder.name) !== formatSubject(name)) return null
  return { chainPem: certificate.toString(), place: holder.place }
}

function parseCertificate(der: Uint8Array): X509Certificate | null {
  try {
    return new X509Certificate(der)
  } catch {
    return null
  }
}

/** The credentials of a found device; null where there is none. */
export const credentialsOf = (found: FoundDevice): DeviceCredentials | null => (found.found === 'device' ? found.device.credentials : null)

/** A provisioning key's credential as the rules judge it; its devices are counted only where a maximum asks for it. */
export async function temporaryPresented(
  db: Database,
  name: DeviceName,
  key: StoredProvisioningKey,
  nowMs: number,
): Promise<TemporaryPresented> {
  const { rules } = key
  const enrolledDevices = rules.maxDevices === null ? 0 : await countEnrolledBy(db, name.account, rules.keyId)
  return { deviceId: name.device, key: rules, enrolledDevices, nowMs }
}

const DECOY: SealedContext = ['provisioning-key', '', '']

/** What secrets are opened and derived with. */
type SealingParts = Pick<CloudParts, 'masterKeys' | 'sealedDecoy'>

/** Seals a secret that is nobody's, to be opened in place of one that is missing. */
export const sealDecoy = (keys: MasterKeys): string => seal(keys, DECOY, randomBytes(SECRET_BYTES))

/** The secret behind a credential id; null where nothing that is stored gives one, after as much work as where something does. */
export function secretOf(parts: SealingParts, name: DeviceName, id: CredentialId, { found, key }: CredentialRecords): Uint8Array | null {
  switch (id.kind) {
    case 'temporary': {
      const sealed = openable(parts, key?.sealedKey ?? null)
      const secret = deriveTemporarySecret(open(parts, ['provisioning-key', name.account, id.keyId], sealed), name)
      return sealed === null ? null : secret
    }
    case 'issued':
      return issuedSecretOf(parts, name, id.secretId)
    case 'certificate':
      return null
    case 'flashed': {
      const sealed = openable(parts, found.found === 'device' ? found.device.sealedSecret : null)
      const secret = open(parts, ['flashed-secret', name.account, name.device], sealed)
      return sealed === null ? null : secret
    }
  }
}

/** What is sealed under a key that was given up is as good as not there. */
const openable = (parts: SealingParts, sealed: string | null): string | null =>
  sealed === null || isLost(parts.masterKeys, sealed) ? null : sealed

const open = (parts: SealingParts, context: SealedContext, sealed: string | null): Uint8Array =>
  sealed === null ? unseal(parts.masterKeys, DECOY, parts.sealedDecoy) : unseal(parts.masterKeys, context, sealed)

/** The secret with an id that this cloud made for this device; whether it is still good is the rules' question. */
export function issuedSecretOf(parts: SealingParts, name: DeviceName, secretId: string): Uint8Array | null {
  const id = parseSecretId(secretId)
  const known = id.ok ? masterKeyById(parts.masterKeys, id.value.masterKeyId) : null
  // As much work for an id that nobody made.
  const { bytes } = known ?? parts.masterKeys[0]
  const secret = deriveIssuedSecret(bytes, name, secretId)
  return isSecretIdOf(secretId, bytes, name) && known !== null ? secret : null
}

/** A secret that nobody holds, for what is unknown: the work and the answer look the same. Asked again, it is the same. */
export const decoySecret = (parts: CloudParts, presented: string): Uint8Array =>
  new Uint8Array(purposeMac(oldestMasterKey(parts.masterKeys), 'decoy-password', presented))
