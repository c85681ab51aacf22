/** Access tokens: a JWT that the cloud signs and only the cloud reads. It names the credential it came from, so that each use can check it again. */
import {
  type CredentialId,
  type DeviceName,
  formatCredentialId,
  formatSubject,
  parseCredentialId,
  parseSubject,
} from '../../agent/contract/names.ts'
import type { Scope } from '../../agent/contract/token.ts'
import { claimsOfEs256, signEs256 } from './compact-jws.ts'
import { SIGNING_ALGORITHM, type SigningKeys } from './signing-key.ts'

const TYP = 'at+jwt'
/** An access token lives this long. */
export const ACCESS_TOKEN_LIFE_MS = 15 * 60_000

/** What an access token says. */
export type AccessClaims = { readonly name: DeviceName; readonly scope: Scope; readonly credentialId: CredentialId }

const headerOf = (kid: string) => ({ alg: SIGNING_ALGORITHM, typ: TYP, kid })

/** Signs an access token. */
export function signAccessToken(keys: SigningKeys, issuer: string, claims: AccessClaims, nowMs: number): string {
  const payload = {
    scope: claims.scope,
    credential: formatCredentialId(claims.credentialId),
    iss: issuer,
    aud: issuer,
    sub: formatSubject(claims.name),
    iat: Math.floor(nowMs / 1000),
    exp: Math.floor((nowMs + ACCESS_TOKEN_LIFE_MS) / 1000),
  }
  return signEs256(headerOf(keys.kid), payload, keys.privateKey)
}

/** Reads an access token; null where it is not ours, not for us or expired. */
export function readAccessToken(keys: SigningKeys, issuer: string, token: string, nowMs: number): AccessClaims | null {
  const payload = verified(keys, token)
  if (payload === null || payload.iss !== issuer || payload.aud !== issuer) return null
  const { scope, credential, sub, exp } = payload
  if (typeof exp !== 'number' || exp * 1000 <= nowMs || typeof sub !== 'string') return null
  const name = parseSubject(sub)
  const credentialId = parseCredentialId(typeof credential === 'string' ? credential : null)
  if (!name.ok || !credentialId.ok || (scope !== 'enrol' && scope !== 'device')) return null
  return { name: name.value, scope, credentialId: credentialId.value }
}

function verified(keys: SigningKeys, token: string): Readonly<Record<string, unknown>> | null {
  for (const { kid, key } of keys.verifiers) {
    const claims = claimsOfEs256(token, headerOf(kid), key)
    if (claims !== null) return claims
  }
  return null
}
