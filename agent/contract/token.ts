/**
 * How a device gets an access token (contract §4): `client_credentials` with a client assertion (RFC 7523) signed by a key
 * that both sides derive, or by the key of a certificate. The secret itself never crosses the wire.
 */
import type { KeyObject } from 'node:crypto'
import { SignJWT } from 'jose'
import { type CredentialId, type DeviceName, formatCredentialId, formatSubject } from './names.ts'
import { isObject, type Parsed, parsed, unparsed } from './parsed.ts'

/** An assertion lives at most this long. */
export const ASSERTION_MAX_LIFE_MS = 60_000

/** What a token is good for: `enrol` only to ask for the permanent credential, `device` for the rest. */
export type Scope = 'enrol' | 'device'

/** A run id is 16 random bytes in base64url, drawn by an agent when it starts. */
const RUN = /^[A-Za-z0-9_-]{22}$/

/** How many random bytes a run id is made of. */
export const RUN_BYTES = 16

/** Reads a run id. */
export const parseRun = (value: unknown): Parsed<string> =>
  typeof value === 'string' && RUN.test(value) ? parsed(value) : unparsed('a run id is 22 characters of base64url')

/**
 * What goes into an assertion besides the key: `challenge` (single use, from the signed time) stands in for a trusted clock; `run`
 * says which run of the agent asks, so that the cloud notices two devices with one identity. Either may be left out.
 */
export type AssertionClaims = {
  readonly name: DeviceName
  readonly credentialId: CredentialId
  readonly issuer: string
  readonly nowMs: number
  readonly jti: string
  readonly challenge: string | null
  readonly run: string | null
}

/** What signs an assertion: the api key of a secret, or a certificate's private key; its chain (DER, own first) goes along. */
export type AssertionKey =
  | { readonly kind: 'secret'; readonly apiKey: Uint8Array }
  | { readonly kind: 'certificate'; readonly privateKey: KeyObject; readonly chain: readonly Uint8Array[] }
  | { readonly kind: 'signer'; readonly publicKey: KeyObject; readonly sign: Sign; readonly chain: readonly Uint8Array[] }

/** Signs with a key that cannot be had, in the form of JWS (RFC 7518 §3). */
export type Sign = (data: Uint8Array) => Promise<Uint8Array>

/** The algorithms that certificates' keys sign with (RFC 7518 §3.1): RSA, P-256, P-384. */
export const CERTIFICATE_ALGORITHMS = ['RS256', 'ES256', 'ES384'] as const

/** The one algorithm of a certificate's key; null for a key that this contract has none for. */
export function algorithmOfKey(key: KeyObject): (typeof CERTIFICATE_ALGORITHMS)[number] | null {
  if (key.asymmetricKeyType === 'rsa') return 'RS256'
  if (key.asymmetricKeyType !== 'ec') return null
  switch (key.asymmetricKeyDetails?.namedCurve) {
    case 'prime256v1':
      return 'ES256'
    case 'secp384r1':
      return 'ES384'
    default: // OpenSSL's names, not a union of ours
      return null
  }
}

/** What its signatures are made over. */
export const digestOf = (key: KeyObject): 'sha256' | 'sha384' => (algorithmOfKey(key) === 'ES384' ? 'sha384' : 'sha256')

/** The client assertion: a JWT, HS256 by an api key, or by a certificate's key with its chain in `x5c` (RFC 7515 §4.1.6). */
export async function signAssertion(claims: AssertionClaims, key: AssertionKey): Promise<string> {
  const kid = formatCredentialId(claims.credentialId)
  const subject = formatSubject(claims.name)
  const nowS = Math.floor(claims.nowMs / 1000)
  const { challenge, run, issuer, jti } = claims
  const times = { iat: nowS, exp: nowS + ASSERTION_MAX_LIFE_MS / 1000 }
  const said = { ...(challenge === null ? {} : { challenge }), ...(run === null ? {} : { run }) }
  const payload = { ...said, iss: subject, sub: subject, aud: issuer, ...times, jti }
  const header = { ...headerOf(key), ...(kid === null ? {} : { kid }) }
  switch (key.kind) {
    case 'secret':
      return new SignJWT(payload).setProtectedHeader(header).sign(key.apiKey)
    case 'certificate':
      return new SignJWT(payload).setProtectedHeader(header).sign(key.privateKey)
    case 'signer': {
      // The compact form (RFC 7515 §7.1); a JOSE library wants the key itself.
      const signed = [header, payload].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
      return `${signed}.${Buffer.from(await key.sign(Buffer.from(signed))).toString('base64url')}`
    }
  }
}

function headerOf(key: AssertionKey): { readonly alg: string; readonly x5c?: string[] } {
  if (key.kind === 'secret') return { alg: 'HS256' }
  const alg = algorithmOfKey(key.kind === 'signer' ? key.publicKey : key.privateKey)
  if (alg === null) throw new TypeError('a certificate key is RSA, P-256 or P-384')
  return { alg, x5c: key.chain.map((der) => Buffer.from(der).toString('base64')) }
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
