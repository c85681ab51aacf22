import type { ServerResponse } from 'node:http'
import { createServer } from 'node:net'
import { CompactSign, exportJWK, generateKeyPair } from 'jose'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createCloudClient } from '../../../agent/cloud-client/cloud-client.ts'
import { PROBLEMS, type ProblemType, problemUri } from '../../../agent/contract/problems.ts'
import { formatSecretText } from '../../../agent/contract/secret-text.ts'
import { SIGNED_TIME_TYP } from '../../../agent/contract/signed-time.ts'
import { Secret } from '../../../agent/credential/secret.ts'
import { AgentError, FAILURES, type Failure } from '../../../agent/failure.ts'
import { createClock } from '../../../agent/host/clock.ts'
import type { CredentialAsk } from '../../../agent/ports.ts'
import { FakeCloud } from '../../fakes/cloud.ts'
import { certified, newDeviceKey } from '../../fakes/device-ca.ts'
import { createKeptLog } from '../../fakes/log.ts'
import { type Issued, TestAuthority } from './certificates.ts'
import { type Handler, sendJson, startTlsServer } from './tls-server.ts'

const identity = { account: 'acme', device: 'dev-1', realm: 'zipkey.test' }
const temporary = new FakeCloud(identity, createClock()).temporarySecret()
const never = (): AbortSignal => new AbortController().signal

let authority: TestAuthority
let certificate: Issued
beforeAll(() => {
  authority = TestAuthority.root('tests of answers')
  certificate = authority.issue()
})
afterAll(() => authority.remove())

const clientOf = (url: string, signingKeys = { keys: [{ kty: 'EC', kid: 'none' }] }, cloudCallMs = 5_000) =>
  createCloudClient({
    cloud: { url, issuer: 'any', caPem: authority.certificatePem, signingKeys },
    identity,
    clock: createClock(),
    timers: { cloudCallMs },
    log: createKeptLog().log,
    tokens: null,
    mutualTls: false,
  })

async function failureOf(call: Promise<unknown>): Promise<Failure> {
  const error: unknown = await call.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  )
  if (error instanceof AgentError) return error.failure
  throw error
}

/** What a token request comes to where the server answers so. */
async function tokenFailure(handler: Handler, cloudCallMs?: number): Promise<Failure> {
  const server = await startTlsServer(certificate, handler)
  return failureOf(clientOf(server.url, undefined, cloudCallMs).token(temporary, null, never()))
}

const PROBLEM = { 'content-type': 'application/problem+json' }

const CODES: Readonly<Record<ProblemType, string>> = {
  'unknown-credential': 'ERR_CLOUD_REFUSED',
  revoked: 'ERR_CLOUD_REFUSED',
  'already-enrolled': 'ERR_CLOUD_REFUSED',
  'insufficient-scope': 'ERR_CLOUD_REFUSED',
  'order-closed': 'ERR_CLOUD_ANSWER',
  'nonce-spent': 'ERR_CLOUD_NONCE_SPENT',
  'clock-skew': 'ERR_CLOUD_CLOCK',
  'too-many-requests': 'ERR_CLOUD_BUSY',
  unavailable: 'ERR_CLOUD_BUSY',
  'assertion-replayed': 'ERR_CLOUD_ANSWER',
  'invalid-token': 'ERR_CLOUD_ANSWER',
  'invalid-request': 'ERR_CLOUD_ANSWER',
  'not-found': 'ERR_CLOUD_ANSWER',
  conflict: 'ERR_CLOUD_ANSWER',
  'too-large': 'ERR_CLOUD_ANSWER',
  internal: 'ERR_CLOUD_ANSWER',
}

describe('a problem document', () => {
  test.each(Object.entries(CODES))('%s means %s', async (type, code) => {
    const { status, title } = PROBLEMS[type as ProblemType]
    const document = { type: problemUri(type as ProblemType), title, status, detail: 'line one\nline two' }
    const failure = await tokenFailure((_, response) => sendJson(response, status, document, PROBLEM))
    expect(failure.code).toBe(code)
    expect(failure.detail).toBe(`token: ${type}: line one line two`)
  })

  test('of a type that a later version added is not a refusal', async () => {
    const document = { type: 'urn:zipkey:problem:something-new', title: 'new', status: 403 }
    expect((await tokenFailure((_, response) => sendJson(response, 403, document, PROBLEM))).code).toBe('ERR_CLOUD_ANSWER')
  })
})

describe('an answer that is not the cloud’s own', () => {
  const html = '<html><body>Please log in</body></html>'
  const revoked = JSON.stringify({ type: problemUri('revoked'), title: 'no', status: 403 })

  test.each([
    ['a login page', 200, { 'content-type': 'text/html' }, html],
    ['a redirect to a login page', 302, { location: 'https://login.test/' }, ''],
    ['401 of a proxy', 401, { 'content-type': 'text/html', 'www-authenticate': 'Basic' }, html],
    ['403 of a proxy', 403, { 'content-type': 'text/html' }, html],
    ['403 with JSON of somebody else', 403, { 'content-type': 'application/json' }, '{"error":"forbidden"}'],
    ['403 with a problem document of somebody else', 403, PROBLEM, '{"type":"about:blank","status":403}'],
    ['403 with our words in plain text', 403, { 'content-type': 'text/plain' }, revoked],
    ['511 of a captive portal', 511, { 'content-type': 'text/html' }, html],
    ['502 of a load balancer', 502, { 'content-type': 'text/html' }, html],
    ['JSON that breaks off', 200, { 'content-type': 'application/json' }, '{"access_token":"a'],
    ['a token of unknown scope', 200, { 'content-type': 'application/json' }, '{"access_token":"a","scope":"root","expires_in":9}'],
    ['204 with nothing', 204, {}, ''],
  ])('keeps the credential: %s', async (_, status, headers, body) => {
    const failure = await tokenFailure((_request, response) => void response.writeHead(status, headers).end(body))
    expect(failure.code).toBe('ERR_CLOUD_ANSWER')
    expect(FAILURES[failure.code].disposition).toBe('retry')
  })

  test('follows no redirect', async () => {
    const server = await startTlsServer(certificate, (_, response) => {
      response.writeHead(307, { location: '/elsewhere' }).end()
    })
    await failureOf(clientOf(server.url).token(temporary, null, never()))
    expect(server.requests).toHaveLength(1)
  })
})

describe('Retry-After', () => {
  const inSeconds = (seconds: number, from = Date.now()): string => new Date(from + seconds * 1000).toUTCString()
  // The server's clock is an hour ahead of ours: only the difference between its own two dates counts.
  const serverMs = Date.now() + 3_600_000

  test.each<readonly [string, Readonly<Record<string, string>>, number]>([
    ['in seconds', { 'retry-after': '7' }, 7_000],
    ['as a date of the server', { 'retry-after': inSeconds(90, serverMs), date: inSeconds(0, serverMs) }, 90_000],
    ['as a date that has passed', { 'retry-after': inSeconds(-90) }, 0],
    ['longer than an hour, in seconds', { 'retry-after': '999999999999' }, 3_600_000],
    ['longer than an hour, as a date', { 'retry-after': inSeconds(900_000) }, 3_600_000],
    ['malformed', { 'retry-after': '-5' }, 0],
    ['malformed date', { 'retry-after': '2026-11-21' }, 0],
    ['missing', {}, 0],
  ])('%s is honoured', async (_, headers, expectedMs) => {
    for (const status of [429, 503]) {
      const failure = await tokenFailure((_request, response) => void response.writeHead(status, { ...headers }).end('busy'))
      expect(failure).toMatchObject({ code: 'ERR_CLOUD_BUSY', retryAfterMs: expectedMs })
    }
  })
})

describe('a connection', () => {
  const slowly = (response: ServerResponse): void => {
    response.writeHead(200, { 'content-type': 'application/json' })
    const timer = setInterval(() => response.write(' '), 20)
    response.on('close', () => clearInterval(timer))
  }

  test('whose answer comes too slowly ends at the deadline', async () => {
    const startedMs = performance.now()
    expect((await tokenFailure((_, response) => slowly(response), 400)).code).toBe('ERR_CLOUD_UNREACHABLE')
    expect(performance.now() - startedMs).toBeLessThan(2_000)
  })

  test('whose answer is too long ends at the limit', async () => {
    let sentBytes = 0
    const flood: Handler = (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      const more = (): void => {
        while (!response.destroyed && sentBytes < 50_000_000) {
          sentBytes += 65_536
          if (!response.write(Buffer.alloc(65_536, 32))) {
            response.once('drain', more)
            return
          }
        }
        response.end()
      }
      more()
    }
    expect(await tokenFailure(flood)).toMatchObject({ code: 'ERR_CLOUD_ANSWER', detail: 'the answer is longer than 65536 bytes' })
    expect(sentBytes).toBeLessThan(50_000_000)
  })

  test('that breaks in the middle of an answer is no answer', async () => {
    const failure = await tokenFailure((_, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('{"access_token"')
      setTimeout(() => response.destroy(), 50)
    })
    expect(failure.code).toBe('ERR_CLOUD_UNREACHABLE')
  })

  test.each([
    ['to a port that nobody listens on', 'https://localhost:1'],
    ['to a name that does not exist', 'https://cloud.zipkey.invalid'],
  ])('%s is unreachable, for every call', async (_, url) => {
    const token = { value: new Secret('a token'), scope: 'enrol', expiresAtMs: 0 } as const
    const swap = clientOf(url).requestCredential(
      { token, ask: { kind: 'secret', nonce: Buffer.alloc(32).toString('base64url') }, orderId: null },
      never(),
    )
    expect((await failureOf(swap)).code).toBe('ERR_CLOUD_UNREACHABLE')
    expect((await failureOf(clientOf(url).token(temporary, null, never()))).code).toBe('ERR_CLOUD_UNREACHABLE')
    expect((await failureOf(clientOf(url).time(never()))).code).toBe('ERR_CLOUD_UNREACHABLE')
  })

  test.each([
    ['plain HTTP', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi', 'ERR_CLOUD_TLS'],
    ['nothing at all', null, 'ERR_CLOUD_UNREACHABLE'],
  ])('to a server that speaks %s is told so, for every call', async (_, words, code) => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined)
      if (words !== null) socket.end(words)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const address = server.address()
    const url = `https://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
    expect((await failureOf(clientOf(url, undefined, 300).token(temporary, null, never()))).code).toBe(code)
    expect((await failureOf(clientOf(url, undefined, 300).time(never()))).code).toBe(code)
  })
})

describe('a permanent credential', () => {
  const [own, other] = [newDeviceKey(), newDeviceKey()]
  const ownPem = certified(own, 'dev-1').chainPem
  const otherPem = certified(other, 'dev-1').chainPem
  const byKey: CredentialAsk = { kind: 'certificate', privateKeyPem: own }
  const byNonce: CredentialAsk = { kind: 'secret', nonce: Buffer.alloc(32).toString('base64url') }
  const secret = { secret_id: 'mk1-1-aaaaaaaaaaaaaaaa-bbbbbbbbbbbbb', secret: formatSecretText('zks_', new Uint8Array(32)) }

  const ask = async (wish: CredentialAsk, answer: object) => {
    const server = await startTlsServer(certificate, async (_, response) => sendJson(response, 201, answer))
    const token = { value: new Secret('a token'), scope: 'enrol', expiresAtMs: 0 } as const
    return clientOf(server.url).requestCredential({ token, ask: wish, orderId: null }, never())
  }

  test.each<[string, CredentialAsk, object, string]>([
    ['for another key than the one that asked', byKey, { certificate: otherPem }, 'the certificate is of another key'],
    ['whose own certificate is not the first', byKey, { certificate: otherPem + ownPem }, 'the certificate is of another key'],
    ['with a damaged certificate', byKey, { certificate: ownPem.replace(/\n.{8}/, '\nAAAAAAAA') }, 'a PEM certificate is damaged'],
    ['without a certificate', byKey, { certificate: 'none' }, 'there is no PEM certificate'],
    ['of a secret where a certificate was asked for', byKey, secret, 'a secret where a certificate was asked for'],
    ['of a certificate where a secret was asked for', byNonce, { certificate: ownPem }, 'a certificate where a secret was asked for'],
  ])('is not believed from an answer %s', async (_, wish, answer, problem) => {
    const failure = await failureOf(ask(wish, answer))
    expect(failure).toMatchObject({ code: 'ERR_CLOUD_ANSWER', detail: `credential: ${problem}` })
  })

  test('keeps its issuers, and nothing that stood around them', async () => {
    const issued = await ask(byKey, { certificate: `Bag Attributes\n${ownPem}junk\n${otherPem}` })
    expect(issued).toMatchObject({ kind: 'certificate', chainPem: ownPem + otherPem })
  })
})

describe('a signed time', () => {
  const good = { time: 1_800_000_000, challenge: 'a challenge' }

  test.each([
    ['answers another nonce', { ...good, nonce: 'another' }, SIGNED_TIME_TYP, true],
    ['is signed by another key', good, SIGNED_TIME_TYP, false],
    ['is of another type', good, 'zipkey-action+jwt', true],
    ['has no challenge', { time: 1_800_000_000 }, SIGNED_TIME_TYP, true],
    ['has a time that is no number', { ...good, time: '1800000000' }, SIGNED_TIME_TYP, true],
  ])('is not believed when it %s', async (_, members, typ, isOurKey) => {
    const ours = await generateKeyPair('ES256')
    const signer = isOurKey ? ours : await generateKeyPair('ES256')
    const server = await startTlsServer(certificate, async (request, response) => {
      const nonce = new URL(request.url ?? '', 'https://any').searchParams.get('nonce')
      const jws = new CompactSign(Buffer.from(JSON.stringify({ nonce, ...members })))
      response.end(await jws.setProtectedHeader({ alg: 'ES256', kid: 'k', typ }).sign(signer.privateKey))
    })
    const signingKeys = { keys: [{ ...(await exportJWK(ours.publicKey)), kty: 'EC', kid: 'k', alg: 'ES256' }] }
    expect((await failureOf(clientOf(server.url, signingKeys).time(never()))).code).toBe('ERR_CLOUD_ANSWER')
  })
})
