import { describe, expect, it } from 'vitest'
import { createMasterKey } from '../../../cloud/crypto/master-key.ts'
import { createPossessionChallenge, possessionChallengeTimeMs } from '../../../cloud/crypto/possession-challenge.ts'

const KEYS = [createMasterKey()] as const
const CA = { account: 'acme', fingerprint: 'a'.repeat(52) }
const NOW_MS = 1_800_000_000_000

describe('a challenge for a CA', () => {
  it('says when it was drawn, fits into a common name, and is another one each time', () => {
    const challenge = createPossessionChallenge(KEYS, CA, NOW_MS)
    expect(challenge).toMatch(/^[A-Za-z0-9._-]{1,64}$/)
    expect(possessionChallengeTimeMs(KEYS, CA, challenge)).toBe(NOW_MS)
    expect(createPossessionChallenge(KEYS, CA, NOW_MS)).not.toBe(challenge)
  })

  it('is understood after the master key was replaced', () => {
    const challenge = createPossessionChallenge(KEYS, CA, NOW_MS)
    expect(possessionChallengeTimeMs([createMasterKey(), ...KEYS], CA, challenge)).toBe(NOW_MS)
  })

  it.each([
    ['another account', { ...CA, account: 'umbra' }],
    ['another CA', { ...CA, fingerprint: 'b'.repeat(52) }],
  ])('proves nothing for %s', (_, other) => {
    expect(possessionChallengeTimeMs(KEYS, other, createPossessionChallenge(KEYS, CA, NOW_MS))).toBeNull()
  })

  it.each(['', 'SN-1', 'a.b.c', `${'0'.repeat(8)}.${'A'.repeat(16)}.${'A'.repeat(22)}`])('is not %j', (text) => {
    expect(possessionChallengeTimeMs(KEYS, CA, text)).toBeNull()
  })

  it('cannot be made younger', () => {
    const [, random, mac] = createPossessionChallenge(KEYS, CA, NOW_MS).split('.')
    expect(possessionChallengeTimeMs(KEYS, CA, [(NOW_MS + 1).toString(36), random, mac].join('.'))).toBeNull()
  })
})
