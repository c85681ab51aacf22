import { createPrivateKey, X509Certificate } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createCloudClient } from '../../../agent/cloud-client/cloud-client.ts'
import { FakeClock } from '../../fakes/clock.ts'
import { FakeCloud } from '../../fakes/cloud.ts'
import { newDeviceKey } from '../../fakes/device-ca.ts'
import { createKeptLog } from '../../fakes/log.ts'
import { type Issued, TestAuthority } from './certificates.ts'
import { ISSUER, putBehindHttps } from './cloud-behind-https.ts'
import { cloudClientSuite } from './cloud-client-suite.ts'
import { startTlsServer } from './tls-server.ts'

const identity = { account: 'acme', device: 'dev-1', realm: 'zipkey.test' }
const nonce = Buffer.alloc(32, 1).toString('base64url')
const ask = { kind: 'secret', nonce } as const
const never = (): AbortSignal => new AbortController().signal

let authority: TestAuthority
let certificate: Issued
beforeAll(() => {
  authority = TestAuthority.root('tests of the cloud client')
  certificate = authority.issue()
})
afterAll(() => authority.remove())

async function createWorld() {
  const cloud = new FakeCloud(identity, new FakeClock())
  const { handler, signingKeys } = await putBehindHttps(cloud)
  const server = await startTlsServer(certificate, handler)
  const deviceClock = new FakeClock()
  const kept = createKeptLog()
  const client = createCloudClient({
    cloud: { url: `${server.url}/`, issuer: ISSUER, caPem: authority.certificatePem, signingKeys },
    identity,
    clock: deviceClock,
    timers: { cloudCallMs: 5_000 },
    log: kept.log,
    tokens: null,
    mutualTls: false,
  })
  onTestFinished(() => client.close())
  return { cloud, client, deviceClock, server, kept }
}

cloudClientSuite('the cloud over HTTPS', createWorld)

describe('connections', () => {
  test('carry the token and the swap’s request that follows it, and no more', async () => {
    const { cloud, client, server } = await createWorld()
    const temporary = cloud.temporarySecret()
    const token = await client.token(temporary, null, never())
    const issued = await client.requestCredential({ token, ask, orderId: null }, never())
    expect(server.connections()).toBe(1)
    await client.token(issued, null, never())
    await client.token(issued, null, never())
    expect(server.connections()).toBe(3)
  })

  test('are opened anew after one that waited was dropped by the cloud', async () => {
    const { cloud, client, server } = await createWorld()
    const temporary = cloud.temporarySecret()
    const token = await client.token(temporary, null, never())
    server.dropConnections()
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect((await client.requestCredential({ token, ask, orderId: null }, never())).kind).toBe('shared-secret')
    expect([server.connections(), server.resumed()]).toEqual([2, 0])
  })

  test('never resume a TLS session, which would skip the certificate', async () => {
    const { cloud, client, server } = await createWorld()
    for (let round = 0; round < 3; round++) {
      await client.time(never())
      await client.token(cloud.temporarySecret(), null, never())
    }
    expect([server.connections(), server.resumed()]).toEqual([6, 0])
  })

  test('are closed by close(), after which the client still works', async () => {
    const { cloud, client, server } = await createWorld()
    const temporary = cloud.temporarySecret()
    const token = await client.token(temporary, null, never())
    client.close()
    await client.requestCredential({ token, ask, orderId: null }, never())
    expect(server.connections()).toBe(2)
  })
})

describe('what is asked', () => {
  test('for the time, is asked with a fresh nonce and nothing else', async () => {
    const { client, server } = await createWorld()
    await client.time(never())
    await client.time(never())
    expect(server.requests).toHaveLength(2)
    expect(server.requests[0]).toMatch(/^GET \/v1\/time\?nonce=[A-Za-z0-9_-]{43} $/)
    expect(server.requests[0]).not.toBe(server.requests[1])
  })

  test('for a token, holds a signed assertion with a fresh jti and not the secret', async () => {
    const { cloud, client, server } = await createWorld()
    const temporary = cloud.temporarySecret()
    await client.token(temporary, null, never())
    await client.token(temporary, null, never())
    const [first = '', second = ''] = server.requests
    expect(first).toMatch(/^POST \/v1\/token grant_type=client_credentials&client_assertion_type=urn%3A/)
    expect(first).not.toBe(second)
    for (const form of ['hex', 'base64', 'base64url'] as const) {
      expect(first).not.toContain(Buffer.from(temporary.secret.reveal()).toString(form))
    }
  })

  test('for a token, says in which run of the agent, which another run does not', async () => {
    const runs: unknown[] = []
    for (let start = 0; start < 2; start++) {
      const { cloud, client, server } = await createWorld()
      await client.token(cloud.temporarySecret(), null, never())
      client.close()
      await client.token(cloud.temporarySecret(), null, never())
      const said = server.requests.map((request) => decodeJwt(/client_assertion=([^& ]+)/.exec(request)?.[1] ?? '').run)
      expect(said[0]).toMatch(/^[A-Za-z0-9_-]{22}$/)
      expect(said).toEqual([said[0], said[0]])
      runs.push(said[0])
    }
    expect(runs[0]).not.toBe(runs[1])
  })

  test('leaves no token, assertion or secret in the log', async () => {
    const { cloud, client, server, kept } = await createWorld()
    const temporary = cloud.temporarySecret()
    const token = await client.token(temporary, null, never())
    const issued = await client.requestCredential({ token, ask, orderId: null }, never())
    expect(kept.lines).toHaveLength(2)
    const assertion = /client_assertion=([^& ]+)/.exec(server.requests[0] ?? '')?.[1] ?? 'none'
    if (issued.kind === 'certificate') throw new Error('a certificate where a secret was asked for')
    const secrets = [temporary.secret, issued.secret].map((secret) => Buffer.from(secret.reveal()).toString('base64url'))
    for (const secret of [token.value.reveal(), assertion, nonce, ...secrets]) expect(kept.text()).not.toContain(secret)
  })

  test('for a certificate, is a request that the key has signed, and never the key; its chain goes with each assertion', async () => {
    const { cloud, client, server, kept } = await createWorld()
    const privateKeyPem = newDeviceKey()
    const token = await client.token(cloud.temporarySecret(), null, never())
    const issued = await client.requestCredential({ token, ask: { kind: 'certificate', privateKeyPem }, orderId: null }, never())
    if (issued.kind !== 'certificate') throw new Error('a secret where a certificate was asked for')
    await client.token(issued, null, never())
    const [, asked = '', proved = ''] = server.requests
    expect(asked).toMatch(/^POST \/v1\/device\/credential \{"csr":"[A-Za-z0-9+/=]+"\}/)
    const header = decodeProtectedHeader(/client_assertion=([^& ]+)/.exec(proved)?.[1] ?? '')
    expect(header).toMatchObject({ alg: 'ES256', kid: `c.${issued.id.fingerprint}` })
    expect(header.x5c).toEqual([new X509Certificate(issued.chainPem).raw.toString('base64')])
    const { d = '' } = createPrivateKey(privateKeyPem.reveal()).export({ format: 'jwk' })
    const scalar = Buffer.from(d, 'base64url')
    for (const form of ['hex', 'base64', 'base64url', 'latin1'] as const)
      for (const text of [...server.requests, kept.text()]) expect(text).not.toContain(scalar.toString(form))
    expect(kept.text()).not.toContain('PRIVATE KEY')
  })
})
