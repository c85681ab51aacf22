import { CompactSign, exportJWK, exportSPKI, generateKeyPair, type JSONWebKeySet } from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'
import { parseSigningKeys, SIGNED_TIME_TYP, verifySignedTime } from '../../../agent/contract/signed-time.ts'

const NONCE = 'N'.repeat(43)
const BODY = { nonce: NONCE, time: 1_700_000_000, challenge: 'c' }

type Pair = Awaited<ReturnType<typeof generateKeyPair>>
const pairs: { cloud: Pair; next: Pair; other: Pair } = Object.create(null)
const keys: { keys: JSONWebKeySet['keys'] } = { keys: [] }

beforeAll(async () => {
  pairs.cloud = await generateKeyPair('ES256', { extractable: true })
  pairs.next = await generateKeyPair('EdDSA')
  pairs.other = await generateKeyPair('ES256')
  keys.keys.push({ ...(await exportJWK(pairs.cloud.publicKey)), kid: 'k1' }, { ...(await exportJWK(pairs.next.publicKey)), kid: 'k2' })
})

type Header = { alg: string; kid?: string; typ?: string; crit?: string[] }
const HEADER: Header = { alg: 'ES256', kid: 'k1', typ: SIGNED_TIME_TYP }

const sign = (body: unknown, header: Header = HEADER, key: Pair['privateKey'] | Uint8Array = pairs.cloud.privateKey): Promise<string> =>
  new CompactSign(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))).setProtectedHeader(header).sign(key)

describe('the signed time', () => {
  it('is read when a key of the cloud signed it for this nonce', async () => {
    expect(await verifySignedTime(await sign(BODY), keys, NONCE)).toEqual({
      ok: true,
      value: { timeMs: 1_700_000_000_000, challenge: 'c' },
    })
  })

  it("may be signed by the cloud's next key", async () => {
    const jws = await sign(BODY, { ...HEADER, alg: 'EdDSA', kid: 'k2' }, pairs.next.privateKey)
    expect((await verifySignedTime(jws, keys, NONCE)).ok).toBe(true)
  })

  it.each<[string, unknown]>([
    ['another nonce', { ...BODY, nonce: 'M'.repeat(43) }],
    ['no nonce', { time: 1, challenge: 'c' }],
    ['no time', { nonce: NONCE, challenge: 'c' }],
    ['a time in words', { ...BODY, time: '1700000000' }],
    ['a time before 1970', { ...BODY, time: -1 }],
    ['a time without end', `{"nonce":"${NONCE}","time":1e999,"challenge":"c"}`],
    ['no challenge', { nonce: NONCE, time: 1 }],
    ['a list', [BODY]],
    ['null', null],
    ['something that is not JSON', 'time'],
  ])('with %s is refused', async (_, body) => {
    expect((await verifySignedTime(await sign(body), keys, NONCE)).ok).toBe(false)
  })

  it.each<[string, Header]>([
    ['of another typ', { ...HEADER, typ: 'JWT' }],
    ['without a typ', { alg: 'ES256', kid: 'k1' }],
    ['under an unknown kid', { ...HEADER, kid: 'k9' }],
    ["under another key's kid", { ...HEADER, kid: 'k2' }],
  ])('%s is refused', async (_, header) => {
    expect((await verifySignedTime(await sign(BODY, header), keys, NONCE)).ok).toBe(false)
  })

  it('signed by a stranger under our kid is refused', async () => {
    expect((await verifySignedTime(await sign(BODY, HEADER, pairs.other.privateKey), keys, NONCE)).ok).toBe(false)
  })

  it('signed with the public key as an HMAC secret is refused', async () => {
    const pem = Buffer.from(await exportSPKI(pairs.cloud.publicKey))
    const coordinate = Buffer.from(String(keys.keys[0]?.x), 'base64url')
    for (const secret of [pem, coordinate]) {
      const jws = await sign(BODY, { ...HEADER, alg: 'HS256' }, new Uint8Array(secret))
      expect((await verifySignedTime(jws, keys, NONCE)).ok).toBe(false)
    }
  })

  it('with alg none is refused', async () => {
    const header = Buffer.from(JSON.stringify({ ...HEADER, alg: 'none' })).toString('base64url')
    const [, payload] = (await sign(BODY)).split('.')
    expect((await verifySignedTime(`${header}.${payload}.`, keys, NONCE)).ok).toBe(false)
  })

  it('with its key in its own header is refused', async () => {
    const header = { ...HEADER, kid: 'k9', jwk: await exportJWK(pairs.other.publicKey) }
    expect((await verifySignedTime(await sign(BODY, header, pairs.other.privateKey), keys, NONCE)).ok).toBe(false)
  })

  it('whose payload or signature was changed is refused', async () => {
    const [header, , signature] = (await sign(BODY)).split('.')
    const forged = Buffer.from(JSON.stringify({ ...BODY, time: 1 })).toString('base64url')
    const [, payload] = (await sign(BODY)).split('.')
    for (const jws of [`${header}.${forged}.${signature}`, `${header}.${payload}.`, `${header}.${payload}`, '', '..', 'a.b.c', '\0']) {
      expect((await verifySignedTime(jws, keys, NONCE)).ok, jws).toBe(false)
    }
  })
})

describe('a set of signing keys', () => {
  it('of public keys is read', () => {
    expect(parseSigningKeys({ keys: keys.keys })).toEqual({ ok: true, value: { keys: keys.keys } })
  })

  it.each<[string, unknown]>([
    ['null', null],
    ['a list', []],
    ['no keys', {}],
    ['an empty list of keys', { keys: [] }],
    ['keys that are no list', { keys: { 0: {} } }],
    ['a key that is null', { keys: [null] }],
    ['a key without kid', { keys: [{ kty: 'EC' }] }],
    ['a key without kty', { keys: [{ kid: 'k' }] }],
    ['a symmetric key', { keys: [{ kty: 'oct', kid: 'k', k: 'AAAA' }] }],
    [
      'two keys of one kid',
      {
        keys: [
          { kty: 'EC', kid: 'k' },
          { kty: 'OKP', kid: 'k' },
        ],
      },
    ],
  ])('with %s is refused', (_, value) => {
    expect(parseSigningKeys(value).ok).toBe(false)
  })

  it('with a private key is refused, without quoting it', async () => {
    const jwk = await exportJWK(pairs.cloud.privateKey)
    const read = parseSigningKeys({ keys: [{ ...jwk, kid: 'k1' }] })
    expect(read.ok).toBe(false)
    expect(JSON.stringify(read)).not.toContain(jwk.d)
  })
})
