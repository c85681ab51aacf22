import { generateKeyPairSync, sign } from 'node:crypto'
import { decodeProtectedHeader, type JWTVerifyOptions, jwtVerify } from 'jose'
import { describe, expect, it } from 'vitest'
import { type AssertionClaims, parseRun, parseTokenAnswer, RUN_BYTES, type Sign, signAssertion } from '../../../agent/contract/token.ts'

const API_KEY = new Uint8Array(32).fill(1)
const BY_SECRET = { kind: 'secret', apiKey: API_KEY } as const
const ISSUER = 'https://api.zipkey.example'
const NOW_MS = 1_700_000_000_500
const CLAIMS: AssertionClaims = {
  name: { account: 'acme', device: 'dev-1' },
  credentialId: { kind: 'temporary', keyId: 'line-7' },
  issuer: ISSUER,
  nowMs: NOW_MS,
  jti: 'one',
  challenge: null,
  run: null,
}

describe('a client assertion', () => {
  it('says who, to whom and for how long, and verifies with the api key', async () => {
    const jwt = await signAssertion(CLAIMS, BY_SECRET)
    const { payload, protectedHeader } = await jwtVerify(jwt, API_KEY, {
      algorithms: ['HS256'],
      audience: ISSUER,
      issuer: 'acme/dev-1',
      subject: 'acme/dev-1',
      currentDate: new Date(NOW_MS),
    })
    expect(protectedHeader).toEqual({ alg: 'HS256', kid: 't.line-7' })
    expect(payload).toEqual({ iss: 'acme/dev-1', sub: 'acme/dev-1', aud: ISSUER, iat: 1_700_000_000, exp: 1_700_000_060, jti: 'one' })
  })

  it('carries the challenge that stands in for a clock', async () => {
    const { payload } = await jwtVerify(await signAssertion({ ...CLAIMS, challenge: 'c' }, BY_SECRET), API_KEY, {
      currentDate: new Date(NOW_MS),
    })
    expect(payload.challenge).toBe('c')
  })

  it('says which run of the agent asks, where the agent has one', async () => {
    const run = Buffer.alloc(RUN_BYTES, 7).toString('base64url')
    const { payload } = await jwtVerify(await signAssertion({ ...CLAIMS, run }, BY_SECRET), API_KEY, { currentDate: new Date(NOW_MS) })
    expect(payload.run).toBe(run)
    expect(parseRun(payload.run)).toEqual({ ok: true, value: run })
  })

  it.each([undefined, null, 7, '', 'A'.repeat(21), 'A'.repeat(23), `${'A'.repeat(21)}+`])('has no run id %j', (value) => {
    expect(parseRun(value).ok).toBe(false)
  })

  it.each([
    ['ES256', 'sha256', generateKeyPairSync('ec', { namedCurve: 'P-256' })],
    ['ES384', 'sha384', generateKeyPairSync('ec', { namedCurve: 'P-384' })],
    ['RS256', 'sha256', generateKeyPairSync('rsa', { modulusLength: 2048 })],
  ] as const)('by a key that only signs is the same as by the key itself: %s', async (alg, digest, { privateKey, publicKey }) => {
    const chain = [new Uint8Array([1, 2, 3])]
    const signed: Sign = async (data) => sign(digest, data, { key: privateKey, dsaEncoding: 'ieee-p1363' })
    const bySigner = await signAssertion(CLAIMS, { kind: 'signer', publicKey, sign: signed, chain })
    const byKey = await signAssertion(CLAIMS, { kind: 'certificate', privateKey, chain })
    const [one, other] = await Promise.all(
      [bySigner, byKey].map((jwt) => jwtVerify(jwt, publicKey, { algorithms: [alg], audience: ISSUER, currentDate: new Date(NOW_MS) })),
    )
    expect(one?.payload).toEqual(other?.payload)
    expect(one?.protectedHeader).toEqual({ alg, kid: 't.line-7', x5c: ['AQID'] })
    expect(other?.protectedHeader).toEqual(one?.protectedHeader)
  })

  it('of a flashed secret names no key', async () => {
    const jwt = await signAssertion({ ...CLAIMS, credentialId: { kind: 'flashed' } }, BY_SECRET)
    expect(decodeProtectedHeader(jwt)).toEqual({ alg: 'HS256' })
  })

  it.each<[string, JWTVerifyOptions & { key?: Uint8Array }]>([
    ['another key', { key: new Uint8Array(32).fill(2) }],
    ['another issuer of the cloud', { audience: 'https://evil.example' }],
    ['a clock more than its life ahead', { currentDate: new Date(NOW_MS + 61_000) }],
    ['a verifier that expects another algorithm', { algorithms: ['HS512'] }],
  ])('does not verify with %s', async (_, { key = API_KEY, ...options }) => {
    const jwt = await signAssertion(CLAIMS, BY_SECRET)
    await expect(jwtVerify(jwt, key, { currentDate: new Date(NOW_MS), ...options })).rejects.toThrow()
  })
})

describe('a client assertion by the key of a certificate', () => {
  it.each([
    ['ES256', generateKeyPairSync('ec', { namedCurve: 'P-256' })],
    ['ES384', generateKeyPairSync('ec', { namedCurve: 'P-384' })],
    ['RS256', generateKeyPairSync('rsa', { modulusLength: 2048 })],
  ])('is signed with %s and carries the chain', async (alg, { privateKey, publicKey }) => {
    const chain = [Buffer.from('own'), Buffer.from('issuer')]
    const claims: AssertionClaims = { ...CLAIMS, credentialId: { kind: 'certificate', fingerprint: 'a'.repeat(52) } }
    const jwt = await signAssertion(claims, { kind: 'certificate', privateKey, chain })
    const { protectedHeader } = await jwtVerify(jwt, publicKey, { currentDate: new Date(NOW_MS) })
    expect(protectedHeader).toEqual({ alg, kid: `c.${'a'.repeat(52)}`, x5c: chain.map((der) => der.toString('base64')) })
  })

  it('is not made with a key that the contract has no algorithm for', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-521' })
    await expect(signAssertion(CLAIMS, { kind: 'certificate', privateKey, chain: [] })).rejects.toThrow('RSA, P-256 or P-384')
  })
})

describe('the answer of the token endpoint', () => {
  it.each(['enrol', 'device'])('with scope %s is read', (scope) => {
    expect(parseTokenAnswer({ access_token: 'a.b.c', token_type: 'Bearer', scope, expires_in: 900 })).toEqual({
      ok: true,
      value: { accessToken: 'a.b.c', scope, expiresInMs: 900_000 },
    })
  })

  const good = { access_token: 'a.b.c', scope: 'device', expires_in: 900 }
  it.each([
    ['not an object', 'a.b.c'],
    ['a list', [good]],
    ['nothing', null],
    ['no token', { ...good, access_token: undefined }],
    ['an empty token', { ...good, access_token: '' }],
    ['an unknown scope', { ...good, scope: 'admin' }],
    ['two scopes', { ...good, scope: 'device enrol' }],
    ['no life', { ...good, expires_in: undefined }],
    ['a life of zero', { ...good, expires_in: 0 }],
    ['a negative life', { ...good, expires_in: -1 }],
    ['a life in words', { ...good, expires_in: '900' }],
    ['an endless life', JSON.parse('{"access_token":"a","scope":"device","expires_in":1e999}')],
  ])('with %s is refused', (_, body) => {
    expect(parseTokenAnswer(body).ok).toBe(false)
  })
})
