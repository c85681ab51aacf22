/** The CA config of one device, complete in itself: certificates and keys stand in it, so that one file goes onto the device. */
import type { JSONWebKeySet } from 'jose'
import { deriveTemporarySecret } from '../../agent/contract/derivation.ts'
import type { DeviceName } from '../../agent/contract/names.ts'
import { formatSecretText } from '../../agent/contract/secret-text.ts'
import type { PermanentKind } from '../../agent/credential/credential.ts'

/** A JSON object, as it will stand in the file. */
export type JsonObject = Readonly<Record<string, unknown>>

/** What all devices of a run have in common. */
export type DeviceProfile = {
  readonly account: string
  readonly realm?: string
  readonly cloud: { readonly url: string; readonly issuer?: string; readonly caPem: string; readonly signingKeys: JSONWebKeySet }
  /** What it asks the cloud for; a secret where it is left out. */
  readonly permanentCredential?: PermanentKind
  /** In the form of `hotspots[]`. */
  readonly hotspots: readonly JsonObject[]
  /** Whole sections to add, in the form of the file: `wifi`, `state`, `timers`, `log`. */
  readonly sections?: JsonObject
}

/** What a device is to be given; `device` and `credential` are in the form of the file. */
export type CaConfigRequest = DeviceProfile & { readonly device: JsonObject; readonly credential: JsonObject }

/** Makes the CA config; whether every value in it is good is for the config's own checks to say. */
export function caConfigFor(request: CaConfigRequest): JsonObject {
  const { account, realm, device, credential, permanentCredential, cloud, hotspots, sections } = request
  return {
    account,
    ...(realm === undefined ? {} : { realm }),
    device,
    credentials: [credential],
    ...(permanentCredential === undefined ? {} : { permanentCredential }),
    cloud: { url: cloud.url, issuer: cloud.issuer ?? cloud.url, ca: cloud.caPem, signingKeys: cloud.signingKeys },
    hotspots,
    ...sections,
  }
}

/** A provisioning key and its id in the cloud. */
export type ProvisioningKey = { readonly keyId: string; readonly bytes: Uint8Array }

/** The device's own temporary secret; the key that it was derived from stays at the factory. */
export const derivedCredential = ({ keyId, bytes }: ProvisioningKey, name: DeviceName): JsonObject => ({
  kind: 'temporary',
  keyId,
  secret: formatSecretText('zks_', deriveTemporarySecret(bytes, name)),
})

/** The key that a device shares with others. */
export const keyCredential = ({ keyId, bytes }: ProvisioningKey): JsonObject => ({
  kind: 'temporary',
  keyId,
  provisioningKey: formatSecretText('zkp_', bytes),
})
