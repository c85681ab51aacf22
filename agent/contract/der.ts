/** The few DER forms (ITU-T X.690) that certificates and requests are written with. Reading DER is left to OpenSSL and libraries. */

/** Tags of X.690 §8, universal and constructed where they are. */
const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8: 0x0c,
  printable: 0x13,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
  contextPrimitive: 0x80,
  context: 0xa0,
} as const

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

/** INTEGER from its bytes in two's complement; the caller sees to it that none is superfluous. */
export const integer = (bytes: Uint8Array): Uint8Array => encode(TAG.integer, bytes)

/** BOOLEAN that is true; where it is false, DER leaves it out. */
export const yes = (): Uint8Array => encode(TAG.boolean, Uint8Array.from([0xff]))

/** OCTET STRING. */
export const octetString = (bytes: Uint8Array): Uint8Array => encode(TAG.octetString, bytes)

/** UTF8String, from a text or from bytes that are UTF-8 already. */
export const utf8String = (text: string | Uint8Array): Uint8Array =>
  encode(TAG.utf8, typeof text === 'string' ? Buffer.from(text, 'utf8') : text)

/** PrintableString. */
export const printableString = (bytes: Uint8Array): Uint8Array => encode(TAG.printable, bytes)

/** The time of a certificate, to the second: UTCTime before 2050, GeneralizedTime from then on (RFC 5280 §4.1.2.5). */
export function time(date: Date): Uint8Array {
  const digits = `${date.toISOString().slice(0, 19).replace(/\D/g, '')}Z`
  return date.getUTCFullYear() < 2050 ? encode(TAG.utcTime, Buffer.from(digits.slice(2))) : encode(TAG.generalizedTime, Buffer.from(digits))
}

/** BIT STRING; the last `unusedBits` of its last byte do not count. */
export const bitString = (bytes: Uint8Array, unusedBits = 0): Uint8Array => encode(TAG.bitString, Uint8Array.from([unusedBits]), bytes)

/** A constructed, context-specific tag around encoded parts. */
export const contextTag = (number: number, ...parts: readonly Uint8Array[]): Uint8Array => encode(TAG.context + number, ...parts)

/** A primitive, context-specific tag around a value's bytes. */
export const contextValue = (number: number, bytes: Uint8Array): Uint8Array => encode(TAG.contextPrimitive + number, bytes)

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
