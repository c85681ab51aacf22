/** Faults of a cloud that a kill brings to light; each is given some time in which it may come. */
import type { SourceFault } from '../cloud/cloud-program.ts'

/** A fault by its name. */
export type CloudFault = { readonly name: string; readonly faults: readonly SourceFault[] }

const pause = (ms: number): string => `await new Promise((resolve) => setTimeout(resolve, ${ms}))`
const PAUSE = pause(30)
/** Longer than the campaign takes to kill where it aims, on a busy machine as well. */
const LONG_PAUSE = pause(500)

/** All of them. */
export const CLOUD_FAULTS: readonly CloudFault[] = [
  {
    name: 'the secret is answered before it is committed',
    faults: [
      {
        file: 'cloud/onboarding/swap.ts',
        passage: 'return conclude(parts.db, (db) => decide(parts, db, claims, asked, offer))',
        becomes: `return new Promise((early, failed) => {
            conclude(parts.db, async (db) => {
              const conclusion = await decide(parts, db, claims, asked, offer)
              early(conclusion.result)
              ${LONG_PAUSE}
              return conclusion
            }).catch(failed)
          })`,
      },
    ],
  },
  {
    name: 'the token is answered before it is committed',
    faults: [
      {
        file: 'cloud/onboarding/issue-token.ts',
        passage: 'await conclude(parts.db, (db) => decide(parts, db, assertion, timely))',
        becomes: `await new Promise<Decision>((early, failed) => {
            conclude(parts.db, async (db) => {
              const conclusion = await decide(parts, db, assertion, timely)
              early(conclusion.result)
              ${PAUSE}
              return conclusion
            }).catch(failed)
          })`,
      },
    ],
  },
  {
    name: 'first token and revocation are decided without a transaction',
    faults: [
      {
        file: 'cloud/onboarding/issue-token.ts',
        passage: 'await conclude(parts.db, (db) => decide(parts, db, assertion, timely))',
        becomes: `await decide(parts, parts.db, assertion, timely).then(async ({ result, writes }) => {
            for (const write of writes) {
              await parts.db.executeQuery(write)
              ${PAUSE}
            }
            return result
          })`,
      },
    ],
  },
  {
    name: 'the temporary secret ends when the permanent one is issued',
    faults: [
      {
        file: 'cloud/onboarding/swap.ts',
        passage: 'deviceWrites(db, name, { before, after: device, chainPem, runs: null }, nowMs)',
        becomes: `deviceWrites(db, name, {
            before,
            after: before.temporary.state === 'open' ? { ...device, temporary: { ...before.temporary, state: 'superseded' as const } } : device,
            chainPem,
            runs: null,
          }, nowMs)`,
      },
    ],
  },
]
