import { describe, expect, it } from 'vitest'
import { base32 } from '../../../agent/contract/base32.ts'
import { isSecretIdOf, makeSecretId, parseSecretId } from '../../../agent/contract/secret-id.ts'

const MASTER_KEY = new Uint8Array(32).fill(7)
const NAME = { account: 'acme', device: 'dev-1' }
const RANDOM = Uint8Array.from({ length: 10 }, (_, index) => index * 25)

describe('base32', () => {
  it.each([
    ['', ''],
    ['f', 'my'],
    ['fo', 'mzxq'],
    ['foo', 'mzxw6'],
    ['foob', 'mzxw6yq'],
    ['fooba', 'mzxw6ytb'],
    ['foobar', 'mzxw6ytboi'],
  ])('of %j is %j (RFC 4648 §10, lower case, no padding)', (text, coded) => {
    expect(base32(Buffer.from(text))).toBe(coded)
  })

  it('keeps every bit of long input', () => {
    expect(base32(new Uint8Array(1000).fill(0xff))).toBe('7'.repeat(1600))
    expect(base32(new Uint8Array(5))).toBe('aaaaaaaa')
  })
})

describe('a secret id', () => {
  const id = makeSecretId('m1', MASTER_KEY, NAME, 3, RANDOM)

  it('is read into its parts', () => {
    expect(parseSecretId(id)).toMatchObject({ ok: true, value: { masterKeyId: 'm1', generation: 3, random: base32(RANDOM) } })
  })

  it('belongs to the key and the device that it was made for', () => {
    expect(isSecretIdOf(id, MASTER_KEY, NAME)).toBe(true)
  })

  it.each([
    ['another master key', id, new Uint8Array(32).fill(8), NAME],
    ['another device', id, MASTER_KEY, { ...NAME, device: 'dev-2' }],
    ['another account', id, MASTER_KEY, { ...NAME, account: 'acme2' }],
    ['a device id that borrows from the account', id, MASTER_KEY, { account: 'acmed', device: 'ev-1' }],
    ['a newer generation', id.replace('m1-3-', 'm1-4-'), MASTER_KEY, NAME],
    ['another master key id', id.replace('m1-', 'm2-'), MASTER_KEY, NAME],
    ['a changed MAC', id.replace(/.$/, (last) => (last === 'a' ? 'b' : 'a')), MASTER_KEY, NAME],
    ['a truncated MAC', id.slice(0, -1), MASTER_KEY, NAME],
    ['an empty MAC', id.slice(0, -13), MASTER_KEY, NAME],
    ['no id at all', '', MASTER_KEY, NAME],
    ['a MAC in upper case', id.toUpperCase(), MASTER_KEY, NAME],
  ])('does not belong to %s', (_, text, masterKey, name) => {
    expect(isSecretIdOf(text, masterKey, name)).toBe(false)
  })

  it('has a generation of at least 1', () => {
    expect(parseSecretId(makeSecretId('m1', MASTER_KEY, NAME, 0, RANDOM)).ok).toBe(false)
  })
})
