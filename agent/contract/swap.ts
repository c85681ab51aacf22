/**
 * The swap's one request and its answer (contract §5): a nonce goes up and a permanent secret comes down, or a certificate request
 * goes up and a certificate chain comes down; then the nonce is the SHA-256 of the public key.
 */
import { certificateFingerprint, parseCertificateChain } from './certificate.ts'
import { parseCredentialId } from './names.ts'
import { isObject, type Parsed, parsed, unparsed } from './parsed.ts'
import { parseSecretText } from './secret-text.ts'

const NONCE = /^[A-Za-z0-9_-]{43}$/

/** A nonce is 32 random bytes in base64url: 43 characters. */
export const NONCE_BYTES = 32

/** Reads a swap nonce. */
export const parseNonce = (value: unknown): Parsed<string> =>
  typeof value === 'string' && NONCE.test(value) ? parsed(value) : unparsed('a nonce is 43 characters of base64url')

/** What a device asks for: a secret by a nonce, or a certificate by a request (DER of PKCS#10). */
export type SwapAsk =
  | { readonly kind: 'secret'; readonly nonce: string }
  | { readonly kind: 'certificate'; readonly certificateRequest: Uint8Array }

/** The body of the swap's request; `orderId` is null for the first permanent credential. */
export function formatSwapRequest(ask: SwapAsk, orderId: string | null): Readonly<Record<string, string>> {
  const order: Readonly<Record<string, string>> = orderId === null ? {} : { order: orderId }
  switch (ask.kind) {
    case 'secret':
      return { nonce: ask.nonce, ...order }
    case 'certificate':
      return { csr: Buffer.from(ask.certificateRequest).toString('base64'), ...order }
  }
}

/** The permanent credential that the cloud issued: a secret, or the certificate of the device's key with its issuers. */
export type SwapAnswer =
  | { readonly kind: 'secret'; readonly secretId: string; readonly secret: Uint8Array }
  | { readonly kind: 'certificate'; readonly fingerprint: string; readonly chainPem: string }

/** Reads `{secret_id, secret}` or `{certificate}`. */
export function parseSwapAnswer(body: unknown): Parsed<SwapAnswer> {
  if (!isObject(body)) return unparsed('the swap answer is not an object')
  return typeof body.certificate === 'string' ? readCertificate(body.certificate) : readSecret(body)
}

function readCertificate(chainPem: string): Parsed<SwapAnswer> {
  const chain = parseCertificateChain(chainPem)
  if (!chain.ok) return chain
  return parsed({ kind: 'certificate', fingerprint: certificateFingerprint(chain.value[0].raw), chainPem })
}

function readSecret({ secret_id: secretId, secret: text }: Readonly<Record<string, unknown>>): Parsed<SwapAnswer> {
  if (typeof secretId !== 'string' || typeof text !== 'string') return unparsed('the swap answer has no secret_id or no secret')
  const id = parseCredentialId(`s.${secretId}`)
  if (!id.ok) return unparsed('the swap answer has a malformed secret_id')
  const secret = parseSecretText('zks_', text)
  return secret.ok ? parsed({ kind: 'secret', secretId, secret: secret.value }) : secret
}
