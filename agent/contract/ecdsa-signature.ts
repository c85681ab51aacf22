/** ECDSA signatures: what tokens and OpenSSL write (RFC 3279 §2.2.3, DER), as JOSE wants them (RFC 7518 §3.4). */
import { type Parsed, parsed, unparsed } from './parsed.ts'

/** Two numbers of so many bytes each, one behind the other. */
export function ecdsaForJws(der: Uint8Array, bytes: number): Parsed<Uint8Array> {
  const sequence = element(der, 0x30)
  const r = sequence === null ? null : element(sequence.content, 0x02)
  const s = r === null ? null : element(r.rest, 0x02)
  if (sequence === null || r === null || s === null || sequence.rest.length + s.rest.length > 0)
    return unparsed('this is no ECDSA signature')
  const numbers = [r.content, s.content].map(withoutZeros)
  if (numbers.some((number) => number.length > bytes)) return unparsed('this ECDSA signature is of a longer key')
  return parsed(new Uint8Array(Buffer.concat(numbers.flatMap((number) => [Buffer.alloc(bytes - number.length), number]))))
}

/** The content of the first element, which has a tag and a length below 256, and what follows it. */
function element(der: Uint8Array, tag: number): { readonly content: Uint8Array; readonly rest: Uint8Array } | null {
  const isLong = der[1] === 0x81
  const length = isLong ? der[2] : der[1]
  const from = isLong ? 3 : 2
  if (der[0] !== tag || length === undefined || (!isLong && length > 0x7f) || der.length < from + length) return null
  return { content: der.subarray(from, from + length), rest: der.subarray(from + length) }
}

function withoutZeros(number: Uint8Array): Uint8Array {
  const first = number.findIndex((byte) => byte !== 0)
  return first < 0 ? new Uint8Array() : number.subarray(first)
}
