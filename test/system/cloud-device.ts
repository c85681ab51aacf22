/** A device as the Cloud API sees it: assertions, tokens and the swap by the contract's own functions, without an agent. */
import { type KeyObject, randomBytes, randomUUID } from 'node:crypto'
import { request } from 'node:https'
import { parseCertificateChain } from '../../agent/contract/certificate.ts'
import { deriveApiKey, deriveHotspotPassword, deriveTemporarySecret } from '../../agent/contract/derivation.ts'
import { type CredentialId, type DeviceName, formatInnerIdentity } from '../../agent/contract/names.ts'
import { parseProblem } from '../../agent/contract/problems.ts'
import { JWT_BEARER_ASSERTION, ROUTES } from '../../agent/contract/routes.ts'
import { parseSwapAnswer } from '../../agent/contract/swap.ts'
import { type AssertionKey, parseTokenAnswer, type Scope, signAssertion } from '../../agent/contract/token.ts'

/** What of a running cloud a device needs; `nowMs` is the device's clock, where it is another one. */
export type CloudAddress = { readonly url: string; readonly caPem: string; readonly issuer: string; readonly nowMs?: () => number }

/** A secret, and how it is called on the wire. */
export type DeviceCredential = { readonly name: DeviceName; readonly id: CredentialId; readonly secret: Uint8Array }

/** A certificate with its issuers and its private key. */
export type CertificateCredential = {
  readonly name: DeviceName
  readonly id: Extract<CredentialId, { kind: 'certificate' }>
  readonly privateKey: KeyObject
  readonly chainPem: string
}

function keyOf(credential: DeviceCredential | CertificateCredential): AssertionKey {
  if ('secret' in credential) return { kind: 'secret', apiKey: deriveApiKey(credential.secret, credential.name) }
  const chain = parseCertificateChain(credential.chainPem)
  if (!chain.ok) throw new Error(chain.problem)
  return { kind: 'certificate', privateKey: credential.privateKey, chain: chain.value.map(({ raw }) => raw) }
}

/** An answer: the status, the body, and the problem type where it is one. */
export type Answer = {
  readonly status: number
  readonly body: unknown
  readonly problem: string | null
  readonly headers: NodeJS.Dict<string | string[]>
}

/** Any call of the Cloud API. */
export function callCloud(
  cloud: CloudAddress,
  method: string,
  path: string,
  options: { readonly headers?: Record<string, string>; readonly body?: string } = {},
): Promise<Answer> {
  return new Promise((done, failed) => {
    const call = request(new URL(path, cloud.url), { method, ca: cloud.caPem, headers: options.headers ?? {} }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part
      })
      response.on('end', () => done(answerOf(response.statusCode ?? 0, text, response.headers)))
    })
    call.on('error', failed)
    call.end(options.body)
  })
}

function answerOf(status: number, text: string, headers: Answer['headers']): Answer {
  const isJson = /json/.test(String(headers['content-type']))
  const body: unknown = isJson ? JSON.parse(text) : text
  const problem = parseProblem(body)
  return { status, body, headers, problem: problem.ok ? problem.value.type : null }
}

/** The temporary credential that a provisioning key gives a device. */
export const temporaryCredential = (name: DeviceName, keyId: string, key: Uint8Array): DeviceCredential => ({
  name,
  id: { kind: 'temporary', keyId },
  secret: deriveTemporarySecret(key, name),
})

/** What an assertion may say otherwise than it should. */
export type AssertionChanges = {
  readonly nowMs?: number
  readonly jti?: string
  readonly challenge?: string
  readonly issuer?: string
  readonly run?: string
}

/** A client assertion. */
export const assertionOf = (
  cloud: CloudAddress,
  credential: DeviceCredential | CertificateCredential,
  changes: AssertionChanges = {},
): Promise<string> =>
  signAssertion(
    {
      name: credential.name,
      credentialId: credential.id,
      issuer: changes.issuer ?? cloud.issuer,
      nowMs: changes.nowMs ?? cloud.nowMs?.() ?? Date.now(),
      jti: changes.jti ?? randomUUID(),
      challenge: changes.challenge ?? null,
      run: changes.run ?? null,
    },
    keyOf(credential),
  )

/** Sends an assertion to the token endpoint. */
export function sendAssertion(cloud: CloudAddress, assertion: string): Promise<Answer> {
  const form = { grant_type: 'client_credentials', client_assertion_type: JWT_BEARER_ASSERTION, client_assertion: assertion }
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  return callCloud(cloud, 'POST', ROUTES.token, { headers, body: new URLSearchParams(form).toString() })
}

/** A token request; the problem type, or `granted`. */
export async function tokenOutcome(
  cloud: CloudAddress,
  credential: DeviceCredential | CertificateCredential,
  changes: AssertionChanges = {},
): Promise<string> {
  const answer = await sendAssertion(cloud, await assertionOf(cloud, credential, changes))
  return answer.status === 200 ? 'granted' : (answer.problem ?? String(answer.status))
}

/** An access token; a refusal throws. */
export async function tokenOf(
  cloud: CloudAddress,
  credential: DeviceCredential | CertificateCredential,
): Promise<{ readonly value: string; readonly scope: Scope }> {
  const answer = await sendAssertion(cloud, await assertionOf(cloud, credential))
  const token = parseTokenAnswer(answer.body)
  if (!token.ok) throw new Error(`no token: ${answer.problem ?? answer.status}`)
  return { value: token.value.accessToken, scope: token.value.scope }
}

/** A fresh swap nonce. */
export const freshNonce = (): string => randomBytes(32).toString('base64url')

/** The swap request, as it is answered. */
export function askForCredential(cloud: CloudAddress, accessToken: string, nonce: string): Promise<Answer> {
  const headers = { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' }
  return callCloud(cloud, 'POST', ROUTES.deviceCredential, { headers, body: JSON.stringify({ nonce }) })
}

/** The swap: the issued secret; a refusal throws. */
export async function swap(cloud: CloudAddress, temporary: DeviceCredential, nonce = freshNonce()): Promise<DeviceCredential> {
  const token = await tokenOf(cloud, temporary)
  const answer = await askForCredential(cloud, token.value, nonce)
  const issued = parseSwapAnswer(answer.body)
  if (!issued.ok || issued.value.kind !== 'secret') throw new Error(`no secret: ${answer.problem ?? answer.status}`)
  return { name: temporary.name, id: { kind: 'issued', secretId: issued.value.secretId }, secret: issued.value.secret }
}

/** The inner identity and password of a credential at a hotspot. */
export const hotspotLogin = (credential: DeviceCredential, realm: string, aaaDomain: string) => ({
  identity: formatInnerIdentity({ ...credential.name, credentialId: credential.id, realm }),
  password: deriveHotspotPassword(credential.secret, credential.name, aaaDomain),
})
