/** Which BSSs led to the cloud before: a hint that makes the next choice a good one, on disk as far as the disk lets it. */
import type { Bss } from '../ports.ts'

/** Keys of BSSs, the latest first. */
export type Known = readonly string[]

/** Devices that move see many; those that stay see few. */
const MOST_ENTRIES = 16

function hotspotOf({ hotspot, passpoint }: Bss): string {
  if (hotspot.security === 'wired-eap') return hotspot.security
  const ssid = hotspot.security === 'passpoint' ? passpoint?.ssid : hotspot.ssid
  return `${hotspot.security} ${hex(ssid ?? new Uint8Array())}`
}

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')

const keyOf = (bss: Bss): string => `${bss.bssid} ${hotspotOf(bss)}`

/** The list with this BSS in front; the same list where it is there already. */
export function withArrival(known: Known, bss: Bss): Known {
  const key = keyOf(bss)
  return known[0] === key ? known : [key, ...known.filter((other) => other !== key)].slice(0, MOST_ENTRIES)
}

/** What is known of a BSS: itself, another one of the same hotspot, or nothing. */
export function standingOf(known: Known, bss: Bss): 'this BSS' | 'this hotspot' | 'unknown' {
  if (known.includes(keyOf(bss))) return 'this BSS'
  const hotspot = ` ${hotspotOf(bss)}`
  return known.some((key) => key.endsWith(hotspot)) ? 'this hotspot' : 'unknown'
}
