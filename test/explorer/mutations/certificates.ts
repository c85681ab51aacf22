/** Mutations of the same rules where a certificate is asked for: its key is stored first, kept, and goes into the slot. */
import { CERTIFICATES, CERTIFICATES_THIEF, FRESH_TAKES_PENDING, KEPT_UNFLUSHED, type Mutation, NOT_KEPT } from './mutation.ts'

const EXECUTE = 'agent/execute.ts'
const RECORDS = 'agent/store/records.ts'
const TRANSITION = 'agent/lifecycle/transition.ts'

export const STORE_THE_KEY_FIRST: readonly Mutation[] = [
  {
    breaks: 'a certificate is asked for with a key that is not stored',
    patch: NOT_KEPT,
    caughtAs: 'asked-anew',
    scenario: CERTIFICATES,
    depth: 1,
  },
  {
    breaks: 'a key that was found after a kill is used before it is durable',
    patch: KEPT_UNFLUSHED,
    caughtAs: 'asked-anew',
    scenario: CERTIFICATES,
    depth: 2,
  },
  {
    breaks: 'a fresh key is drawn where the kept one must be used',
    patch: { file: EXECUTE, replace: 'await store.key(nonce)', by: `await store.key('fresh')` },
    caughtAs: 'asked-anew',
    scenario: CERTIFICATES,
    depth: 1,
  },
  {
    breaks: 'the kept key is used where a fresh one must be drawn',
    patch: { file: EXECUTE, replace: 'await store.key(nonce)', by: `await store.key('kept')` },
    caughtAs: 'stuck',
    scenario: CERTIFICATES_THIEF,
    depth: 2,
  },
  {
    breaks: 'a spent key takes the pending certificate with it',
    patch: FRESH_TAKES_PENDING,
    caughtAs: 'deleted',
    scenario: CERTIFICATES_THIEF,
    depth: 2,
  },
  {
    breaks: 'a certificate is stored without its key',
    patch: { file: RECORDS, replace: ', privateKey: credential.privateKeyPem.reveal() })', by: ' })' },
    caughtAs: 'locked-out',
    scenario: CERTIFICATES,
    depth: 0,
  },
  {
    breaks: 'the pending certificate is promoted when the current one was proved',
    patch: {
      file: TRANSITION,
      replace: `case 'current':\n    case 'flashed':\n      return settle(journey, hold, token, nowMs)`,
      by: `case 'current':\n    case 'flashed': {
        const other = journey.candidates.find(({ slot }) => slot === 'pending')
        return other?.slot === 'pending' ? swap(journey, hold, token, { at: 'promoting', credential: other.credential }) : settle(journey, hold, token, nowMs)
      }`,
    },
    caughtAs: 'deleted',
    scenario: { ...CERTIFICATES, rotation: true, rogue: true },
    depth: 2,
  },
]
