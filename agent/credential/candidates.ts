/** The order in which a device tries what it holds: what the cloud issued first, then what was flashed, in the order of the CA config. */
import type { Candidate, Credential, IssuedCredential } from './credential.ts'

/** The two slots; null where one is empty, or holds nothing that can be used. */
export type Slots = { readonly pending: IssuedCredential | null; readonly current: IssuedCredential | null }

/** What the store found. A reading is partial where the disk gave one slot and not the other. */
export type StoredCredentials = Slots & { readonly isPartial: boolean }

/** Joins what is stored with what was flashed. */
export function candidatesOf(stored: Slots, flashed: readonly Credential[]): readonly Candidate[] {
  const candidates: Candidate[] = []
  if (stored.pending !== null) candidates.push({ slot: 'pending', credential: stored.pending })
  if (stored.current !== null) candidates.push({ slot: 'current', credential: stored.current })
  for (const credential of flashed) {
    candidates.push(credential.kind === 'temporary-secret' ? { slot: 'temporary', credential } : { slot: 'flashed', credential })
  }
  return candidates
}
