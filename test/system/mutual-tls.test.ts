/** Mutual TLS at the Cloud API (RFC 8705) in place of the assertion, with the agent's own client. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import https from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { HttpsCloudClient } from '../../agent/cloud-client/https-cloud-client.ts'
import { ROUTES } from '../../agent/contract/routes.ts'
import { deviceCertificate } from '../../agent/credential/certificate.ts'
import type { DeviceCertificate, TokenCertificate } from '../../agent/credential/credential.ts'
import { tokenCertificate } from '../../agent/credential/flashed-certificate.ts'
import { Secret } from '../../agent/credential/secret.ts'
import { createClock } from '../../agent/host/clock.ts'
import { createTokens } from '../../agent/token/openssl-tokens.ts'
import { createKeptLog } from '../fakes/log.ts'
import { type KeyKind, OpensslFolder } from '../fakes/openssl-certificates.ts'
import { SoftToken, type TokenKeyKind } from '../fakes/soft-token.ts'
import { type RunningCloud, startCloud } from './cloud-server.ts'

let folder: string
let cloud: RunningCloud
let factory: OpensslFolder

const setClientCertificates = (clientCertificates: boolean): Promise<void> => cloud.reconfigure({ clientCertificates })

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zipkey-mutual-'))
  cloud = await startCloud({ dir: join(folder, 'cloud') })
  await cloud.createAccount('acme')
  await setClientCertificates(true)
  factory = new OpensslFolder(folder)
  factory.key('ca', 'P-256')
  factory.certificate('ca', { issuer: null, isCa: true })
})
afterAll(async () => {
  await cloud.stop()
  await rm(folder, { recursive: true })
})

let count = 0
type Device = { readonly id: string; readonly credential: DeviceCertificate }

async function newDevice(kind: KeyKind = 'P-256', isRegistered = true): Promise<Device> {
  count += 1
  const id = `SN-${count}`
  factory.key(id, kind)
  factory.certificate(id, { issuer: 'ca', isCa: false })
  const credential = deviceCertificate(factory.read(`${id}.pem`) + factory.read('ca.pem'), new Secret(factory.read(`${id}.key`)))
  if (!credential.ok) throw new Error(credential.problem)
  if (isRegistered) expect(await cloud.registerCertificate('acme', id, factory.read(`${id}.pem`))).toBe('registered')
  return { id, credential: credential.value }
}

function clientOf(device: string, access: { readonly url?: string; readonly caPem?: string } = {}): HttpsCloudClient {
  const { issuer, jwks: signingKeys } = cloud
  return new HttpsCloudClient({
    cloud: { url: access.url ?? cloud.url, issuer, caPem: access.caPem ?? cloud.caPem, signingKeys },
    identity: { account: 'acme', device, realm: 'zipkey.test' },
    clock: createClock(),
    timers: { cloudCallMs: 10_000 },
    log: createKeptLog().log,
    tokens: createTokens(),
    mutualTls: true,
  })
}

const tokenOf = (device: string, credential: DeviceCertificate) => clientOf(device).token(credential, null, new AbortController().signal)
const events = async (device: string) => (await cloud.audit('acme', device)).map(({ event }) => event)

/** A token request with this form, over a connection that shows the certificate or none. */
function post(form: Record<string, string>, shown: DeviceCertificate | null): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const key = shown === null ? {} : { cert: shown.chainPem, key: shown.privateKeyPem.reveal() }
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const request = https.request(`${cloud.url}${ROUTES.token}`, { method: 'POST', ca: cloud.caPem, ...key, headers, agent: false })
    request.on('response', (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
    })
    request.on('error', reject)
    request.end(new URLSearchParams({ grant_type: 'client_credentials', ...form }).toString())
  })
}

describe('a certificate by mutual TLS', () => {
  it.each(['P-256', 'P-384', 'RSA-2048'] as const)('of %s gets a token, as often as it asks', async (kind) => {
    const { id, credential } = await newDevice(kind)
    for (let round = 1; round <= 2; round++) expect((await tokenOf(id, credential)).scope).toBe('device')
    expect((await events(id)).filter((event) => event === 'token-issued')).toHaveLength(2)
  })

  it('of a device that claims to be another is refused, and that device is told nothing but that', async () => {
    const [mine, other] = [await newDevice(), await newDevice()]
    await expect(tokenOf(other.id, mine.credential)).rejects.toMatchObject({ code: 'ERR_CLOUD_REFUSED' })
    expect(await events(other.id)).toContain('unknown-credential-refused')
    expect(await events(other.id)).not.toContain('token-issued')
  })

  it('that nobody registered is refused', async () => {
    const { id, credential } = await newDevice('P-256', false)
    await expect(tokenOf(id, credential)).rejects.toMatchObject({ code: 'ERR_CLOUD_REFUSED' })
  })

  it('that was revoked is refused', async () => {
    const { id, credential } = await newDevice()
    await tokenOf(id, credential)
    await cloud.api.call('POST', `/v1/accounts/acme/devices/${id}/revoke`, z.unknown(), { credential: null })
    await expect(tokenOf(id, credential)).rejects.toMatchObject({ code: 'ERR_CLOUD_REFUSED' })
  })

  it('shown with the key of another does not get through the handshake', async () => {
    const [mine, other] = [await newDevice(), await newDevice()]
    const stolen = { ...other.credential, privateKeyPem: mine.credential.privateKeyPem }
    await expect(tokenOf(other.id, stolen)).rejects.toThrow()
    expect(new X509Certificate(stolen.chainPem).checkPrivateKey(createPrivateKey(stolen.privateKeyPem.reveal()))).toBe(false)
    expect(await events(other.id)).not.toContain('token-issued')
  })

  it.each([
    ['no certificate', { client_id: 'acme/SN-1' }, false, /no client certificate/],
    ['neither client_id nor assertion', {}, true, /client_id with a certificate/],
    ['both', { client_id: 'acme/SN-1', client_assertion: 'x' }, true, /not both/],
    ['no device in client_id', { client_id: 'acme' }, true, /invalid-request/],
    ['a run that is none', { client_id: 'acme/SN-1', run: 'x' }, true, /run id/],
  ] as const)('with %s is a bad request', async (_, form, isShown, text) => {
    const { credential } = await newDevice('P-256', false)
    const answer = await post(form, isShown ? credential : null)
    expect([answer.status, answer.text]).toEqual([400, expect.stringMatching(text)])
  })
})

describe('a key in a token by mutual TLS', () => {
  let token: SoftToken
  const before = process.env.SOFTHSM2_CONF
  beforeAll(() => {
    token = new SoftToken(folder, 'zipkey chip')
    Object.assign(process.env, token.environment)
  })
  afterAll(() => {
    if (before === undefined) delete process.env.SOFTHSM2_CONF
    else process.env.SOFTHSM2_CONF = before
  })

  async function inToken(kind: TokenKeyKind, pin = token.pin): Promise<{ readonly id: string; readonly credential: TokenCertificate }> {
    count += 1
    const id = `SN-${count}`
    token.makeKey(id, kind)
    token.request(id, `/CN=${id}`, join(folder, `${id}.csr`))
    factory.sign(id, { issuer: 'ca', isCa: false })
    expect(await cloud.registerCertificate('acme', id, factory.read(`${id}.pem`))).toBe('registered')
    const opened = tokenCertificate([new X509Certificate(factory.read(`${id}.pem`))], `${token.uri(id)};type=private`, new Secret(pin))
    if (!opened.ok) throw new Error(opened.problem)
    return { id, credential: opened.value }
  }
  const tokenBy = (client: HttpsCloudClient, credential: TokenCertificate, signal = new AbortController().signal) =>
    client.token(credential, null, signal)

  it.each(['EC:prime256v1', 'EC:secp384r1', 'rsa:2048'] as const)(
    'of %s gets an access token, by the name and by the address of the cloud',
    async (kind) => {
      const { id, credential } = await inToken(kind)
      const { port } = new URL(cloud.url)
      for (const host of ['localhost', '127.0.0.1'])
        expect((await tokenBy(clientOf(id, { url: `https://${host}:${port}` }), credential)).scope).toBe('device')
      expect((await events(id)).filter((event) => event === 'token-issued')).toHaveLength(2)
    },
  )

  it('shows nothing to a cloud of another CA, and waits where none answers', async () => {
    const { id, credential } = await inToken('EC:prime256v1')
    await expect(tokenBy(clientOf(id, { caPem: factory.read('ca.pem') }), credential)).rejects.toMatchObject({ code: 'ERR_CLOUD_TLS' })
    await expect(tokenBy(clientOf(id, { url: 'https://127.0.0.1:1' }), credential)).rejects.toMatchObject({ code: 'ERR_CLOUD_UNREACHABLE' })
    expect(await events(id)).not.toContain('token-issued')
  })

  it('tells a refused PIN, and shows it once', async () => {
    const { id, credential } = await inToken('EC:prime256v1', 'wrong')
    const client = clientOf(id)
    await expect(tokenBy(client, credential)).rejects.toMatchObject({ code: 'ERR_TOKEN_PIN' })
    await expect(tokenBy(client, { ...credential, pin: new Secret(token.pin) })).rejects.toMatchObject({ code: 'ERR_TOKEN_PIN' })
    expect((await tokenBy(clientOf(id), { ...credential, pin: new Secret(token.pin) })).scope).toBe('device')
  })

  it('ends when it is told to', async () => {
    const { id, credential } = await inToken('EC:prime256v1')
    const reason = new Error('the state was left')
    const abort = new AbortController()
    const asking = tokenBy(clientOf(id), credential, abort.signal)
    setTimeout(() => abort.abort(reason), 5)
    await expect(asking).rejects.toBe(reason)
  })
})

describe('a cloud that asks for no certificates', () => {
  it('says so to a device that was told to show one, which waits rather than giving it up', async () => {
    await setClientCertificates(false)
    const { id, credential } = await newDevice()
    await expect(tokenOf(id, credential)).rejects.toMatchObject({ code: 'ERR_CLOUD_ANSWER' })
    await setClientCertificates(true)
    expect((await tokenOf(id, credential)).scope).toBe('device')
  })
})
