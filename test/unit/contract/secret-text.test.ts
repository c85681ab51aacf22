import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { formatSecretText, looksLikeSecretText, parseSecretText } from '../../../agent/contract/secret-text.ts'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

describe('the text form of a secret', () => {
  it('is read back, whatever the bytes', () => {
    for (let round = 0; round < 200; round += 1) {
      const bytes = new Uint8Array(randomBytes(32))
      for (const prefix of ['zks_', 'zkp_'] as const) {
        const text = formatSecretText(prefix, bytes)
        expect(text).toMatch(/^zk[sp]_[A-Za-z0-9_-]{48}$/)
        expect(parseSecretText(prefix, text)).toEqual({ ok: true, value: bytes })
      }
    }
  })

  it('is refused after any single wrong character', () => {
    const good = formatSecretText('zks_', new Uint8Array(32).fill(0xa5))
    let refused = 0
    for (let index = 0; index < good.length; index += 1)
      for (const character of ALPHABET) {
        if (good[index] === character) continue
        expect(parseSecretText('zks_', good.slice(0, index) + character + good.slice(index + 1)).ok).toBe(false)
        refused += 1
      }
    expect(refused).toBeGreaterThan(52 * 62)
  })

  it('is refused after losing any one character, or any number from its end', () => {
    const good = formatSecretText(
      'zks_',
      Uint8Array.from({ length: 32 }, (_, index) => index * 7),
    )
    for (let index = 0; index < good.length; index += 1) {
      expect(parseSecretText('zks_', good.slice(0, index)).ok).toBe(false)
      expect(parseSecretText('zks_', good.slice(0, index) + good.slice(index + 1)).ok).toBe(false)
    }
  })

  it('of a length of megabytes is refused', () => {
    expect(parseSecretText('zks_', `zks_${'A'.repeat(5_000_000)}`).ok).toBe(false)
  })
})

describe('a text that claims to be a secret', () => {
  it.each(['zks_', 'zkp_x', 'ZKS_x', 'Zkp_', 'zKS_'])('%s does', (text) => expect(looksLikeSecretText(text)).toBe(true))
  it.each(['', 'zks', 'zkx_', ' zks_', 'hunter2', 'zk_s'])('%j does not', (text) => expect(looksLikeSecretText(text)).toBe(false))
})
