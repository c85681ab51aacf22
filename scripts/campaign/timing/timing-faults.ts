/** Short cuts that a cloud must not take, to see whether the campaign notices them. */
import type { SourceFault } from '../cloud/cloud-program.ts'

/** A short cut by the question that finds it. */
export type ShortCut = { readonly question: string; readonly faults: readonly SourceFault[] }

/** One at the token endpoint, one at the hotspot: each writes, or waits for the disk, for what exists alone, so that a busy machine does not hide it. */
export const SHORT_CUTS: readonly ShortCut[] = [
  {
    question: 'a token for an account that exists',
    faults: [
      {
        file: 'cloud/onboarding/issue-token.ts',
        passage: '  const stray = ',
        becomes: '  if (!isThere) return\n  const stray = ',
      },
    ],
  },
  {
    question: 'a hotspot password for a device with a flashed secret',
    faults: [
      { file: 'cloud/http/routes-aaa.ts', passage: '      await due\n', becomes: '' },
      {
        file: 'cloud/onboarding/hotspot.ts',
        passage: '  const secret = secretOf(parts, identity, identity.credentialId, records)\n',
        becomes:
          "  const asked = [{ event: 'hotspot-refused', credentialId: identity.credentialId, detail: 'asked' }] as const\n" +
          "  if (records.found.found === 'device') await tell(parts, client, identity, asked, session)\n" +
          '  const secret = secretOf(parts, identity, identity.credentialId, records)\n',
      },
    ],
  },
]
