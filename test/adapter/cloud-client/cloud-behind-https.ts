/** Puts the fake cloud behind HTTPS, as the contract has it: signatures are really checked, answers are really signed. */
import { execFileSync } from 'node:child_process'
import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { CompactSign, decodeProtectedHeader, exportJWK, generateKeyPair, type JSONWebKeySet, jwtVerify } from 'jose'
import { ACTION_TYP } from '../../../agent/contract/action.ts'
import { deriveApiKey, deriveDeliveryKey } from '../../../agent/contract/derivation.ts'
import { AFTER_PARAMETER, DEVICE_CONFIG_TYP, type SealFor, sealText } from '../../../agent/contract/device-config.ts'
import { formatHotspotForm, sealedMembers } from '../../../agent/contract/hotspot-form.ts'
import { type CredentialId, formatSubject, parseCredentialId } from '../../../agent/contract/names.ts'
import { isObject } from '../../../agent/contract/parsed.ts'
import { PROBLEMS, type ProblemType, problemUri } from '../../../agent/contract/problems.ts'
import { JWT_BEARER_ASSERTION, ROUTES } from '../../../agent/contract/routes.ts'
import { formatSecretText } from '../../../agent/contract/secret-text.ts'
import { SIGNED_TIME_TYP } from '../../../agent/contract/signed-time.ts'
import type { SwapAnswer } from '../../../agent/contract/swap.ts'
import type { Answer, FakeAsk, FakeCloud, FakeProfiles, Mishap } from '../../fakes/cloud.ts'
import type { Handler } from './tls-server.ts'

/** The issuer string of these tests' cloud. */
export const ISSUER = 'https://cloud.zipkey.test'

/** A handler for the fake cloud, and the keys that it signs with. */
export type CloudBehindHttps = { readonly handler: Handler; readonly signingKeys: JSONWebKeySet }

const sendProblem = (response: ServerResponse, type: ProblemType, retryAfterS = 0): void => {
  const { status, title } = PROBLEMS[type]
  const headers = { 'content-type': 'application/problem+json', ...(retryAfterS > 0 ? { 'retry-after': String(retryAfterS) } : {}) }
  response.writeHead(status, headers).end(JSON.stringify({ type: problemUri(type), title, status }))
}

/** Reads and verifies the assertion of a token request, then asks the rules. */
async function judgeTokenRequest(cloud: FakeCloud, body: string, jtis: Set<string>): Promise<Answer<object>> {
  const form = new URLSearchParams(body)
  const assertion = form.get('client_assertion') ?? ''
  if (form.get('grant_type') !== 'client_credentials' || form.get('client_assertion_type') !== JWT_BEARER_ASSERTION) {
    return { ok: false, problem: 'invalid-request' }
  }
  const id = parseCredentialId(decodeProtectedHeader(assertion).kid ?? null)
  const verifying = id.ok ? verifyingKey(cloud, id.value) : null
  if (!id.ok || verifying === null) return { ok: false, problem: 'unknown-credential' }
  const subject = formatSubject(cloud.identity)
  try {
    const expected = { algorithms: [verifying.algorithm], issuer: subject, subject, audience: ISSUER, currentDate: new Date(0) }
    const { payload } = await jwtVerify(assertion, verifying.key, expected)
    const { jti = '', iat = 0, exp = 0, challenge } = payload
    if (jtis.has(jti) || exp - iat > 60) return { ok: false, problem: 'unknown-credential' }
    jtis.add(jti)
    const granted = cloud.grantToken(id.value, iat * 1000, typeof challenge === 'string' ? challenge : null)
    if (!granted.ok) return granted
    return { ok: true, value: { access_token: granted.value.token, token_type: 'Bearer', scope: granted.value.scope, expires_in: 900 } }
  } catch {
    return { ok: false, problem: 'unknown-credential' }
  }
}

/** What verifies an assertion follows from the credential, never from the assertion. */
function verifyingKey(cloud: FakeCloud, id: CredentialId): { readonly algorithm: string; readonly key: Uint8Array | KeyObject } | null {
  if (id.kind === 'certificate') {
    const chainPem = cloud.certificateOf(id.fingerprint)
    return chainPem === null ? null : { algorithm: 'ES256', key: new X509Certificate(chainPem).publicKey }
  }
  const secret = cloud.expectedSecret(id)
  return secret === null ? null : { algorithm: 'HS256', key: deriveApiKey(secret, cloud.identity) }
}

function judgeSwapRequest(cloud: FakeCloud, authorization: string, body: string): Answer<object> {
  const request: unknown = JSON.parse(body)
  const { nonce = '', csr = null, order = null } = isObject(request) ? request : {}
  const ask: FakeAsk = typeof csr === 'string' ? { kind: 'certificate', publicKey: keyIn(csr) } : { kind: 'secret', nonce: String(nonce) }
  const issued = cloud.issue(authorization.replace(/^Bearer /, ''), ask, order === null ? null : String(order))
  return issued.ok ? { ok: true, value: bodyOf(issued.value) } : issued
}

/** The public key of a certificate request, once openssl has found it signed by that key. */
function keyIn(csr: string): KeyObject {
  const parameters = ['req', '-inform', 'DER', '-noout', '-verify', '-pubkey']
  return createPublicKey(execFileSync('openssl', parameters, { input: Buffer.from(csr, 'base64'), stdio: 'pipe' }))
}

function bodyOf(answer: SwapAnswer): object {
  switch (answer.kind) {
    case 'secret':
      return { secret_id: answer.secretId, secret: formatSecretText('zks_', answer.secret) }
    case 'certificate':
      return { certificate: answer.chainPem }
  }
}

/** Whom a passphrase is sealed for: the holder of the token. */
function sealFor(cloud: FakeCloud, token: string): SealFor {
  const id = cloud.holderOf(token)
  if (id?.kind === 'certificate') return { kind: 'certificate', pem: cloud.certificateOf(id.fingerprint) ?? '' }
  const secret = id === null ? null : cloud.expectedSecret(id)
  return { kind: 'secret', deliveryKey: deriveDeliveryKey(secret ?? new Uint8Array(32), cloud.identity) }
}

/** Serves the fake cloud; a mishap befalls the HTTP exchange in the way its kind says. */
export async function putBehindHttps(cloud: FakeCloud): Promise<CloudBehindHttps> {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const signingKeys = { keys: [{ ...(await exportJWK(publicKey)), kid: 'time-1', alg: 'ES256' }] }
  const jtis = new Set<string>()

  const signedTime = (nonce: string): Promise<string> => {
    const { timeMs, challenge } = cloud.tellTime()
    return new CompactSign(Buffer.from(JSON.stringify({ nonce, time: timeMs / 1000, challenge })))
      .setProtectedHeader({ alg: 'ES256', kid: 'time-1', typ: SIGNED_TIME_TYP })
      .sign(privateKey)
  }
  const signedAction = (id: string): Promise<string> => {
    const { account, device } = cloud.identity
    const action = { account, device, id, exp: Math.floor(cloud.clock.nowMs() / 1000) + 60, body: { kind: 'rotate-credential' } }
    return new CompactSign(Buffer.from(JSON.stringify(action)))
      .setProtectedHeader({ alg: 'ES256', kid: 'time-1', typ: ACTION_TYP })
      .sign(privateKey)
  }
  const signedProfiles = async ({ version, hotspots }: FakeProfiles, authorization: string): Promise<string> => {
    const { account, device } = cloud.identity
    const whom = sealFor(cloud, authorization.replace(/^Bearer /, ''))
    const sealed = hotspots.map(async (form) => {
      let json = formatHotspotForm(form)
      for (const { text, put } of sealedMembers(json)) json = put(json, (await sealText(text, whom)) ?? '')
      return json
    })
    return new CompactSign(Buffer.from(JSON.stringify({ account, device, version, hotspots: await Promise.all(sealed) })))
      .setProtectedHeader({ alg: 'ES256', kid: 'time-1', typ: DEVICE_CONFIG_TYP })
      .sign(privateKey)
  }
  const actions = async (authorization: string): Promise<Answer<object>> => {
    const order = cloud.openOrder(authorization.replace(/^Bearer /, ''))
    return order.ok ? { ok: true, value: { actions: order.value === null ? [] : [await signedAction(order.value)] } } : order
  }
  const handler: Handler = async (request, response, body) => {
    const mishap = cloud.takeMishap()
    if (mishap?.kind === 'silence') return
    if (mishap?.kind === 'unreachable') return void response.destroy()
    if (mishap?.kind === 'problem') return sendProblem(response, mishap.type, mishap.retryAfterS)
    const url = new URL(request.url ?? '/', ISSUER)
    if (url.pathname === ROUTES.time) {
      const jws = await signedTime(url.searchParams.get('nonce') ?? '')
      return void response.writeHead(200, { 'content-type': 'application/jose' }).end(jws)
    }
    const authorization = request.headers.authorization ?? ''
    if (url.pathname === ROUTES.deviceConfig) {
      const profiles = cloud.profilesAfter(authorization.replace(/^Bearer /, ''), Number(url.searchParams.get(AFTER_PARAMETER)))
      if (!profiles.ok) return sendProblem(response, profiles.problem)
      if (profiles.value === null) return void response.writeHead(204).end()
      return void response.writeHead(200, { 'content-type': 'application/jose' }).end(await signedProfiles(profiles.value, authorization))
    }
    if (url.pathname === ROUTES.deviceActions) return send(response, await actions(authorization), 200, mishap)
    const isToken = url.pathname === ROUTES.token
    const answer = isToken ? await judgeTokenRequest(cloud, body, jtis) : judgeSwapRequest(cloud, authorization, body)
    send(response, answer, isToken ? 200 : 201, mishap)
  }
  return { handler, signingKeys }
}

function send(response: ServerResponse, answer: Answer<object>, status: number, mishap: Mishap | null): void {
  if (mishap?.kind === 'answer-lost') response.destroy()
  else if (!answer.ok) sendProblem(response, answer.problem)
  else response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.value))
}
