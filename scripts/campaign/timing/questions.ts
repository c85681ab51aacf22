/** What somebody without a credential may ask to find out which ids exist: pairs of requests, one about what there is and one about what there is not. */
import { randomBytes, randomUUID } from 'node:crypto'
import { z } from 'zod'
import { deriveApiKey, deriveTemporarySecret } from '../../../agent/contract/derivation.ts'
import { type CredentialId, type DeviceName, formatInnerIdentity } from '../../../agent/contract/names.ts'
import { JWT_BEARER_ASSERTION, ROUTES } from '../../../agent/contract/routes.ts'
import { formatSecretText } from '../../../agent/contract/secret-text.ts'
import { parseSwapAnswer } from '../../../agent/contract/swap.ts'
import { parseTokenAnswer, signAssertion } from '../../../agent/contract/token.ts'
import { AAA_DOMAIN, ACCOUNT, KEY_ID, type Site } from '../cloud/site.ts'
import type { Answer, Asker, Request } from './asker.ts'

/** Two requests that nobody may be able to tell apart by their answers. */
export type Question = { readonly name: string; readonly known: () => Promise<Request>; readonly unknown: () => Promise<Request> }

const TEMPORARY: CredentialId = { kind: 'temporary', keyId: KEY_ID }
const NO_KEY: CredentialId = { kind: 'temporary', keyId: 'line-8' }
const FLASHED: CredentialId = { kind: 'flashed' }
const MADE_UP: CredentialId = { kind: 'issued', secretId: `m1-1-${'a'.repeat(16)}-${'b'.repeat(13)}` }

const device = (name: string, account = ACCOUNT): DeviceName => ({ account, device: name })
const NOBODY = device('SN-nobody')

async function tokenRequest(site: Site, name: DeviceName, credentialId: CredentialId, secret: Uint8Array): Promise<Request> {
  const claims = { name, credentialId, issuer: site.access.issuer, nowMs: Date.now(), jti: randomUUID(), challenge: null, run: null }
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_assertion_type: JWT_BEARER_ASSERTION,
    client_assertion: await signAssertion(claims, { kind: 'secret', apiKey: deriveApiKey(secret, name) }),
  })
  return { path: ROUTES.token, headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: form.toString() }
}

function lookUp(site: Site, name: DeviceName, credentialId: CredentialId): Request {
  const authorization = `Basic ${Buffer.from(`${site.aaa.id}:${site.aaa.secret}`).toString('base64')}`
  const identity = formatInnerIdentity({ ...name, credentialId, realm: AAA_DOMAIN })
  const body = { identity, method: 'TTLS-PAP', calling_station: '02-00-00-00-00-07', called_station: '02-00-00-00-00-01:ZipKey' }
  return { path: ROUTES.aaaAuthorize, headers: { authorization, 'content-type': 'application/json' }, body: JSON.stringify(body) }
}

function expectGood<T>(what: string, parsed: { readonly ok: true; readonly value: T } | { readonly ok: false }, answer: Answer): T {
  if (parsed.ok) return parsed.value
  throw new Error(`${what} was answered ${answer.status}: ${answer.text}`)
}

/** A device with a permanent secret that was proved; gives its id. */
async function swapped(site: Site, ask: Asker, name: DeviceName): Promise<CredentialId> {
  const temporary = deriveTemporarySecret(site.provisioningKey, name)
  const token = async (id: CredentialId, secret: Uint8Array) => {
    const answer = await ask(await tokenRequest(site, name, id, secret))
    return expectGood('a token request', parseTokenAnswer(JSON.parse(answer.text)), answer).accessToken
  }
  const authorization = `Bearer ${await token(TEMPORARY, temporary)}`
  const body = JSON.stringify({ nonce: randomBytes(32).toString('base64url') })
  const answer = await ask({ path: ROUTES.deviceCredential, headers: { authorization, 'content-type': 'application/json' }, body })
  const issued = expectGood('a swap', parseSwapAnswer(JSON.parse(answer.text)), answer)
  if (issued.kind !== 'secret') throw new Error('a swap gave no secret')
  const id: CredentialId = { kind: 'issued', secretId: issued.secretId }
  await token(id, issued.secret)
  return id
}

/** Makes what is asked for, and gives the questions. */
export async function prepareQuestions(site: Site, ask: Asker): Promise<readonly Question[]> {
  const [enrolled, flashed, permanent] = [device('SN-enrolled'), device('SN-flashed'), device('SN-permanent')]
  await ask(await tokenRequest(site, enrolled, TEMPORARY, deriveTemporarySecret(site.provisioningKey, enrolled)))
  const secret = formatSecretText('zks_', new Uint8Array(randomBytes(32)))
  await site.api.call('POST', `/v1/accounts/${ACCOUNT}/devices`, z.unknown(), { devices: [{ id: flashed.device, secret }] })
  await site.api.call('POST', '/v1/accounts', z.unknown(), { id: 'umbra' })
  const current = await swapped(site, ask, permanent)
  // The asker has no secret of anybody.
  const token = (name: DeviceName, id: CredentialId) => () => tokenRequest(site, name, id, new Uint8Array(randomBytes(32)))
  const hotspot = (name: DeviceName, id: CredentialId) => async () => lookUp(site, name, id)
  return [token, hotspot].flatMap((asked, index) => {
    const where = index === 0 ? 'a token for' : 'a hotspot password for'
    return [
      { name: `${where} a device that is enrolled`, known: asked(enrolled, TEMPORARY), unknown: asked(NOBODY, TEMPORARY) },
      { name: `${where} a provisioning key that exists`, known: asked(NOBODY, TEMPORARY), unknown: asked(NOBODY, NO_KEY) },
      { name: `${where} a device with a flashed secret`, known: asked(flashed, FLASHED), unknown: asked(NOBODY, FLASHED) },
      { name: `${where} a device with a permanent secret`, known: asked(permanent, MADE_UP), unknown: asked(NOBODY, MADE_UP) },
      { name: `${where} a permanent secret by its id`, known: asked(permanent, current), unknown: asked(permanent, MADE_UP) },
      {
        name: `${where} an account that exists`,
        known: asked(device('x', 'umbra'), FLASHED),
        unknown: asked(device('x', 'nobody'), FLASHED),
      },
    ]
  })
}
