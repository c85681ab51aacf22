/** Which of the BSSs in range belong to a hotspot profile, and which is tried first. */
import type { HotspotProfile } from '../credential/hotspot.ts'
import type { Bss } from '../ports.ts'
import type { BssSecurity } from './eap-network.ts'

/** A BSS as a scan found it; `security` is null where it has no RSN. */
export type ScannedBss = {
  readonly ssid: Uint8Array
  readonly bssid: string
  readonly frequencyMhz: number
  readonly signalDbm: number
  readonly security: BssSecurity | null
}

/** A BSS that a profile matches, with what decided its place. */
export type RankedBss = { readonly bss: Bss; readonly security: BssSecurity; readonly reason: string }

/** Below this a join often fails and is slow; such a BSS comes after every better one, whatever its profile. */
const WEAK_DBM = -80

/** The BSSs that profiles match, best first: usable signal, then the order of the profiles, then protected management frames, then signal. */
export function rank(scanned: readonly ScannedBss[], hotspots: readonly HotspotProfile[]): readonly RankedBss[] {
  const matches = scanned.flatMap((found) => {
    const security = found.security
    const order = hotspots.findIndex((hotspot) => isMatch(found, hotspot))
    const hotspot = hotspots[order]
    if (hotspot === undefined || security === null) return []
    const { bssid, frequencyMhz, signalDbm } = found
    return [{ order, security, bss: { bssid, frequencyMhz, signalDbm, hotspot } }]
  })
  const key = ({ order, security, bss }: (typeof matches)[number]): readonly number[] => [
    bss.signalDbm < WEAK_DBM ? 1 : 0,
    order,
    security.managementFrames === 'protected' ? 0 : 1,
    -bss.signalDbm,
  ]
  const ranked = matches.toSorted((a, b) => compare(key(a), key(b)) || (a.bss.bssid < b.bss.bssid ? -1 : 1))
  return ranked.map(({ order, security, bss }) => ({ security, bss, reason: reasonOf(order, security, bss.signalDbm) }))
}

/** A profile that says EAP never matches an open or passphrase twin: its AKM list has no 802.1X. */
function isMatch(found: ScannedBss, hotspot: HotspotProfile): boolean {
  switch (hotspot.security) {
    case 'wpa-eap':
      return found.security !== null && found.security.keyManagement.length > 0 && Buffer.compare(found.ssid, hotspot.ssid) === 0
    case 'wired-eap':
      return false
  }
}

function compare(a: readonly number[], b: readonly number[]): number {
  const index = a.findIndex((value, at) => value !== b[at])
  return index === -1 ? 0 : (a[index] ?? 0) - (b[index] ?? 0)
}

const reasonOf = (order: number, security: BssSecurity, signalDbm: number): string =>
  [
    `${signalDbm} dBm${signalDbm < WEAK_DBM ? ' (weak)' : ''}`,
    `profile ${order + 1}`,
    security.managementFrames === 'protected' ? 'protected management frames' : 'unprotected management frames',
  ].join(', ')
