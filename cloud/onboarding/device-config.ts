/** `GET /v1/device/config` (contract §7): the hotspot profiles of the account, signed, with what is secret in them sealed for one device. */
import { CompactSign } from 'jose'
import { deriveDeliveryKey } from '../../agent/contract/derivation.ts'
import { DEVICE_CONFIG_TYP, type SealFor, sealText } from '../../agent/contract/device-config.ts'
import { formatHotspotForm, type HotspotForm, sealedMembers } from '../../agent/contract/hotspot-form.ts'
import type { AccessClaims } from '../crypto/access-token.ts'
import { SIGNING_ALGORITHM } from '../crypto/signing-key.ts'
import type { CloudParts } from '../parts.ts'
import { readProfiles } from '../registry/hotspot-profiles.ts'
import { findChain } from '../store/certificates.ts'
import { findProfilesVersion } from '../store/hotspot-profiles.ts'
import { readRecords, secretOf } from './records.ts'

/** The configuration as a compact JWS; null where the device has this version, or a later one, already. */
export async function signedConfig(parts: CloudParts, claims: AccessClaims, after: number): Promise<string | null> {
  const { account, device } = claims.name
  if ((await findProfilesVersion(parts.db, account)) <= after) return null
  const { version, hotspots } = await readProfiles(parts, account)
  if (version <= after) return null
  const whom = await sealFor(parts, claims)
  const sealed = await Promise.all(hotspots.map((form) => sealedFor(whom, form)))
  const config = { account, device, version, hotspots: sealed.filter((each) => each !== null) }
  const header = { alg: SIGNING_ALGORITHM, typ: DEVICE_CONFIG_TYP, kid: parts.signingKeys.kid }
  return new CompactSign(Buffer.from(JSON.stringify(config))).setProtectedHeader(header).sign(parts.signingKeys.privateKey)
}

/** Null where what is secret in it cannot be sealed for this credential: the device does without that hotspot. */
async function sealedFor(whom: SealFor | null, form: HotspotForm): Promise<Readonly<Record<string, unknown>> | null> {
  let sealed = formatHotspotForm(form)
  for (const { text, put } of sealedMembers(sealed)) {
    const secret = whom === null ? null : await sealText(text, whom)
    if (secret === null) return null
    sealed = put(sealed, secret)
  }
  return sealed
}

async function sealFor(parts: CloudParts, { name, credentialId }: AccessClaims): Promise<SealFor | null> {
  if (credentialId.kind === 'certificate') {
    const pem = await findChain(parts.db, credentialId.fingerprint)
    return pem === null ? null : { kind: 'certificate', pem }
  }
  const secret = secretOf(parts, name, credentialId, await readRecords(parts.db, name, credentialId))
  return secret === null ? null : { kind: 'secret', deliveryKey: deriveDeliveryKey(secret, name) }
}
