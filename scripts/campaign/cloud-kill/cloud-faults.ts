/** Faults of a cloud that a kill brings to light; each is given some time in which it may come. */
import type { SourceFault } from '../cloud/cloud-program.ts'

/** A fault by its name. */
export type CloudFault = { readonly name: string; readonly faults: readonly SourceFault[] }

const PAUSE = 'await new Promise((resolve) => setTimeout(resolve, 30))'

/** All of them. */
export const CLOUD_FAULTS: readonly CloudFault[] = [
  {
    name: 'the secret is answered before it is committed',
    faults: [
      {
        file: 'cloud/onboarding/swap.ts',
        passage: 'return transact(parts.db, (db) => decide(parts, db, claims, asked, offer))',
        becomes: `return new Promise((early, failed) => {
            transact(parts.db, async (db) => {
              early(await decide(parts, db, claims, asked, offer))
              ${PAUSE}
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
        passage: 'await transact(parts.db, (db) => decide(parts, db, assertion, timely))',
        becomes: `await new Promise<Decision>((early, failed) => {
            transact(parts.db, async (db) => {
              early(await decide(parts, db, assertion, timely))
              ${PAUSE}
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
        passage: 'await transact(parts.db, (db) => decide(parts, db, assertion, timely))',
        becomes: 'await decide(parts, parts.db, assertion, timely)',
      },
      {
        file: 'cloud/store/devices.ts',
        passage: '  await Promise.all(ending.map((record) => setState(db, record, nowMs)))\n',
        becomes: `  await Promise.all(ending.map((record) => setState(db, record, nowMs)))\n  ${PAUSE}\n`,
      },
    ],
  },
  {
    name: 'the temporary secret ends when the permanent one is issued',
    faults: [
      {
        file: 'cloud/onboarding/swap.ts',
        passage: 'saveDevice(db, name, { before, after: device, chainPem: offer?.chainPem ?? null, runs: null }, nowMs)',
        becomes: `saveDevice(db, name, {
            before,
            after: before.temporary.state === 'open' ? { ...device, temporary: { ...before.temporary, state: 'superseded' as const } } : device,
            chainPem: offer?.chainPem ?? null,
            runs: null,
          }, nowMs)`,
      },
    ],
  },
]
