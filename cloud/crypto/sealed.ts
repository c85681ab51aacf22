/** Secrets at rest: AES-256-GCM under the master key, bound to what they are and whose, so that no row can pose as another. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { type MasterKeys, masterKeyById, purposeKey } from './master-key.ts'

const CIPHER = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** What a sealed value is and whose; the same must be said to open it. */
export type SealedContext = readonly ['provisioning-key' | 'flashed-secret' | 'hotspot-profiles', account: string, id: string]

/** Seals a secret: `<master key id>.<base64url of nonce ‖ ciphertext ‖ tag>`. */
export function seal(keys: MasterKeys, context: SealedContext, secret: Uint8Array): string {
  const [master] = keys
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv(CIPHER, purposeKey(master, 'sealing'), nonce).setAAD(Buffer.from(context.join('\0')))
  const sealed = Buffer.concat([nonce, cipher.update(secret), cipher.final(), cipher.getAuthTag()])
  return `${master.id}.${sealed.toString('base64url')}`
}

/** The id of the master key that a secret is sealed under. */
export const sealedUnderKey = (text: string): string => text.slice(0, text.indexOf('.'))

/** Whether a secret cannot be opened any more, since its master key was given up: it is as good as not there. */
export const isLost = (keys: MasterKeys, text: string): boolean => masterKeyById(keys, sealedUnderKey(text)) === null

/** Opens a sealed secret; a wrong key, a changed value or another's value throws. */
export function unseal(keys: MasterKeys, context: SealedContext, text: string): Uint8Array {
  const id = sealedUnderKey(text)
  const master = masterKeyById(keys, id)
  if (master === null) throw new Error(`the master key that sealed a ${context[0]} is missing`)
  const sealed = Buffer.from(text.slice(id.length + 1), 'base64url')
  const decipher = createDecipheriv(CIPHER, purposeKey(master, 'sealing'), sealed.subarray(0, NONCE_BYTES))
  decipher.setAAD(Buffer.from(context.join('\0'))).setAuthTag(sealed.subarray(-TAG_BYTES))
  return new Uint8Array(Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]))
}
