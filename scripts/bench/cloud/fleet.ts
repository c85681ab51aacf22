/**
 * Devices on their first connection, as the Cloud API sees them, by the contract's own functions.
 *
 * What a device computes on its own CPU (deriving keys, signing assertions, drawing nonces) is computed here between two waves, while
 * nothing is measured: a million devices have a million CPUs, and the two cores are for the cloud.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { deriveApiKey, deriveTemporarySecret } from '../../../agent/contract/derivation.ts'
import type { CredentialId, DeviceName } from '../../../agent/contract/names.ts'
import { JWT_BEARER_ASSERTION, ROUTES } from '../../../agent/contract/routes.ts'
import { formatSwapRequest, NONCE_BYTES, parseSwapAnswer } from '../../../agent/contract/swap.ts'
import { parseTokenAnswer, RUN_BYTES, signAssertion } from '../../../agent/contract/token.ts'
import { type Answer, postRequest } from './lane.ts'

/** What the devices of one production line share. */
export type Line = { readonly account: string; readonly keyId: string; readonly provisioningKey: Uint8Array; readonly issuer: string }

const ACCEPT = { accept: 'application/json, application/problem+json' }

/** A credential of one device; `run` says which run of its agent asks. */
export type HeldSecret = { readonly name: DeviceName; readonly run: string; readonly id: CredentialId; readonly secret: Uint8Array }

/** The temporary credentials of so many new devices; `batch` is in their ids. */
export const newDevices = (line: Line, batch: string, count: number): readonly HeldSecret[] =>
  Array.from({ length: count }, (_, index) => {
    const name = { account: line.account, device: `SN-${batch}-${index}` }
    const run = randomBytes(RUN_BYTES).toString('base64url')
    return { name, run, id: { kind: 'temporary', keyId: line.keyId }, secret: deriveTemporarySecret(line.provisioningKey, name) }
  })

/** The token request of a credential, signed now. */
export async function tokenRequest({ issuer }: Line, { name, run, id, secret }: HeldSecret): Promise<Buffer> {
  const claims = { name, credentialId: id, issuer, nowMs: Date.now(), jti: randomUUID(), challenge: null, run }
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_assertion_type: JWT_BEARER_ASSERTION,
    client_assertion: await signAssertion(claims, { kind: 'secret', apiKey: deriveApiKey(secret, name) }),
  })
  return postRequest(ROUTES.token, { 'content-type': 'application/x-www-form-urlencoded', ...ACCEPT }, form.toString())
}

/** The swap's request with the token that a token request was answered with. */
export function swapRequest(answer: Answer): Buffer {
  const token = parseTokenAnswer(JSON.parse(answer.body))
  if (!token.ok) throw new Error(`no token: ${answer.status} ${answer.body}`)
  const nonce = randomBytes(NONCE_BYTES).toString('base64url')
  const headers = { authorization: `Bearer ${token.value.accessToken}`, 'content-type': 'application/json', ...ACCEPT }
  return postRequest(ROUTES.deviceCredential, headers, JSON.stringify(formatSwapRequest({ kind: 'secret', nonce }, null)))
}

/** The permanent secret that a swap was answered with. */
export function issuedSecret({ name, run }: HeldSecret, answer: Answer): HeldSecret {
  const issued = parseSwapAnswer(JSON.parse(answer.body))
  if (!issued.ok || issued.value.kind !== 'secret') throw new Error(`no secret: ${answer.status} ${answer.body}`)
  return { name, run, id: { kind: 'issued', secretId: issued.value.secretId }, secret: issued.value.secret }
}
