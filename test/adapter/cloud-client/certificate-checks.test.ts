import { CompactSign, exportJWK, generateKeyPair, type JSONWebKeySet } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createCloudClient } from '../../../agent/cloud-client/cloud-client.ts'
import { ROUTES } from '../../../agent/contract/routes.ts'
import { SIGNED_TIME_TYP } from '../../../agent/contract/signed-time.ts'
import { createClock } from '../../../agent/host/clock.ts'
import { FakeCloud } from '../../fakes/cloud.ts'
import { createKeptLog } from '../../fakes/log.ts'
import { type Issued, TestAuthority } from './certificates.ts'
import { type Handler, startTlsServer } from './tls-server.ts'

const identity = { account: 'acme', device: 'dev-1', realm: 'zipkey.test' }
const never = (): AbortSignal => new AbortController().signal
const PAST = { notBefore: '20200101000000Z', notAfter: '20210101000000Z' }
const FUTURE = { notBefore: '20900101000000Z', notAfter: '20990101000000Z' }

/** Signs times with a key of its own, and gives everyone a token. */
async function createHandler(): Promise<{ readonly handler: Handler; readonly signingKeys: JSONWebKeySet }> {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const handler: Handler = async (request, response) => {
    const url = new URL(request.url ?? '/', 'https://any')
    if (url.pathname !== ROUTES.time) {
      const token = JSON.stringify({ access_token: 'a token', scope: 'device', expires_in: 900 })
      response.writeHead(200, { 'content-type': 'application/json' }).end(token)
      return
    }
    const body = { nonce: url.searchParams.get('nonce'), time: 1_800_000_000, challenge: 'a challenge' }
    const jws = new CompactSign(Buffer.from(JSON.stringify(body)))
    response.end(await jws.setProtectedHeader({ alg: 'ES256', kid: 'k', typ: SIGNED_TIME_TYP }).sign(privateKey))
  }
  return { handler, signingKeys: { keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256' }] } }
}

const authorities: TestAuthority[] = []
const kept = <T extends TestAuthority>(authority: T): T => {
  authorities.push(authority)
  return authority
}

let pinned: TestAuthority
let pinnedExpired: TestAuthority
let other: TestAuthority
let pinnedWithoutKeyIds: TestAuthority
let otherWithoutKeyIds: TestAuthority
let signed: Awaited<ReturnType<typeof createHandler>>

beforeAll(async () => {
  pinned = kept(TestAuthority.root('pinned'))
  pinnedExpired = kept(TestAuthority.root('pinned, expired', PAST))
  // The same name as the pinned one: key ids and the signature tell them apart.
  other = kept(TestAuthority.root('pinned'))
  pinnedWithoutKeyIds = kept(TestAuthority.root('no key ids', { hasKeyIds: false }))
  otherWithoutKeyIds = kept(TestAuthority.root('no key ids', { hasKeyIds: false }))
  signed = await createHandler()
})
afterAll(() => {
  for (const authority of authorities) authority.remove()
})

async function createWorld(certificate: Issued, options: { readonly ca?: TestAuthority; readonly host?: string } = {}) {
  const server = await startTlsServer(certificate, signed.handler, options.host)
  const cloud = { url: server.url, issuer: 'any', caPem: (options.ca ?? pinned).certificatePem, signingKeys: signed.signingKeys }
  const client = createCloudClient({
    cloud,
    identity,
    clock: createClock(),
    timers: { cloudCallMs: 5_000 },
    log: createKeptLog().log,
    tokens: null,
    mutualTls: false,
  })
  const credential = new FakeCloud(identity, createClock()).temporarySecret()
  return { server, client, token: () => client.token(credential, null, never()), time: () => client.time(never()) }
}

type Case = readonly [string, () => Issued, strict: 'good' | string, undated: 'good' | string]

const CASES: readonly Case[] = [
  ['as it should be', () => pinned.issue(), 'good', 'good'],
  ['from an intermediate of the pinned CA', () => kept(pinned.intermediate('below')).issue(), 'good', 'good'],
  ['expired', () => pinned.issue(PAST), 'ERR_CLOUD_DATES', 'good'],
  ['not yet valid', () => pinned.issue(FUTURE), 'ERR_CLOUD_DATES', 'good'],
  ['from an expired intermediate', () => kept(pinned.intermediate('was below', PAST)).issue(), 'ERR_CLOUD_DATES', 'good'],
  ['from another CA of the same name', () => other.issue(), 'ERR_CLOUD_TLS', 'ERR_CLOUD_TLS'],
  ['for another name', () => pinned.issue({ subjectAltName: 'DNS:other.test' }), 'ERR_CLOUD_TLS', 'ERR_CLOUD_TLS'],
  [
    'for another name, though its common name is right',
    () => pinned.issue({ subjectAltName: 'DNS:o.test' }),
    'ERR_CLOUD_TLS',
    'ERR_CLOUD_TLS',
  ],
  ['for another use', () => pinned.issue({ extendedKeyUsage: 'clientAuth' }), 'ERR_CLOUD_TLS', 'ERR_CLOUD_TLS'],
  [
    'from a certificate that is no CA',
    () => kept(pinned.intermediate('device', { isCa: false })).issue(),
    'ERR_CLOUD_TLS',
    'ERR_CLOUD_TLS',
  ],
  [
    'from a certificate that may sign certificates and is no CA',
    () => kept(pinned.intermediate('device', { isCa: false, keyUsage: 'keyCertSign' })).issue(),
    'ERR_CLOUD_TLS',
    'ERR_CLOUD_TLS',
  ],
  ['expired and from another CA', () => other.issue(PAST), 'not good', 'ERR_CLOUD_TLS'],
  ['not yet valid and from another CA', () => other.issue(FUTURE), 'not good', 'ERR_CLOUD_TLS'],
  ['expired and for another name', () => pinned.issue({ ...PAST, subjectAltName: 'DNS:o.test' }), 'not good', 'ERR_CLOUD_TLS'],
  ['expired and for another use', () => pinned.issue({ ...PAST, extendedKeyUsage: 'clientAuth' }), 'not good', 'ERR_CLOUD_TLS'],
  [
    'expired and from a certificate that is no CA',
    () => kept(pinned.intermediate('device', { isCa: false })).issue(PAST),
    'not good',
    'ERR_CLOUD_TLS',
  ],
]

const outcome = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'good',
    (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : String(error)),
  )

describe('a certificate of the Cloud API that is', () => {
  test.each(CASES)('%s', async (_, certificate, strict, undated) => {
    const world = await createWorld(certificate())
    const [ofToken, ofTime] = [await outcome(world.token()), await outcome(world.time())]
    if (strict === 'not good') expect(['ERR_CLOUD_TLS', 'ERR_CLOUD_DATES']).toContain(ofToken)
    else expect(ofToken).toBe(strict)
    expect(ofTime).toBe(undated)
    // Where the certificate was refused, not one byte of a request was sent.
    expect(world.server.requests).toHaveLength([ofToken, ofTime].filter((each) => each === 'good').length)
  })

  test('from another CA that only its signature tells from the pinned one is refused', async () => {
    const wanted = { ...PAST, hasKeyIds: false }
    const ca = pinnedWithoutKeyIds
    expect(await outcome((await createWorld(pinnedWithoutKeyIds.issue(wanted), { ca })).time())).toBe('good')
    expect(await outcome((await createWorld(otherWithoutKeyIds.issue(wanted), { ca })).time())).toBe('ERR_CLOUD_TLS')
  })

  test('from a pinned CA that has itself expired leads to the question for the time', async () => {
    const world = await createWorld(pinnedExpired.issue(), { ca: pinnedExpired })
    expect(await outcome(world.token())).toBe('ERR_CLOUD_DATES')
    expect(await outcome(world.time())).toBe('good')
  })

  test('is checked against an address where the URL has one', async () => {
    expect(await outcome((await createWorld(pinned.issue(), { host: '127.0.0.1' })).token())).toBe('good')
    expect(await outcome((await createWorld(pinned.issue(PAST), { host: '127.0.0.1' })).time())).toBe('good')
    const forOther = pinned.issue({ ...PAST, subjectAltName: 'IP:127.0.0.2' })
    expect(await outcome((await createWorld(forOther, { host: '127.0.0.1' })).time())).toBe('ERR_CLOUD_TLS')
  })
})

describe('what the environment says', () => {
  test('does not make the client trust more than the pinned CA', async () => {
    const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
    try {
      const world = await createWorld(other.issue())
      expect(await outcome(world.token())).toBe('ERR_CLOUD_TLS')
    } finally {
      if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
      else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before
    }
  })

  test('a config without a CA does not mean the public ones', () => {
    const cloud = { url: 'https://localhost', issuer: 'any', caPem: '', signingKeys: { keys: [] } }
    const options = {
      cloud,
      identity,
      clock: createClock(),
      timers: { cloudCallMs: 1 },
      log: createKeptLog().log,
      tokens: null,
      mutualTls: false,
    }
    expect(() => createCloudClient(options)).toThrow(expect.objectContaining({ code: 'ERR_CONFIG_INVALID' }))
  })
})
