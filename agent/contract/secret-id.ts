/**
 * Secret ids (contract §2): `<master key id>-<generation>-<16 random base32>-<MAC>`. The MAC lets a cloud restored from an
 * older backup recognise an id that it issued after the backup, accept it and roll forward.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { base32 } from './base32.ts'
import { type DeviceName, SECRET_ID } from './names.ts'
import { type Parsed, parsed, unparsed } from './parsed.ts'

const MAC_BYTES = 8
const RANDOM_BYTES = 10

/** The parts of a secret id; generation grows by one per device. */
export type SecretId = { readonly masterKeyId: string; readonly generation: number; readonly random: string; readonly mac: string }

const macOf = (masterKey: Uint8Array, before: string, name: DeviceName): string =>
  base32(createHmac('sha256', masterKey).update([before, name.account, name.device].join('\0')).digest().subarray(0, MAC_BYTES))

/** Makes the id of a device's next secret; `random` is 10 bytes that the caller drew. */
export function makeSecretId(masterKeyId: string, masterKey: Uint8Array, name: DeviceName, generation: number, random: Uint8Array): string {
  const before = `${masterKeyId}-${generation}-${base32(random.subarray(0, RANDOM_BYTES))}`
  return `${before}-${macOf(masterKey, before, name)}`
}

/** Reads the parts of a secret id; whether its MAC is good is another question. */
export function parseSecretId(text: string): Parsed<SecretId> {
  const match = SECRET_ID.exec(text)
  if (match === null) return unparsed('a secret id is <master key id>-<generation>-<16 base32>-<13 base32>')
  const [, masterKeyId = '', generation = '', random = '', mac = ''] = match
  return parsed({ masterKeyId, generation: Number(generation), random, mac })
}

/** Whether this cloud's master key made this id for this device. */
export function isSecretIdOf(text: string, masterKey: Uint8Array, name: DeviceName): boolean {
  const id = parseSecretId(text)
  if (!id.ok) return false
  const before = text.slice(0, text.lastIndexOf('-'))
  return timingSafeEqual(Buffer.from(macOf(masterKey, before, name)), Buffer.from(id.value.mac))
}
