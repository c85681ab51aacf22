/**
 * Compact JWSs (RFC 7515 §7.1) by node:crypto, for what every device needs on its way. jose does the same over WebCrypto, which imports
 * keys again and goes through the thread pool: that costs several times what a P-256 signature or an HMAC does. Everything else is jose's.
 */
import { createHmac, type KeyObject, sign, timingSafeEqual, verify } from 'node:crypto'
import { isObject } from '../../agent/contract/parsed.ts'

type Json = Readonly<Record<string, unknown>>

const encode = (value: Json): string => Buffer.from(JSON.stringify(value)).toString('base64url')

function decode(text: string): Json | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
    return isObject(value) ? value : null
  } catch {
    return null
  }
}

/** Signatures are r ‖ s (RFC 7518 §3.4). */
const es256 = (key: KeyObject) => ({ key, dsaEncoding: 'ieee-p1363' }) as const

/** Signs by a P-256 key. */
export function signEs256(header: Json, claims: Json, key: KeyObject): string {
  const signed = `${encode(header)}.${encode(claims)}`
  return `${signed}.${sign('sha256', Buffer.from(signed), es256(key)).toString('base64url')}`
}

/** The claims of a JWS whose header is, byte for byte, what `signEs256` makes of this one; null where it is not, or was not signed by this key. */
export function claimsOfEs256(jws: string, header: Json, key: KeyObject): Json | null {
  const [head, claims = '', signature = '', ...rest] = jws.split('.')
  if (head !== encode(header) || rest.length > 0) return null
  return verify('sha256', Buffer.from(`${head}.${claims}`), es256(key), Buffer.from(signature, 'base64url')) ? decode(claims) : null
}

/** Whether a JWS is HS256 by this key. A header that makes anything critical (RFC 7515 §4.1.11) is refused: nothing is known here. */
export function isHs256By(jws: string, key: Uint8Array): boolean {
  const [head = '', claims = '', signature = '', ...rest] = jws.split('.')
  const header = decode(head)
  const mac = createHmac('sha256', key).update(`${head}.${claims}`).digest()
  const given = Buffer.from(signature, 'base64url')
  const isWellFormed = rest.length === 0 && header?.alg === 'HS256' && !('crit' in header) && given.length === mac.length
  return isWellFormed && timingSafeEqual(given, mac)
}
