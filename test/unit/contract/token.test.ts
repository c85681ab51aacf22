import { decodeProtectedHeader, type JWTVerifyOptions, jwtVerify } from 'jose'
import { describe, expect, it } from 'vitest'
import { type AssertionClaims, parseTokenAnswer, signAssertion } from '../../../agent/contract/token.ts'

const API_KEY = new Uint8Array(32).fill(1)
const ISSUER = 'https://api.zipkey.example'
const NOW_MS = 1_700_000_000_500
const CLAIMS: AssertionClaims = {
  name: { account: 'acme', device: 'dev-1' },
  credentialId: { kind: 'temporary', keyId: 'line-7' },
  issuer: ISSUER,
  nowMs: NOW_MS,
  jti: 'one',
  challenge: null,
}

describe('a client assertion', () => {
  it('says who, to whom and for how long, and verifies with the api key', async () => {
    const jwt = await signAssertion(CLAIMS, API_KEY)
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
    const { payload } = await jwtVerify(await signAssertion({ ...CLAIMS, challenge: 'c' }, API_KEY), API_KEY, {
      currentDate: new Date(NOW_MS),
    })
    expect(payload.challenge).toBe('c')
  })

  it('of a flashed secret names no key', async () => {
    const jwt = await signAssertion({ ...CLAIMS, credentialId: { kind: 'flashed' } }, API_KEY)
    expect(decodeProtectedHeader(jwt)).toEqual({ alg: 'HS256' })
  })

  it.each<[string, JWTVerifyOptions & { key?: Uint8Array }]>([
    ['another key', { key: new Uint8Array(32).fill(2) }],
    ['another issuer of the cloud', { audience: 'https://evil.example' }],
    ['a clock more than its life ahead', { currentDate: new Date(NOW_MS + 61_000) }],
    ['a verifier that expects another algorithm', { algorithms: ['HS512'] }],
  ])('does not verify with %s', async (_, { key = API_KEY, ...options }) => {
    const jwt = await signAssertion(CLAIMS, API_KEY)
    await expect(jwtVerify(jwt, key, { currentDate: new Date(NOW_MS), ...options })).rejects.toThrow()
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
