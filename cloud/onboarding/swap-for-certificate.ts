/**
 * `POST /v1/device/credential` with a certificate request (contract §5). A CA elsewhere may take seconds, so that nothing is locked
 * while it signs: it is decided once whether the certificate may be issued, and once more when it is there.
 */
import { X509Certificate } from 'node:crypto'
import { certificateFingerprint, nonceOfKey } from '../../agent/contract/certificate.ts'
import { ApiProblem } from '../api-problem.ts'
import type { AccessClaims } from '../crypto/access-token.ts'
import { readCertificateRequest } from '../issuer/certificate-request.ts'
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
  const known = await decideSwap(parts, claims, asked, null)
  if (known !== null) return chainOf(parts, known)
  const chainPem = await parts.deviceIssuer.issue(claims.name, parsed.value)
  const fingerprint = certificateFingerprint(new X509Certificate(chainPem).raw)
  const id: IssuedId = { kind: 'certificate', fingerprint }
  // Another process may have answered the same request in the meantime: then its answer counts.
  return chainOf(parts, await decideSwap(parts, claims, asked, { nextId: () => id, chainPem }))
}

async function chainOf({ db }: CloudParts, answer: SwapVerdict): Promise<string> {
  if (!answer.issued) throw new ApiProblem(answer.problem, answer.reason)
  const chain = answer.id.kind === 'certificate' ? await findChain(db, answer.id.fingerprint) : null
  if (chain === null) throw new Error('a certificate that was issued is not stored')
  return chain
}
