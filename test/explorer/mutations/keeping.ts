/** Mutations of: nothing is deleted because someone said no, and a refusal leads to the next credential, no further. */
import { BARE } from '../scenarios.ts'
import { FRESH_TAKES_PENDING, type Mutation, ROGUE, THIEF } from './mutation.ts'

const JOURNEY = 'agent/lifecycle/journey.ts'

export const KEEP_AND_ROTATE: readonly Mutation[] = [
  {
    breaks: 'a spent nonce takes the pending secret with it',
    patch: FRESH_TAKES_PENDING,
    caughtAs: 'deleted',
    scenario: THIEF,
    depth: 2,
  },
  {
    breaks: 'a refused credential is forgotten',
    patch: {
      file: JOURNEY,
      replace: 'const [second, ...others] = rest\n  return second === undefined ? [first] : [second, ...others, first]',
      by: 'const [second, ...others] = rest\n  return second === undefined ? [first] : [second, ...others]',
    },
    caughtAs: 'stuck',
    scenario: ROGUE,
    depth: 2,
  },
  {
    breaks: 'a refusal does not lead to the next credential',
    patch: {
      file: JOURNEY,
      replace: 'const mayRotate = refused || next.attempt % ROTATE_EVERY_ROUNDS === 0',
      by: 'const mayRotate = false',
    },
    caughtAs: 'stuck',
    scenario: THIEF,
    depth: 2,
  },
  {
    breaks: 'a refusal halts the device',
    patch: {
      file: 'agent/failure.ts',
      replace: `ERR_CLOUD_REFUSED: {\n    disposition: 'rotate'`,
      by: `ERR_CLOUD_REFUSED: {\n    disposition: 'halt'`,
    },
    caughtAs: 'stuck',
    scenario: THIEF,
    depth: 2,
  },
  {
    breaks: 'a promoted device falls back without a refusal',
    patch: { file: JOURNEY, replace: 'front === current && refused && fallbackDue', by: 'front === current && fallbackDue' },
    caughtAs: 'shown-again',
    scenario: ROGUE,
    depth: 1,
  },
  {
    breaks: 'a promoted device falls back at every refusal',
    patch: { file: JOURNEY, replace: 'front === current && refused && fallbackDue', by: 'front === current && refused' },
    caughtAs: 'shown-again',
    scenario: ROGUE,
    depth: 2,
  },
  {
    breaks: 'a restarted device begins with its temporary secret',
    patch: { file: 'agent/credential/candidates.ts', replace: 'return candidates\n', by: 'return candidates.toReversed()\n' },
    caughtAs: 'shown-again',
    scenario: BARE,
    depth: 1,
  },
]
