/**
 * The cloud's time (contract §4): a compact JWS over {nonce, time, challenge}. The nonce proves that the answer is fresh;
 * only this JWS may raise a device's time floor. `time` is in seconds since 1970, `challenge` good once for 60 s.
 */
import { compactVerify, createLocalJWKSet, type JSONWebKeySet } from 'jose'
import { isObject, type Parsed, parsed, unparsed } from './parsed.ts'

/** What the cloud vouches for. */
export type SignedTime = { readonly timeMs: number; readonly challenge: string }

/** The JWS `typ` of signed time, so that nothing else that the cloud signs can be passed off as time. */
export const SIGNED_TIME_TYP = 'zipkey-time+jwt'

/** Seconds since 1970 that a clock can be set to: JSON's 1e999 is a number too. */
const isTime = (value: unknown): value is number => typeof value === 'number' && value > 0 && value * 1000 <= Number.MAX_SAFE_INTEGER

/** Checks a signed time against the cloud's signing keys and the nonce that was sent. */
export async function verifySignedTime(jws: string, keys: JSONWebKeySet, nonce: string): Promise<Parsed<SignedTime>> {
  try {
    const { payload, protectedHeader } = await compactVerify(jws, createLocalJWKSet(keys))
    if (protectedHeader.typ !== SIGNED_TIME_TYP) return unparsed('the signed answer is not a time')
    const body: unknown = JSON.parse(Buffer.from(payload).toString('utf8'))
    if (!isObject(body) || !isTime(body.time) || typeof body.challenge !== 'string') return unparsed('the signed time is malformed')
    if (body.nonce !== nonce) return unparsed('the signed time answers another nonce')
    return parsed({ timeMs: body.time * 1000, challenge: body.challenge })
  } catch {
    return unparsed("the signed time does not verify against the cloud's signing keys")
  }
}

/** Reads a set of the cloud's public signing keys (JWKS, RFC 7517 §5). */
export function parseSigningKeys(value: unknown): Parsed<JSONWebKeySet> {
  if (!isObject(value) || !Array.isArray(value.keys) || value.keys.length === 0) return unparsed('expected a JWKS: {"keys": [ … ]}')
  for (const key of value.keys) {
    if (!isObject(key) || typeof key.kty !== 'string' || typeof key.kid !== 'string') return unparsed('a signing key has no kty or no kid')
    if (value.keys.some((other) => other !== key && isObject(other) && other.kid === key.kid))
      return unparsed('two signing keys have the same kid')
    if ('d' in key || 'k' in key) return unparsed('a signing key is private: give the public half only')
  }
  return parsed({ keys: value.keys })
}
