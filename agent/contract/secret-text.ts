/**
 * The text form of secrets (contract §1): a prefix that secret scanners find, then base64url of the bytes and a checksum,
 * so that a truncated or mistyped one is refused when the config is read and not hours later at a hotspot.
 */
import { createHash } from 'node:crypto'
import { type Parsed, parsed, unparsed } from './parsed.ts'

/** `zks_` marks a device's secret, `zkp_` a provisioning key. */
export type SecretPrefix = 'zks_' | 'zkp_'

/** Every secret and key of the contract has this length. */
export const SECRET_BYTES = 32
const CHECKSUM_BYTES = 4

const checksum = (prefix: SecretPrefix, bytes: Uint8Array): Uint8Array =>
  createHash('sha256').update(prefix).update(bytes).digest().subarray(0, CHECKSUM_BYTES)

/** Whether a text claims to be one of ours, in any case; such a text must pass its checksum wherever it appears. */
export const looksLikeSecretText = (text: string): boolean => /^zk[sp]_/i.test(text)

/** The text form: prefix + base64url(bytes ‖ first 4 bytes of SHA-256(prefix ‖ bytes)). */
export const formatSecretText = (prefix: SecretPrefix, bytes: Uint8Array): string =>
  prefix + Buffer.concat([bytes, checksum(prefix, bytes)]).toString('base64url')

/** Reads a secret's text form, one trailing newline allowed; the answer never quotes the text. */
export function parseSecretText(prefix: SecretPrefix, text: string): Parsed<Uint8Array> {
  const body = text.replace(/\r?\n$/, '')
  if (!body.startsWith(prefix)) return unparsed(`expected a text that starts with ${prefix}`)
  const coded = body.slice(prefix.length)
  const whole = Buffer.from(coded, 'base64url')
  if (whole.length !== SECRET_BYTES + CHECKSUM_BYTES || whole.toString('base64url') !== coded) {
    return unparsed(`the ${prefix} text is truncated or has a wrong character`)
  }
  const bytes = whole.subarray(0, SECRET_BYTES)
  if (!whole.subarray(SECRET_BYTES).equals(checksum(prefix, bytes)))
    return unparsed(`the ${prefix} text is mistyped: its checksum does not match`)
  return parsed(new Uint8Array(bytes))
}
