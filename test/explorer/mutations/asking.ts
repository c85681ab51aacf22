/** Mutations of: the same nonce gets the same answer, a new nonce supersedes only an unused answer. */
import { BARE } from '../scenarios.ts'
import { KEPT_UNFLUSHED, type Mutation, NOT_KEPT, ROTATION, THIEF } from './mutation.ts'

const SWAP = 'cloud/rules/swap.ts'

export const ASK_AGAIN: readonly Mutation[] = [
  {
    breaks: 'the same nonce gets another secret',
    patch: {
      file: SWAP,
      replace: 'if (asked === undefined) return issue(device, request)',
      by: `if (asked === undefined || asked.state === 'pending') return issue(device, request)`,
    },
    caughtAs: 'asked-anew',
    scenario: BARE,
    depth: 1,
  },
  {
    breaks: 'a nonce is not kept on the disk',
    patch: NOT_KEPT,
    caughtAs: 'asked-anew',
    scenario: BARE,
    depth: 1,
  },
  {
    breaks: 'a nonce that was found after a kill is sent before it is durable',
    patch: KEPT_UNFLUSHED,
    caughtAs: 'asked-anew',
    scenario: BARE,
    depth: 2,
  },
  {
    breaks: 'a new nonce does not supersede an unused answer',
    patch: { file: SWAP, replace: `record.state === 'pending' ? { ...record, state: 'superseded' } : record`, by: 'record' },
    caughtAs: 'two-secrets',
    scenario: THIEF,
    depth: 1,
  },
  {
    breaks: 'a new nonce supersedes a used answer',
    patch: {
      file: SWAP,
      replace: `record.state === 'pending' ? { ...record, state: 'superseded' } : record`,
      by: `{ ...record, state: 'superseded' }`,
    },
    caughtAs: 'dethroned',
    scenario: ROTATION,
    depth: 1,
  },
  {
    breaks: 'a superseded nonce is answered once more',
    patch: { file: SWAP, replace: `if (asked.state !== 'pending') return`, by: `if (asked.state === 'current') return` },
    caughtAs: 'stuck',
    scenario: THIEF,
    depth: 2,
  },
  {
    breaks: 'a swap does not judge the temporary secret again',
    patch: { file: SWAP, replace: 'if (!judgement.good) return refuse(', by: 'if (false) return refuse(' },
    caughtAs: 'dethroned',
    scenario: THIEF,
    depth: 2,
  },
]
