/** The swap's one request and its answer (contract §5): a nonce goes up, the permanent secret comes down. */
import { parseCredentialId } from './names.ts'
import { isObject, type Parsed, parsed, unparsed } from './parsed.ts'
import { parseSecretText } from './secret-text.ts'

const NONCE = /^[A-Za-z0-9_-]{43}$/

/** A nonce is 32 random bytes in base64url: 43 characters. */
export const NONCE_BYTES = 32

/** Reads a swap nonce. */
export const parseNonce = (value: unknown): Parsed<string> =>
  typeof value === 'string' && NONCE.test(value) ? parsed(value) : unparsed('a nonce is 43 characters of base64url')

/** The permanent secret that the cloud issued. */
export type SwapAnswer = { readonly secretId: string; readonly secret: Uint8Array }

/** Reads `{secret_id, secret}`. */
export function parseSwapAnswer(body: unknown): Parsed<SwapAnswer> {
  if (!isObject(body) || typeof body.secret_id !== 'string' || typeof body.secret !== 'string') {
    return unparsed('the swap answer has no secret_id or no secret')
  }
  const id = parseCredentialId(`s.${body.secret_id}`)
  if (!id.ok) return unparsed('the swap answer has a malformed secret_id')
  const secret = parseSecretText('zks_', body.secret)
  return secret.ok ? parsed({ secretId: body.secret_id, secret: secret.value }) : secret
}
