import { generateKeyPairSync, sign, verify } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { ecdsaForJws } from '../../../agent/contract/ecdsa-signature.ts'

describe('an ECDSA signature in DER', () => {
  it.each([
    ['P-256', 32],
    ['P-384', 48],
  ])('of %s becomes two numbers of %i bytes, however short they are', (namedCurve, bytes) => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve })
    for (let round = 0; round < 300; round++) {
      const data = Buffer.from(String(round))
      const raw = ecdsaForJws(sign('sha256', data, privateKey), bytes)
      if (!raw.ok) throw new Error(raw.problem)
      expect(raw.value).toHaveLength(2 * bytes)
      expect(verify('sha256', data, { key: publicKey, dsaEncoding: 'ieee-p1363' }, raw.value)).toBe(true)
    }
  })

  it.each([
    ['nothing', ''],
    ['another form', '0400'],
    ['one number', '3003020101'],
    ['something behind', '300602010102010100'],
    ['a third number', '3009020101020101020101'],
    ['a length beyond its end', '3046020101020101'],
    ['a number that is too long', `30${(35 + 3).toString(16)}0221${'01'.repeat(33)}020101`],
  ])('with %s is refused', (_, hex) => {
    expect(ecdsaForJws(Buffer.from(hex, 'hex'), 32).ok).toBe(false)
  })
})
