/** Client assertions (RFC 7523, contract §4): read without trust, then verified by the key that the registered credential gives. */
import { createHash, type KeyObject, randomUUID } from 'node:crypto'
import { type CryptoKey, compactVerify, decodeJwt, decodeProtectedHeader } from 'jose'
import { certificateFingerprint } from '../../agent/contract/certificate.ts'
import { type CredentialId, type DeviceName, parseCredentialId, parseSubject } from '../../agent/contract/names.ts'
import { type Parsed, parsed, unparsed } from '../../agent/contract/parsed.ts'
import { ASSERTION_MAX_LIFE_MS, parseRun } from '../../agent/contract/token.ts'
import { isHs256By } from '../crypto/compact-jws.ts'

/** What an assertion claims. Nothing of it is true before `isGenuine` says so. */
export type Assertion = {
  /** Null where the handshake of mutual TLS proved the key of the certificate. */
  readonly jws: string | null
  readonly name: DeviceName
  readonly credentialId: CredentialId
  /** The certificate (DER) that it came with, which is the one of the credential id; null for other credentials. */
  readonly certificate: Uint8Array | null
  readonly audience: string
  readonly issuedMs: number
  readonly expiresMs: number
  readonly jti: string
  readonly challenge: string | null
  /** Which run of the agent asks; null where the agent is too old to say. */
  readonly run: string | null
}

const isJti = (value: unknown): value is string => typeof value === 'string' && value.length >= 16 && value.length <= 128

/** Reads an assertion's claims. */
export function parseAssertion(jws: string): Parsed<Assertion> {
  const parts = decode(jws)
  if (parts === null) return unparsed('the assertion is not a JWT')
  const { header, claims } = parts
  const { iss, sub, aud, iat, exp, jti, challenge, run } = claims
  if (iss === undefined || iss !== sub) return unparsed('iss and sub of an assertion are both <account>/<device>')
  const name = parseSubject(iss)
  if (!name.ok) return name
  const credentialId = parseCredentialId(typeof header.kid === 'string' ? header.kid : null)
  if (!credentialId.ok) return credentialId
  const certificate = credentialId.value.kind === 'certificate' ? shownIn(header.x5c, credentialId.value.fingerprint) : null
  if (credentialId.value.kind === 'certificate' && certificate === null)
    return unparsed('an assertion by a certificate shows it first in x5c')
  if (typeof aud !== 'string') return unparsed('aud of an assertion is one string')
  if (!Number.isSafeInteger(iat) || !Number.isSafeInteger(exp)) return unparsed('iat and exp of an assertion are whole seconds')
  if (!isJti(jti)) return unparsed('jti of an assertion is 16 to 128 characters')
  if (challenge !== undefined && typeof challenge !== 'string') return unparsed('challenge of an assertion is a string')
  const saidRun = run === undefined ? parsed(null) : parseRun(run)
  if (!saidRun.ok) return saidRun
  const times = { issuedMs: Number(iat) * 1000, expiresMs: Number(exp) * 1000 }
  const said = { audience: aud, ...times, jti, challenge: challenge ?? null, run: saidRun.value }
  return parsed({ jws, name: name.value, credentialId: credentialId.value, certificate, ...said })
}

/** What a device asks for by mutual TLS (RFC 8705 §2): who it says it is, its run, and the certificate (DER) of the connection. */
export type TlsRequest = { readonly clientId: string; readonly run: string | undefined; readonly certificate: Uint8Array }

/** The same claims as those of an assertion, made at this moment: the connection is fresh, and cannot be replayed. */
export function claimedByTls({ clientId, run, certificate }: TlsRequest, issuer: string, nowMs: number): Parsed<Assertion> {
  const name = parseSubject(clientId)
  if (!name.ok) return name
  const saidRun = run === undefined ? parsed(null) : parseRun(run)
  if (!saidRun.ok) return saidRun
  const credentialId = { kind: 'certificate', fingerprint: certificateFingerprint(certificate) } as const
  const times = { issuedMs: nowMs, expiresMs: nowMs + ASSERTION_MAX_LIFE_MS }
  const said = { audience: issuer, ...times, jti: randomUUID(), challenge: null, run: saidRun.value }
  return parsed({ jws: null, name: name.value, credentialId, certificate, ...said })
}

/** The certificate that `x5c` (RFC 7515 §4.1.6) begins with, if it is the one of this fingerprint. */
function shownIn(x5c: unknown, fingerprint: string): Uint8Array | null {
  const own: unknown = Array.isArray(x5c) ? x5c[0] : null
  const der = typeof own === 'string' ? Buffer.from(own, 'base64') : null
  return der !== null && certificateFingerprint(der) === fingerprint ? der : null
}

function decode(jws: string) {
  try {
    return { header: decodeProtectedHeader(jws), claims: decodeJwt(jws) }
  } catch {
    return null
  }
}

/** What verifies an assertion: the registered credential's key and its one algorithm. */
export type Verifier = { readonly key: Uint8Array | KeyObject | CryptoKey; readonly algorithm: string }

/** Whether the assertion is signed by the credential's key. The algorithm is the credential's, whatever the header says. */
export async function isGenuine({ jws }: Assertion, { key, algorithm }: Verifier): Promise<boolean> {
  if (jws === null) return true
  if (algorithm === 'HS256' && key instanceof Uint8Array) return isHs256By(jws, key)
  try {
    await compactVerify(jws, key, { algorithms: [algorithm] })
    return true
  } catch {
    return false
  }
}

/** Under which ids the use of an assertion is remembered: its `jti` within the device, and its challenge. */
export function singleUses(assertion: Assertion): readonly string[] {
  const { account, device } = assertion.name
  const jti = createHash('sha256').update([account, device, assertion.jti].join('\0')).digest('base64url')
  return assertion.challenge === null ? [`jti:${jti}`] : [`jti:${jti}`, `challenge:${assertion.challenge}`]
}
