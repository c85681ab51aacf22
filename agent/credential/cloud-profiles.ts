/**
 * The hotspot profiles that the cloud adds to those flashed at the factory. A profile that works is never given up for one that is
 * unproven: what a newer version replaces stays until the device has reached the cloud without it.
 */
import { formatHotspotForm } from '../contract/hotspot-form.ts'
import type { HotspotProfile } from './hotspot.ts'
import { formOf } from './profile-form.ts'

/** Profiles by the cloud; `former` are those of the last version that led here, until the present one has. */
export type CloudProfiles = {
  readonly version: number
  readonly hotspots: readonly HotspotProfile[]
  readonly former: readonly HotspotProfile[]
}

/** What a device has before the cloud ever sent one. */
export const NO_CLOUD_PROFILES: CloudProfiles = { version: 0, hotspots: [], former: [] }

/** The profiles after a newer version came. One that was never proved is replaced for good; the last that was stays behind it. */
export const renewed = (kept: CloudProfiles, version: number, hotspots: readonly HotspotProfile[]): CloudProfiles => ({
  version,
  hotspots,
  former: kept.former.length > 0 ? kept.former : kept.hotspots,
})

/** The profiles once the device reached the cloud by this one, if that shows that it can do without the former. Else the same object. */
export function proved(kept: CloudProfiles, by: HotspotProfile): CloudProfiles {
  const isAmong = (profiles: readonly HotspotProfile[]): boolean => profiles.some((profile) => textOf(profile) === textOf(by))
  if (kept.former.length === 0 || (isAmong(kept.former) && !isAmong(kept.hotspots))) return kept
  return { ...kept, former: [] }
}

const textOf = (profile: HotspotProfile): string => JSON.stringify(formatHotspotForm(formOf(profile)))

/** All profiles of a device: the factory's own never go. */
export const allProfiles = (flashed: readonly HotspotProfile[], { hotspots, former }: CloudProfiles): readonly HotspotProfile[] => [
  ...flashed,
  ...hotspots,
  ...former,
]
