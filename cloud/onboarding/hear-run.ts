/** Which run of a device's agent speaks, and whether another one lives beside it (rules/shared-identity.ts). */
import type { CredentialEvent } from '../rules/device-credentials.ts'
import { type HeardRun, hearRun } from '../rules/shared-identity.ts'
import type { FoundDevice } from '../store/devices.ts'
import type { Assertion } from './assertion.ts'

/** The runs that were heard of, now, and what there is to tell. An agent too old to say its run is not judged. */
export function hearRunOf(
  { run, credentialId }: Assertion,
  found: FoundDevice,
  nowMs: number,
): { readonly runs: readonly HeardRun[]; readonly events: readonly CredentialEvent[] } {
  const before = found.found === 'device' ? found.device.runs : []
  if (run === null) return { runs: before, events: [] }
  const { runs, sharedWith } = hearRun(before, run, nowMs)
  if (sharedWith === null) return { runs, events: [] }
  return { runs, events: [{ event: 'identity-shared', credentialId, detail: `run ${run} lives beside run ${sharedWith}` }] }
}
