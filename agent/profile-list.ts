/** The hotspot profiles that scans are made with: the factory's own, and those that the cloud added, kept durably and renewed with each token. */
import { allProfiles, type CloudProfiles, NO_CLOUD_PROFILES, proved, renewed } from './credential/cloud-profiles.ts'
import type { HotspotProfile } from './credential/hotspot.ts'
import { AgentError } from './failure.ts'
import type { Effect, Event } from './lifecycle/state.ts'
import type { CloudClient, CredentialStore } from './ports.ts'

/** What the list needs. */
export type ProfileListOptions = {
  readonly hotspots: readonly HotspotProfile[]
  readonly cloud: CloudClient
  readonly store: CredentialStore
  readonly whenProfilesFail: (error: unknown) => void
}

/** The list; renewing it never fails, since a device that is steady has a profile that works. */
export type ProfileList = {
  all(): readonly HotspotProfile[]
  load(): Promise<void>
  renew(effect: Extract<Effect, { do: 'renew-profiles' }>, signal: AbortSignal): Promise<Event>
}

/** Begins with the factory's profiles. */
export function createProfileList({ hotspots, cloud, store, whenProfilesFail }: ProfileListOptions): ProfileList {
  let added = NO_CLOUD_PROFILES
  const keep = async (next: CloudProfiles): Promise<void> => {
    if (next === added) return
    await store.keepCloudProfiles(next)
    added = next
  }
  return {
    all: () => allProfiles(hotspots, added),
    load: async () => {
      added = await store.cloudProfiles().catch((error: unknown) => {
        whenProfilesFail(error)
        return NO_CLOUD_PROFILES
      })
    },
    renew: async ({ candidate: { credential }, token, hotspot }, signal) => {
      try {
        if (hotspot !== null) await keep(proved(added, hotspot))
        const fetched = await cloud.hotspotProfiles({ token, credential, after: added.version }, signal)
        if (fetched === null) return { type: 'profiles-kept', because: null }
        await keep(renewed(added, fetched.version, fetched.hotspots))
        return { type: 'profiles-renewed', version: fetched.version, hotspots: fetched.hotspots.length }
      } catch (error) {
        if (!(error instanceof AgentError)) throw error
        return { type: 'profiles-kept', because: error.failure }
      }
    },
  }
}
