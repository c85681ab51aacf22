/** A secret that is looked for, and everything that is derived from it. */
import { createHash, createPrivateKey } from 'node:crypto'
import { deriveApiKey, deriveDeliveryKey, deriveHotspotPassword } from '../../../agent/contract/derivation.ts'
import type { DeviceName } from '../../../agent/contract/names.ts'
import { formatSecretText, type SecretPrefix } from '../../../agent/contract/secret-text.ts'

/** What a secret may be used as: its bytes, or the text by which it goes from hand to hand. */
export type Shape = { readonly shape: 'bytes' | 'text'; readonly value: Buffer }

/** A secret. A whole one is found by either half of it; a mark has no halves: it is what every secret of a kind begins with. */
export type SoughtSecret = { readonly name: string; readonly kind: 'whole' | 'mark'; readonly shapes: readonly Shape[] }

const bytes = (value: Uint8Array): Shape => ({ shape: 'bytes', value: Buffer.from(value) })
const text = (value: string): Shape => ({ shape: 'text', value: Buffer.from(value) })

/** A key of 32 bytes with its text of the contract. */
export const keyWithText = (name: string, prefix: SecretPrefix, key: Uint8Array): SoughtSecret => ({
  ...{ name, kind: 'whole' },
  shapes: [bytes(key), text(formatSecretText(prefix, key))],
})

/** A key that is never written as text. */
export const bareKey = (name: string, key: Uint8Array): SoughtSecret => ({ name, kind: 'whole', shapes: [bytes(key)] })

/** A text that is base64url of random bytes. */
export const randomText = (name: string, value: string): SoughtSecret => ({
  ...{ name, kind: 'whole' },
  shapes: [text(value), bytes(Buffer.from(value, 'base64url'))],
})

/** A device's secret, and what device and cloud derive from it. */
export const deviceSecret = (name: string, secret: Uint8Array, device: DeviceName, aaaDomain: string): readonly SoughtSecret[] => [
  keyWithText(name, 'zks_', secret),
  randomText(`${name}: hotspot password`, deriveHotspotPassword(secret, device, aaaDomain)),
  bareKey(`${name}: api key`, deriveApiKey(secret, device)),
  bareKey(`${name}: delivery key`, deriveDeliveryKey(secret, device)),
]

/**
 * The secret number of an elliptic curve's key (PEM). Whatever form a key is written in, this number stands in it; the rest of it is
 * public or always the same.
 */
export function privateNumberIn(pem: string): Buffer {
  const { d } = createPrivateKey(pem).export({ format: 'jwk' })
  if (typeof d !== 'string') throw new Error('the key has no private number')
  return Buffer.from(d, 'base64url').subarray(0, 32)
}

/** The key of a device's certificate, and the passphrase that the agent gives to wpa_supplicant with the encrypted key. */
export const deviceKey = (name: string, pem: string): readonly SoughtSecret[] => [
  bareKey(name, privateNumberIn(pem)),
  randomText(`${name}: passphrase`, createHash('sha256').update(`zipkey/wpa-key\0${pem}`).digest('base64url')),
]

/** What every access token and every client assertion begins with: base64url of `{"alg":`, as far as it does not depend on the rest. */
export const ANY_TOKEN: SoughtSecret = { name: 'any access token or assertion', kind: 'mark', shapes: [text('eyJhbGciO')] }

/** A text that is found as a token, and known for a planted one by its end. */
export const plantedToken = (name: string, tail: string): SoughtSecret => ({
  ...{ name, kind: 'mark' },
  shapes: ANY_TOKEN.shapes.map(({ value }) => text(value.toString() + tail)),
})
