/** Mutations of: prove by the whole path, then promote what was proved; the first token request is the confirmation. */
import { BARE } from '../scenarios.ts'
import { type Mutation, PLAIN, ROGUE, ROTATION } from './mutation.ts'

const TRANSITION = 'agent/lifecycle/transition.ts'
const TOKEN = 'cloud/rules/token.ts'

export const PROVE_THEN_PROMOTE: readonly Mutation[] = [
  {
    breaks: 'a secret is promoted as soon as it is stored',
    patch: {
      file: TRANSITION,
      replace: 'return walkAgain(withPending(journey, step.credential), hold)',
      by: `return swap(withPending(journey, step.credential), hold, token, { at: 'promoting', credential: step.credential })`,
    },
    caughtAs: 'promoted-unproved',
    scenario: BARE,
    depth: 0,
  },
  {
    breaks: 'a secret is promoted at a plain hotspot for having a link there',
    patch: {
      file: TRANSITION,
      replace: 'return walkAgain(withPending(journey, step.credential), hold)',
      by: `return hold.link.eap === null ? swap(withPending(journey, step.credential), hold, token, { at: 'promoting', credential: step.credential }) : walkAgain(withPending(journey, step.credential), hold)`,
    },
    caughtAs: 'promoted-unproved',
    scenario: PLAIN,
    depth: 0,
  },
  {
    breaks: 'whatever is pending is promoted when another credential was proved',
    patch: {
      file: TRANSITION,
      replace: `return swap(journey, hold, token, { at: 'requesting', orderId: null, nonce: 'kept' })`,
      by: `{ const other = journey.candidates.find(({ slot }) => slot === 'pending')
        return swap(journey, hold, token, other?.slot === 'pending' ? { at: 'promoting', credential: other.credential } : { at: 'requesting', orderId: null, nonce: 'kept' }) }`,
    },
    caughtAs: 'promoted-unproved',
    scenario: ROGUE,
    depth: 1,
  },
  {
    breaks: 'the first token request with a secret confirms nothing',
    patch: { file: TOKEN, replace: 'return grant(makeCurrent(device, id, shown.nowMs),', by: 'return grant(device,' },
    caughtAs: 'promoted-unproved',
    scenario: BARE,
    depth: 0,
  },
  {
    breaks: 'the first token request leaves the temporary secret good',
    patch: {
      file: TOKEN,
      replace: `device.temporary.state === 'open' ? { ...device.temporary, state: 'superseded' } : device.temporary`,
      by: 'device.temporary',
    },
    caughtAs: 'two-secrets',
    scenario: BARE,
    depth: 0,
  },
  {
    breaks: 'the first token request leaves the former permanent secret current',
    patch: { file: TOKEN, replace: `return isLive(record) ? { ...record, state: 'superseded' } : record`, by: 'return record' },
    caughtAs: 'two-secrets',
    scenario: ROTATION,
    depth: 1,
  },
]
