/** Which of the BSSs in range belong to which hotspot profile. */
import { type PasspointHotspot, type RadioHotspot, subscriptionText } from '../credential/hotspot.ts'
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
  readonly passpoint: readonly PasspointMatch[]
}

/** That a BSS takes what a subscription (its text) has, and whether its operator is another than the one at home. */
export type PasspointMatch = { readonly subscription: string; readonly isVisited: boolean }

/** A profile, and its place among the profiles. */
export type PlacedHotspot = { readonly hotspot: RadioHotspot; readonly preference: number }

/** Each BSS with each profile that matches it. */
export const matches = (scanned: readonly ScannedBss[], hotspots: readonly PlacedHotspot[]): readonly Bss[] =>
  scanned.flatMap((found) =>
    hotspots.flatMap(({ hotspot, preference }) => {
      const way = wayIn(found, hotspot)
      if (way === null) return []
      const { bssid, frequencyMhz, signalDbm, ssid } = found
      const answer = hotspot.security === 'passpoint' ? passpointMatch(found, hotspot) : null
      const passpoint = answer === null ? null : { ssid, isVisited: answer.isVisited }
      return [{ bssid, frequencyMhz, signalDbm, hotspot, preference, managementFrames: way.managementFrames, passpoint }]
    }),
  )

/** What a profile of each kind joins by. Nothing else will do: EAP has no open twin, SAE no fallback to PSK. */
const KEY_MANAGEMENT: { readonly [K in RadioHotspot['security']]: readonly KeyManagement[] } = {
  'wpa-eap': ['WPA-EAP', 'WPA-EAP-SHA256'],
  passpoint: ['WPA-EAP', 'WPA-EAP-SHA256'],
  sae: ['SAE'],
  psk: ['WPA-PSK', 'WPA-PSK-SHA256'],
  owe: ['OWE'],
  open: ['NONE'],
}

/** These do not work without protected management frames. */
const ALWAYS_PROTECTED: ReadonlySet<RadioHotspot['security']> = new Set(['sae', 'owe'])

/** How this profile would join the BSS, by what both can do; null where it would not. */
export function wayIn(found: ScannedBss, hotspot: RadioHotspot): BssSecurity | null {
  const offered = found.security
  if (offered === null || found.ssid.length === 0 || !isOf(found, hotspot)) return null
  const keyManagement = KEY_MANAGEMENT[hotspot.security].filter((name) => offered.keyManagement.includes(name))
  if (keyManagement.length === 0) return null
  return { keyManagement, managementFrames: ALWAYS_PROTECTED.has(hotspot.security) ? 'protected' : offered.managementFrames }
}

function isOf(found: ScannedBss, hotspot: RadioHotspot): boolean {
  if (hotspot.security === 'passpoint') return passpointMatch(found, hotspot) !== null
  const ssids = hotspot.security === 'owe' && found.owePartner !== null ? [found.ssid, found.owePartner.ssid] : [found.ssid]
  return ssids.some((ssid) => Buffer.compare(ssid, hotspot.ssid) === 0)
}

const passpointMatch = (found: ScannedBss, hotspot: PasspointHotspot): PasspointMatch | null =>
  found.passpoint.find(({ subscription }) => subscription === subscriptionText(hotspot)) ?? null
