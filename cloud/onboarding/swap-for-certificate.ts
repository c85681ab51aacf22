/**
 * `POST /v1/device/credential` with a certificate request (contract §5). A CA elsewhere may take seconds, so that nothing is locked
 * while it signs: it is decided once whether the certificate may be issued, and once more when it is there.
 */
import { X509Certificate } from 'node:crypto'
import { certificateFingerprint, nonceOfKey } from '../../agent/contract/certificate.ts'
import { ApiProblem } from '../api-problem.ts'
import type { AccessClaims } from '../crypto/access-token.ts'
import { makePlaceId } from '../issuer/certificate-place.ts'
import { type CertificateRequest, readCertificateRequest } from '../issuer/certificate-request.ts'
import type { CloudParts } from '../parts.ts'
import type { IssuedId } from '../rules/device-credentials.ts'
import type { SwapVerdict } from '../rules/swap.ts'
import { findChain } from '../store/certificates.ts'
import { decideSwap } from './swap.ts'

/** What a device asks with: its request (DER), and the order that it follows; null for the first permanent credential. */
export type CertificateAsk = { readonly request: Uint8Array; readonly order: string | null }

/** Issues a certificate, or throws the problem that says why not. The same key gets the same chain (PEM), byte for byte. */
export async function swapForCertificate(parts: CloudParts, claims: AccessClaims, { request, order }: CertificateAsk): Promise<string> {
  const parsed = await readCertificateRequest(request)
  if (!parsed.ok) throw new ApiProblem('invalid-request', parsed.problem)
  const asked = { kind: 'certificate', nonce: nonceOfKey(parsed.value.publicKey), order } as const
  let made: Made | null = null
  for (let signatures = 0; ; signatures++) {
    let due = 0
    const nextId = (placeNumber: number): IssuedId | null => {
      due = placeNumber
      return made?.placeNumber === placeNumber ? made.id : null
    }
    // Another process may have answered the same request in the meantime: then its answer counts.
    const answer = await decideSwap(parts, claims, asked, { nextId, chainPem: made?.chainPem ?? null })
    if (answer !== null) return chainOf(parts, answer)
    if (signatures === MOST_SIGNATURES) throw new ApiProblem('unavailable', 'other requests of this device came first', 1)
    made = await make(parts, claims, parsed.value, due)
  }
}

/** The place may be taken while a certificate for it is signed: the device asked otherwise meanwhile. */
const MOST_SIGNATURES = 3

/** A certificate that says its place. */
type Made = { readonly placeNumber: number; readonly id: IssuedId; readonly chainPem: string }

async function make(parts: CloudParts, { name }: AccessClaims, request: CertificateRequest, placeNumber: number): Promise<Made> {
  const placeId = makePlaceId(parts.masterKeys[0], name, placeNumber, request.publicKey)
  const chainPem = await parts.deviceIssuer.issue(name, request, placeId)
  const fingerprint = certificateFingerprint(new X509Certificate(chainPem).raw)
  return { placeNumber, id: { kind: 'certificate', fingerprint }, chainPem }
}

async function chainOf({ db }: CloudParts, answer: SwapVerdict): Promise<string> {
  if (!answer.issued) throw new ApiProblem(answer.problem, answer.reason)
  const chain = answer.id.kind === 'certificate' ? await findChain(db, answer.id.fingerprint) : null
  if (chain === null) throw new Error('a certificate that was issued is not stored')
  return chain
}
