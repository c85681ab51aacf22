/** The few DER forms (ITU-T X.690) that certificates and requests are written with. Reading DER is left to OpenSSL and libraries. */

/** Tags of X.690 §8, universal and constructed where they are. */
const TAG = { integer: 0x02, bitString: 0x03, oid: 0x06, utf8: 0x0c, sequence: 0x30, set: 0x31, context: 0xa0 } as const

function lengthOf(bytes: number): readonly number[] {
  if (bytes < 0x80) return [bytes]
  return bytes < 0x100 ? [0x81, bytes] : [0x82, bytes >> 8, bytes & 0xff]
}

function encode(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  if (length > 0xffff) throw new RangeError('a DER value of ours is shorter than 64 KiB')
  return new Uint8Array(Buffer.concat([Uint8Array.from([tag, ...lengthOf(length)]), ...parts]))
}

/** SEQUENCE of encoded parts. */
export const sequence = (...parts: readonly Uint8Array[]): Uint8Array => encode(TAG.sequence, ...parts)

/** SET of one encoded part, which needs no sorting. */
export const setOf = (part: Uint8Array): Uint8Array => encode(TAG.set, part)

/** INTEGER from 0 to 127. */
export const smallInteger = (value: number): Uint8Array => encode(TAG.integer, Uint8Array.from([value]))

/** UTF8String. */
export const utf8String = (text: string): Uint8Array => encode(TAG.utf8, Buffer.from(text, 'utf8'))

/** BIT STRING of whole bytes. */
export const bitString = (bytes: Uint8Array): Uint8Array => encode(TAG.bitString, Uint8Array.from([0]), bytes)

/** A constructed, context-specific tag around encoded parts. */
export const contextTag = (number: number, ...parts: readonly Uint8Array[]): Uint8Array => encode(TAG.context + number, ...parts)

/** OBJECT IDENTIFIER from its dotted form. */
export function objectIdentifier(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return encode(TAG.oid, Uint8Array.from([first * 40 + second, ...rest.flatMap(base128)]))
}

function base128(arc: number): readonly number[] {
  const digits = [arc % 128]
  for (let high = Math.floor(arc / 128); high > 0; high = Math.floor(high / 128)) digits.unshift((high % 128) | 0x80)
  return digits
}
