/** A hotspot profile: what a device must know about a hotspot before it shows it anything. */

/** How the secret is proved inside the tunnel (RFC 5281 §11.2.4 MSCHAPv2, §11.2.5 PAP). */
export type InnerMethod = 'MSCHAPV2' | 'PAP'

/** How the hotspot's AAA server proves itself, and how we prove ourselves to it. CA and name are both always required. */
export type EapSettings = {
  readonly methods: readonly ['TTLS']
  readonly inner: InnerMethod
  /** PEM of the CA that must have issued the AAA server's certificate. */
  readonly caPem: string
  /** The DNS name that the AAA server's certificate must carry, whole. */
  readonly serverName: string
  /** The AAA domain that the hotspot password is derived for. */
  readonly aaaDomain: string
}

/** A radio hotspot behind 802.1X. `frequenciesMhz` are scanned first; empty means every channel. */
export type RadioHotspot = {
  readonly security: 'wpa-eap'
  /** 0 to 32 bytes. */
  readonly ssid: Uint8Array
  readonly frequenciesMhz: readonly number[]
  readonly eap: EapSettings
}

/** A wired port behind 802.1X; there is no SSID and nothing to scan for. */
export type WiredPort = { readonly security: 'wired-eap'; readonly eap: EapSettings }

/** Any hotspot this version can join. */
export type HotspotProfile = RadioHotspot | WiredPort

/** The SSID for people: UTF-8 where it is printable, hex where it is not. A byte order mark stays, so that no two SSIDs look the same. */
export function ssidText(ssid: Uint8Array): string {
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(ssid)
  return /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]+$/u.test(text) && !text.includes('\uFFFD') ? text : `0x${Buffer.from(ssid).toString('hex')}`
}

/** What to call a hotspot in a log. */
export const hotspotText = (profile: HotspotProfile): string => (profile.security === 'wpa-eap' ? ssidText(profile.ssid) : 'wired port')
