/**
 * Every value that two parties compute on their own (contract §2), by HKDF-SHA-256 (RFC 5869):
 * salt `zipkey/v1`, info = label ‖ 0 ‖ account ‖ 0 ‖ device [‖ 0 ‖ extra], 32 bytes out.
 */
import { hkdfSync, scrypt, scryptSync } from 'node:crypto'
import type { DeviceName } from './names.ts'

const SALT = 'zipkey/v1'
const OUTPUT_BYTES = 32

type Label = 'temporary-secret' | 'hotspot-password' | 'api-key' | 'delivery-key' | 'issued-secret'

function derive(from: Uint8Array, label: Label, name: DeviceName, ...extra: readonly string[]): Uint8Array {
  const info = [label, name.account, name.device, ...extra].join('\0')
  return new Uint8Array(hkdfSync('sha256', from, SALT, info, OUTPUT_BYTES))
}

/** The temporary secret of one device, from the provisioning key that many share. */
export const deriveTemporarySecret = (provisioningKey: Uint8Array, name: DeviceName): Uint8Array =>
  derive(provisioningKey, 'temporary-secret', name)

/** The EAP password of a device at the operator of one AAA domain only: 43 characters of base64url. */
export const deriveHotspotPassword = (secret: Uint8Array, name: DeviceName, aaaDomain: string): string =>
  Buffer.from(derive(secret, 'hotspot-password', name, aaaDomain)).toString('base64url')

/** The HS256 key of the client assertion (RFC 7523). */
export const deriveApiKey = (secret: Uint8Array, name: DeviceName): Uint8Array => derive(secret, 'api-key', name)

/** The A256GCM key for what the cloud sends to this device alone (JWE `dir`). */
export const deriveDeliveryKey = (secret: Uint8Array, name: DeviceName): Uint8Array => derive(secret, 'delivery-key', name)

/** The issued secret of one secret id, from the cloud's master key; so the cloud stores ids, never secrets. */
export const deriveIssuedSecret = (masterKey: Uint8Array, name: DeviceName, secretId: string): Uint8Array =>
  derive(masterKey, 'issued-secret', name, secretId)

const STRETCHING = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 } as const
const saltOf = (name: DeviceName): string => [SALT, name.account, name.device].join('\0')

/** Stretches a secret that a company already had (`"format": "opaque"`), since it may be weak: scrypt (RFC 7914), N 2^15, r 8, p 1. */
export const stretchOpaqueSecret = (text: string, name: DeviceName): Uint8Array =>
  new Uint8Array(scryptSync(Buffer.from(text, 'utf8'), saltOf(name), OUTPUT_BYTES, STRETCHING))

/** The same, beside whatever else the process does meanwhile: it takes a tenth of a second. */
export const stretchOpaqueSecretAside = (text: string, name: DeviceName): Promise<Uint8Array> =>
  new Promise((resolve, reject) => {
    scrypt(Buffer.from(text, 'utf8'), saltOf(name), OUTPUT_BYTES, STRETCHING, (error, bytes) => {
      if (error === null) resolve(new Uint8Array(bytes))
      else reject(error)
    })
  })
