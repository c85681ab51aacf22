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
        passage: '  parts.db.transaction().execute(async (db) => (await decide(parts, db, claims, offered, () => true)).answer)',
        becomes: `  new Promise((early, failed) => {
            parts.db.transaction().execute(async (db) => {
              early((await decide(parts, db, claims, offered, () => true)).answer)
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
        passage: 'await parts.db.transaction().execute((db) => decide({ ...parts, db }, assertion, timely))',
        becomes: `await new Promise<Decision>((early, failed) => {
            parts.db.transaction().execute(async (db) => {
              early(await decide({ ...parts, db }, assertion, timely))
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
        passage: 'await parts.db.transaction().execute((db) => decide({ ...parts, db }, assertion, timely))',
        becomes: 'await decide(parts, assertion, timely)',
      },
      {
        file: 'cloud/store/devices.ts',
        passage: '  for (const record of ending) await setState(db, record, nowMs)\n',
        becomes: `  for (const record of ending) await setState(db, record, nowMs)\n  ${PAUSE}\n`,
      },
    ],
  },
  {
    name: 'the temporary secret ends when the permanent one is issued',
    faults: [
      {
        file: 'cloud/onboarding/swap.ts',
        passage: '  if (device !== null) await saveDevice(db, name, { before, after: device, chainPem: offered.chainPem }, nowMs)\n',
        becomes: `  const { temporary } = before
          const after = temporary.state === 'open' && device !== null ? { ...device, temporary: { ...temporary, state: 'superseded' as const } } : device
          if (after !== null) await saveDevice(db, name, { before, after, chainPem: offered.chainPem }, nowMs)\n`,
      },
    ],
  },
]
