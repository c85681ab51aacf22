/** Which of the BSSs in range belong to a hotspot profile, and which is tried first. */
import type { RadioHotspot } from '../credential/hotspot.ts'
import type { Bss } from '../ports.ts'
import type { OwePartner } from './beacon.ts'
import type { BssSecurity, KeyManagement } from './network-block.ts'

/** A BSS as a scan found it; `security` is null where it can only be joined in a way of the past. A hidden one has no SSID until it is asked by name. */
export type ScannedBss = {
  readonly ssid: Uint8Array
  readonly bssid: string
  readonly frequencyMhz: number
  readonly signalDbm: number
  readonly security: BssSecurity | null
  readonly owePartner: OwePartner | null
}

/** A BSS that a profile matches, with what decided its place. */
export type RankedBss = { readonly bss: Bss; readonly security: BssSecurity; readonly reason: string }

/** Below this a join often fails and is slow; such a BSS comes after every better one, whatever its profile. */
const WEAK_DBM = -80

/** The BSSs that profiles match, best first: usable signal, then the order of the profiles, then protected management frames, then signal. */
export function rank(scanned: readonly ScannedBss[], hotspots: readonly RadioHotspot[]): readonly RankedBss[] {
  const matches = scanned.flatMap((found) => {
    const order = hotspots.findIndex((hotspot) => wayIn(found, hotspot) !== null)
    const hotspot = hotspots[order]
    const security = hotspot === undefined ? null : wayIn(found, hotspot)
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

/** What a profile of each kind joins by. Nothing else will do: EAP has no open twin, SAE no fallback to PSK. */
const KEY_MANAGEMENT: { readonly [K in RadioHotspot['security']]: readonly KeyManagement[] } = {
  'wpa-eap': ['WPA-EAP', 'WPA-EAP-SHA256'],
  sae: ['SAE'],
  psk: ['WPA-PSK', 'WPA-PSK-SHA256'],
  owe: ['OWE'],
  open: ['NONE'],
}

/** These do not work without protected management frames. */
const ALWAYS_PROTECTED: ReadonlySet<RadioHotspot['security']> = new Set(['sae', 'owe'])

/** How this profile would join the BSS, by what both can do; null where it would not. */
function wayIn(found: ScannedBss, hotspot: RadioHotspot): BssSecurity | null {
  const offered = found.security
  const ssids = hotspot.security === 'owe' && found.owePartner !== null ? [found.ssid, found.owePartner.ssid] : [found.ssid]
  if (offered === null || found.ssid.length === 0 || !ssids.some((ssid) => Buffer.compare(ssid, hotspot.ssid) === 0)) return null
  const keyManagement = KEY_MANAGEMENT[hotspot.security].filter((name) => offered.keyManagement.includes(name))
  if (keyManagement.length === 0) return null
  return { keyManagement, managementFrames: ALWAYS_PROTECTED.has(hotspot.security) ? 'protected' : offered.managementFrames }
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
