/** Registering a CA whose owner proves possession, and what becomes of it. */
import { X509Certificate } from 'node:crypto'
import { certificateFingerprint, parseCertificateChain } from '../../agent/contract/certificate.ts'
import { algorithmOfKey } from '../../agent/contract/token.ts'
import { ApiProblem } from '../api-problem.ts'
import { createPossessionChallenge, possessionChallengeTimeMs } from '../crypto/possession-challenge.ts'
import type { CloudParts } from '../parts.ts'
import { type DeviceIdField, subjectField } from '../rules/authority.ts'
import { appendAudit } from '../store/audit-log.ts'
import { insertAuthority, listAuthorities, retireAuthority } from '../store/authorities.ts'
import { accountExists, type StoredOperatorKey } from '../store/principals.ts'
import { operatorEntry } from './operator-entry.ts'

const MIN_RSA_BITS = 2048
/** Keys of CAs lie in safes: a ceremony takes its days. */
const CHALLENGE_LIFE_MS = 7 * 86_400_000
/** Each certificate that is not known is held against them all. */
const MOST_AUTHORITIES = 64

/** A challenge, and until when it can be answered. */
export type PossessionChallenge = { challenge: string; expires_at_ms: number }

/** Draws a challenge for a CA; nothing is stored. */
export async function challengeAuthority(parts: CloudParts, account: string, pem: string): Promise<PossessionChallenge> {
  if (!(await accountExists(parts.db, account))) throw new ApiProblem('not-found', `there is no account ${account}`)
  const fingerprint = certificateFingerprint(authorityOf(pem).raw)
  const nowMs = parts.nowMs()
  const challenge = createPossessionChallenge(parts.masterKeys, { account, fingerprint }, nowMs)
  return { challenge, expires_at_ms: nowMs + CHALLENGE_LIFE_MS }
}

/** What is registered: the CA and, signed by it, a certificate with the challenge as its common name (both PEM). */
export type AuthorityRequest = {
  readonly id: string
  readonly certificate: string
  readonly proof: string
  readonly device_id_in: DeviceIdField
  readonly allow: readonly string[]
}

/** Registers a CA. */
export async function registerAuthority(parts: CloudParts, by: StoredOperatorKey, account: string, request: AuthorityRequest) {
  const certificate = authorityOf(request.certificate)
  const fingerprint = certificateFingerprint(certificate.raw)
  requireProof(parts, { account, fingerprint }, certificate, request.proof)
  const rules = { id: request.id, retired: false, allow: request.allow, deviceIdIn: request.device_id_in }
  const nowMs = parts.nowMs()
  await parts.db.transaction().execute(async (db) => {
    if (!(await accountExists(db, account))) throw new ApiProblem('not-found', `there is no account ${account}`)
    if ((await listAuthorities(db, account)).length >= MOST_AUTHORITIES)
      throw new ApiProblem('conflict', `an account has at most ${MOST_AUTHORITIES} certificate authorities`)
    const authority = { rules, fingerprint, pem: certificate.toString(), createdAt: nowMs }
    if (!(await insertAuthority(db, account, authority)))
      throw new ApiProblem('conflict', `certificate authority ${request.id}, or this CA by another id or account, exists already`)
    await appendAudit(db, nowMs, [operatorEntry(by, 'certificate-authority-registered', account, `${request.id} c.${fingerprint}`)])
  })
  return { id: request.id, fingerprint: `c.${fingerprint}` }
}

function requireProof(parts: CloudParts, claimed: { account: string; fingerprint: string }, ca: X509Certificate, pem: string): void {
  const proof = certificateIn(pem, 'proof')
  if (!proof.checkIssued(ca) || !proof.verify(ca.publicKey)) throw new ApiProblem('invalid-request', 'proof is not issued by this CA')
  const drawnMs = possessionChallengeTimeMs(parts.masterKeys, claimed, subjectField(proof, 'CN') ?? '')
  if (drawnMs === null) throw new ApiProblem('invalid-request', 'the common name of proof is no challenge for this CA and account')
  if (parts.nowMs() > drawnMs + CHALLENGE_LIFE_MS) throw new ApiProblem('invalid-request', 'the challenge is too old: ask for another one')
}

function authorityOf(pem: string): X509Certificate {
  const certificate = certificateIn(pem, 'certificate')
  if (!certificate.ca) throw new ApiProblem('invalid-request', 'certificate is not a CA: give the one that issues devices’ certificates')
  const { modulusLength } = certificate.publicKey.asymmetricKeyDetails ?? {}
  const isWeak = certificate.publicKey.asymmetricKeyType === 'rsa' && (modulusLength ?? 0) < MIN_RSA_BITS
  if (isWeak || algorithmOfKey(certificate.publicKey) === null)
    throw new ApiProblem('invalid-request', `the key of a CA is RSA of ${MIN_RSA_BITS} bits or more, P-256 or P-384`)
  return certificate
}

function certificateIn(pem: string, name: string): X509Certificate {
  if (/PRIVATE KEY-----/.test(pem)) throw new ApiProblem('invalid-request', `${name} comes with a private key, which must stay where it is`)
  const chain = parseCertificateChain(pem)
  if (!chain.ok) throw new ApiProblem('invalid-request', `${name}: ${chain.problem}`)
  if (chain.value.length > 1) throw new ApiProblem('invalid-request', `${name} is one certificate alone`)
  return chain.value[0]
}

/** The CAs of an account, as the API shows them. */
export async function showAuthorities(parts: CloudParts, account: string) {
  const authorities = await listAuthorities(parts.db, account)
  return authorities.map(({ rules, fingerprint, pem, createdAt }) => ({
    ...{ id: rules.id, fingerprint: `c.${fingerprint}`, subject: new X509Certificate(pem).subject.replaceAll('\n', ', ') },
    ...{ device_id_in: rules.deviceIdIn, allow: [...rules.allow], retired: rules.retired, created_at_ms: createdAt, certificate: pem },
  }))
}

/** Retires a CA: it enrols nobody any more; devices that it enrolled are not touched. */
export async function retireCertificateAuthority(parts: CloudParts, by: StoredOperatorKey, account: string, id: string): Promise<void> {
  await parts.db.transaction().execute(async (db) => {
    if (!(await retireAuthority(db, account, id, parts.nowMs())))
      throw new ApiProblem('not-found', `there is no certificate authority ${id} in use`)
    await appendAudit(db, parts.nowMs(), [operatorEntry(by, 'certificate-authority-retired', account, id)])
  })
}
