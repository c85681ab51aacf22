import { expect, test } from 'vitest'
import { challengeTimeMs, createChallenge } from '../../../../cloud/crypto/challenge.ts'
import { createMasterKey } from '../../../../cloud/crypto/master-key.ts'

const master = createMasterKey()

test('a challenge tells when it was drawn, and no two are alike', () => {
  const challenge = createChallenge(master, 1_700_000_000_123)
  expect(challengeTimeMs([createMasterKey(), master], challenge)).toBe(1_700_000_000_123)
  expect(createChallenge(master, 1_700_000_000_123)).not.toBe(challenge)
})

test('one that was changed, cut, or drawn by another cloud is none of ours', () => {
  const challenge = createChallenge(master, 1_700_000_000_123)
  const [, ...rest] = challenge.split('.')
  expect(challengeTimeMs([master], [(1_800_000_000_000).toString(36), ...rest].join('.'))).toBeNull()
  expect(challengeTimeMs([master], challenge.slice(0, -1))).toBeNull()
  expect(challengeTimeMs([createMasterKey()], challenge)).toBeNull()
  expect(challengeTimeMs([master], '')).toBeNull()
})
