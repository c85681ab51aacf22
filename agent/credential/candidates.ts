/** The order in which a device tries what it holds: what the cloud issued first, then what was flashed, in the order of the CA config. */
import type { Candidate, IssuedSecret, SharedSecret, TemporarySecret } from './credential.ts'

/** What the store found in its two slots; a slot is null where it is empty or was set aside. */
export type StoredCredentials = { readonly pending: IssuedSecret | null; readonly current: IssuedSecret | null }

/** Joins what is stored with what was flashed. */
export function candidatesOf(stored: StoredCredentials, flashed: readonly (SharedSecret | TemporarySecret)[]): readonly Candidate[] {
  const candidates: Candidate[] = []
  if (stored.pending !== null) candidates.push({ slot: 'pending', credential: stored.pending })
  if (stored.current !== null) candidates.push({ slot: 'current', credential: stored.current })
  for (const credential of flashed) {
    candidates.push(credential.kind === 'shared-secret' ? { slot: 'flashed', credential } : { slot: 'temporary', credential })
  }
  return candidates
}
