/** The CA config of one device, complete in itself: certificates and keys stand in it, so that one file goes onto the device. */
import type { JSONWebKeySet } from 'jose'
import { deriveTemporarySecret } from '../../agent/contract/derivation.ts'
import { formatSecretText } from '../../agent/contract/secret-text.ts'

/** A JSON object, as it will stand in the file. */
export type JsonObject = Readonly<Record<string, unknown>>

/** What a device is to be given. */
export type CaConfigRequest = {
  readonly account: string
  readonly realm?: string
  readonly device: string
  readonly keyId: string
  /** 32 bytes; it stays at the factory unless `give` says otherwise. */
  readonly provisioningKey: Uint8Array
  /** What goes onto the device: its own derived secret, or the key that it shares with others. */
  readonly give: 'derived-secret' | 'provisioning-key'
  readonly cloud: { readonly url: string; readonly issuer?: string; readonly caPem: string; readonly signingKeys: JSONWebKeySet }
  /** In the form of `hotspots[]`. */
  readonly hotspots: readonly JsonObject[]
  /** Whole sections to add, in the form of the file: `wifi`, `state`, `timers`, `log`. */
  readonly sections?: JsonObject
}

/** Makes the CA config; whether every value in it is good is for the config's own checks to say. */
export function caConfigFor(request: CaConfigRequest): JsonObject {
  const { account, realm, device, cloud, hotspots } = request
  return {
    account,
    ...(realm === undefined ? {} : { realm }),
    device: { id: device },
    credentials: [credentialFor(request)],
    cloud: { url: cloud.url, issuer: cloud.issuer ?? cloud.url, ca: cloud.caPem, signingKeys: cloud.signingKeys },
    hotspots,
    ...request.sections,
  }
}

function credentialFor({ account, device, keyId, provisioningKey, give }: CaConfigRequest): JsonObject {
  switch (give) {
    case 'derived-secret':
      return { kind: 'temporary', keyId, secret: formatSecretText('zks_', deriveTemporarySecret(provisioningKey, { account, device })) }
    case 'provisioning-key':
      return { kind: 'temporary', keyId, provisioningKey: formatSecretText('zkp_', provisioningKey) }
  }
}
