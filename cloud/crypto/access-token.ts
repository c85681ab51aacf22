/** Access tokens: a JWT that the cloud signs and only the cloud reads. It names the credential it came from, so that each use can check it again. */
import { createLocalJWKSet, jwtVerify, SignJWT } from 'jose'
import {
  type CredentialId,
  type DeviceName,
  formatCredentialId,
  formatSubject,
  parseCredentialId,
  parseSubject,
} from '../../agent/contract/names.ts'
import type { Scope } from '../../agent/contract/token.ts'
import { SIGNING_ALGORITHM, type SigningKeys } from './signing-key.ts'

const TYP = 'at+jwt'
/** An access token lives this long. */
export const ACCESS_TOKEN_LIFE_MS = 15 * 60_000

/** What an access token says. */
export type AccessClaims = { readonly name: DeviceName; readonly scope: Scope; readonly credentialId: CredentialId }

/** Signs an access token. */
export const signAccessToken = (keys: SigningKeys, issuer: string, claims: AccessClaims, nowMs: number): Promise<string> =>
  new SignJWT({ scope: claims.scope, credential: formatCredentialId(claims.credentialId) })
    .setProtectedHeader({ alg: SIGNING_ALGORITHM, typ: TYP, kid: keys.kid })
    .setIssuer(issuer)
    .setAudience(issuer)
    .setSubject(formatSubject(claims.name))
    .setIssuedAt(Math.floor(nowMs / 1000))
    .setExpirationTime(Math.floor((nowMs + ACCESS_TOKEN_LIFE_MS) / 1000))
    .sign(keys.privateKey)

/** Reads an access token; null where it is not ours, not for us or expired. */
export async function readAccessToken(keys: SigningKeys, issuer: string, token: string, nowMs: number): Promise<AccessClaims | null> {
  const payload = await verified(keys, issuer, token, nowMs)
  if (payload === null || typeof payload.sub !== 'string') return null
  const { scope, credential } = payload
  const name = parseSubject(payload.sub)
  const credentialId = parseCredentialId(typeof credential === 'string' ? credential : null)
  if (!name.ok || !credentialId.ok || (scope !== 'enrol' && scope !== 'device')) return null
  return { name: name.value, scope, credentialId: credentialId.value }
}

async function verified(keys: SigningKeys, issuer: string, token: string, nowMs: number) {
  try {
    const options = { issuer, audience: issuer, typ: TYP, algorithms: [SIGNING_ALGORITHM], currentDate: new Date(nowMs) }
    return (await jwtVerify(token, createLocalJWKSet(keys.publicKeys), options)).payload
  } catch {
    return null
  }
}
