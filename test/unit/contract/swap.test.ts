import { describe, expect, it } from 'vitest'
import { formatSecretText } from '../../../agent/contract/secret-text.ts'
import { NONCE_BYTES, parseNonce, parseSwapAnswer } from '../../../agent/contract/swap.ts'

const SECRET = new Uint8Array(32).fill(9)
const GOOD = { secret_id: 'm1-1-6dy7f47u6x3ppoh2-aaaaaaaaaaaaa', secret: formatSecretText('zks_', SECRET) }

describe('a swap nonce', () => {
  it('is 32 random bytes in base64url', () => {
    const nonce = Buffer.alloc(NONCE_BYTES, 0xfb).toString('base64url')
    expect(parseNonce(nonce)).toEqual({ ok: true, value: nonce })
  })

  it.each([
    undefined,
    null,
    7,
    {},
    [],
    '',
    'A'.repeat(42),
    'A'.repeat(44),
    `${'A'.repeat(43)}\n`,
    `${'A'.repeat(42)}+`,
    `${'A'.repeat(42)}=`,
  ])('%j is none', (value) => {
    expect(parseNonce(value).ok).toBe(false)
  })
})

describe('the answer to a swap', () => {
  it('gives the secret and its id', () => {
    expect(parseSwapAnswer(GOOD)).toEqual({ ok: true, value: { kind: 'secret', secretId: GOOD.secret_id, secret: SECRET } })
  })

  it.each([
    ['nothing', null],
    ['a list', [GOOD]],
    ['no id', { ...GOOD, secret_id: undefined }],
    ['no secret', { ...GOOD, secret: undefined }],
    ['a malformed id', { ...GOOD, secret_id: 'm1-1' }],
    ['an id with its credential prefix', { ...GOOD, secret_id: `s.${GOOD.secret_id}` }],
    ['a secret without checksum', { ...GOOD, secret: `zks_${Buffer.from(SECRET).toString('base64url')}` }],
    ['a provisioning key', { ...GOOD, secret: formatSecretText('zkp_', SECRET) }],
  ])('with %s is refused, without quoting the secret', (_, body) => {
    const read = parseSwapAnswer(body)
    expect(read.ok).toBe(false)
    expect(JSON.stringify(read)).not.toContain(Buffer.from(SECRET).toString('base64url').slice(0, 10))
  })
})
