/**
 * How a device gets an access token (contract §4): `client_credentials` with a client assertion (RFC 7523) signed by a key
 * that both sides derive. The secret itself never crosses the wire.
 */
import { SignJWT } from 'jose'
import { type CredentialId, type DeviceName, formatCredentialId, formatSubject } from './names.ts'
import { isObject, type Parsed, parsed, unparsed } from './parsed.ts'

/** An assertion lives at most this long. */
export const ASSERTION_MAX_LIFE_MS = 60_000

/** What a token is good for: `enrol` only to ask for the permanent credential, `device` for the rest. */
export type Scope = 'enrol' | 'device'

/** What goes into an assertion besides the key: `challenge` (single use, from the signed time) stands in for a trusted clock. */
export type AssertionClaims = {
  readonly name: DeviceName
  readonly credentialId: CredentialId
  readonly issuer: string
  readonly nowMs: number
  readonly jti: string
  readonly challenge: string | null
}

/** The client assertion, a JWT signed with HS256 by the api key. */
export async function signAssertion(claims: AssertionClaims, apiKey: Uint8Array): Promise<string> {
  const kid = formatCredentialId(claims.credentialId)
  const subject = formatSubject(claims.name)
  const nowS = Math.floor(claims.nowMs / 1000)
  return new SignJWT(claims.challenge === null ? {} : { challenge: claims.challenge })
    .setProtectedHeader(kid === null ? { alg: 'HS256' } : { alg: 'HS256', kid })
    .setIssuer(subject)
    .setSubject(subject)
    .setAudience(claims.issuer)
    .setIssuedAt(nowS)
    .setExpirationTime(nowS + ASSERTION_MAX_LIFE_MS / 1000)
    .setJti(claims.jti)
    .sign(apiKey)
}

/** The token endpoint's answer (RFC 6749 §5.1). */
export type TokenAnswer = { readonly accessToken: string; readonly scope: Scope; readonly expiresInMs: number }

/** Reads the token endpoint's answer. */
export function parseTokenAnswer(body: unknown): Parsed<TokenAnswer> {
  if (!isObject(body)) return unparsed('the token answer is not an object')
  const { access_token: accessToken, scope, expires_in: expiresInS } = body
  if (typeof accessToken !== 'string' || accessToken === '') return unparsed('the token answer has no access_token')
  if (scope !== 'enrol' && scope !== 'device') return unparsed('the token answer has an unknown scope')
  if (typeof expiresInS !== 'number' || !Number.isFinite(expiresInS) || expiresInS <= 0)
    return unparsed('the token answer has no expires_in')
  return parsed({ accessToken, scope, expiresInMs: expiresInS * 1000 })
}
