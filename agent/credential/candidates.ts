/** The order in which a device tries what it holds: what the cloud issued first, then what was flashed, in the order of the CA config. */
import type { Candidate, IssuedSecret, SharedSecret, TemporarySecret } from './credential.ts'

/** The two slots; null where one is empty, or holds nothing that can be used. */
export type Slots = { readonly pending: IssuedSecret | null; readonly current: IssuedSecret | null }

/** What the store found. A reading is partial where the disk gave one slot and not the other. */
export type StoredCredentials = Slots & { readonly isPartial: boolean }

/** Joins what is stored with what was flashed. */
export function candidatesOf(stored: Slots, flashed: readonly (SharedSecret | TemporarySecret)[]): readonly Candidate[] {
  const candidates: Candidate[] = []
  if (stored.pending !== null) candidates.push({ slot: 'pending', credential: stored.pending })
  if (stored.current !== null) candidates.push({ slot: 'current', credential: stored.current })
  for (const credential of flashed) {
    candidates.push(credential.kind === 'shared-secret' ? { slot: 'flashed', credential } : { slot: 'temporary', credential })
  }
  return candidates
}
