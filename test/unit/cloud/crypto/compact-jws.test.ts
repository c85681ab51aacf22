import { createHmac, generateKeyPairSync } from 'node:crypto'
import { CompactSign, compactVerify } from 'jose'
import { describe, expect, test } from 'vitest'
import { claimsOfEs256, isHs256By, signEs256 } from '../../../../cloud/crypto/compact-jws.ts'

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const header = { alg: 'ES256', typ: 'at+jwt', kid: 'k1' }
const claims = { sub: 'acme/SN-1', exp: 1 }
const coded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const byJose = (
  protectedHeader: { alg: string } & Record<string, unknown>,
  key: Parameters<CompactSign['sign']>[0],
  payload: unknown = claims,
) => new CompactSign(Buffer.from(JSON.stringify(payload))).setProtectedHeader(protectedHeader).sign(key)

describe('ES256', () => {
  test('is what jose verifies, and the other way round', async () => {
    const { payload, protectedHeader } = await compactVerify(signEs256(header, claims, privateKey), publicKey)
    expect(protectedHeader).toEqual(header)
    expect(JSON.parse(Buffer.from(payload).toString())).toEqual(claims)
    expect(claimsOfEs256(await byJose(header, privateKey), header, publicKey)).toEqual(claims)
  })

  const good = signEs256(header, claims, privateKey)
  const [head = '', body = '', signature = ''] = good.split('.')
  const spki = publicKey.export({ type: 'spki', format: 'pem' })
  const hmacByPublicKey = createHmac('sha256', spki)
    .update(`${coded({ ...header, alg: 'HS256' })}.${body}`)
    .digest('base64url')
  const refused: readonly [string, string][] = [
    ['nothing', ''],
    ['other claims', `${head}.${coded({ ...claims, exp: 2 })}.${signature}`],
    ['no signature', `${head}.${body}.`],
    ['a short signature', `${head}.${body}.${signature.slice(0, 40)}`],
    ['a fourth part', `${good}.x`],
    ['another key', signEs256(header, claims, generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)],
    ['another kid', signEs256({ ...header, kid: 'k2' }, claims, privateKey)],
    ['another type', signEs256({ ...header, typ: 'zipkey-time+jwt' }, claims, privateKey)],
    ['alg none', `${coded({ ...header, alg: 'none' })}.${body}.`],
    ['an HMAC by the public key', `${coded({ ...header, alg: 'HS256' })}.${body}.${hmacByPublicKey}`],
    ['a header with something more', signEs256({ ...header, crit: ['b64'], b64: false }, claims, privateKey)],
    ['claims that are no object', signEs256(header, [] as never, privateKey)],
  ]
  test.each(refused)('refuses %s', (_, jws) => expect(claimsOfEs256(jws, header, publicKey)).toBeNull())
})

describe('HS256', () => {
  const key = new Uint8Array(32).fill(7)

  test('is what jose signs', async () => {
    expect(isHs256By(await byJose({ alg: 'HS256', kid: 't.line-7' }, key), key)).toBe(true)
  })

  test('refuses what is not by this key and this algorithm', async () => {
    const good = await byJose({ alg: 'HS256' }, key)
    const [head = '', body = '', signature = ''] = good.split('.')
    const mac = (header: unknown, hash: string) => {
      const signed = `${coded(header)}.${body}`
      return `${signed}.${createHmac(hash, key).update(signed).digest('base64url')}`
    }
    expect(isHs256By(mac({ alg: 'HS256' }, 'sha256'), key)).toBe(true)
    const refused = {
      empty: '',
      otherKey: await byJose({ alg: 'HS256' }, new Uint8Array(32).fill(8)),
      otherClaims: `${head}.${coded({ ...claims, exp: 2 })}.${signature}`,
      otherAlgorithm: await byJose({ alg: 'HS512' }, new Uint8Array(64).fill(7)),
      none: `${coded({ alg: 'none' })}.${body}.`,
      saysOtherAlgorithm: mac({ alg: 'HS512' }, 'sha256'),
      critical: mac({ alg: 'HS256', crit: ['x'], x: 1 }, 'sha256'),
      unsigned: `${head}.${body}.`,
      cut: good.slice(0, -2),
      longer: `${good}AA`,
      fourParts: `${good}.`,
      noHeader: `.${body}.${signature}`,
    }
    for (const [name, jws] of Object.entries(refused)) expect(`${name} ${isHs256By(jws, key)}`).toBe(`${name} false`)
  })
})
