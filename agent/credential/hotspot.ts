/** A hotspot profile: what a device must know about a hotspot before it shows it anything. */
import type { Secret } from './secret.ts'

/** How the password is proved inside the tunnel of TTLS (RFC 5281 §11.2.4 MSCHAPv2, §11.2.5 PAP). */
export type InnerMethod = 'MSCHAPV2' | 'PAP'

/** How a device proves itself: a certificate by EAP-TLS; a secret by EAP-TTLS, by PEAP with MSCHAPv2, or by EAP-PWD. */
export const EAP_METHODS = ['TLS', 'TTLS', 'PEAP', 'PWD'] as const

/** One of them. */
export type EapMethod = (typeof EAP_METHODS)[number]

/** The newest TLS that a hotspot's AAA server may agree on. */
export const TLS_VERSIONS = ['1.2', '1.3'] as const

/** One of them. */
export type TlsVersion = (typeof TLS_VERSIONS)[number]

/** How the hotspot's AAA server proves itself, and how we prove ourselves to it. CA and name are both always required; EAP-PWD alone has no use for them. */
export type EapSettings = {
  /** What the hotspot offers; the first that fits a credential is used. */
  readonly methods: readonly EapMethod[]
  /** For TTLS. */
  readonly inner: InnerMethod
  readonly tlsMaxVersion: TlsVersion
  /** PEM of the CA that must have issued the AAA server's certificate. */
  readonly caPem: string
  /** The DNS name that the AAA server's certificate must carry, whole. */
  readonly serverName: string
  /** The AAA domain that the hotspot password is derived for. */
  readonly aaaDomain: string
}

/** What every radio hotspot has. `frequenciesMhz` are scanned first; empty means every channel. */
type Radio = {
  /** 0 to 32 bytes. */
  readonly ssid: Uint8Array
  /** Does not tell its SSID by itself: the device asks for it by name, which anyone in range can hear. */
  readonly hidden: boolean
  readonly frequenciesMhz: readonly number[]
}

/** A radio hotspot behind 802.1X (WPA2/WPA3-Enterprise). */
export type EapHotspot = Radio & { readonly security: 'wpa-eap'; readonly eap: EapSettings }

/** By what a Passpoint hotspot is known: by what it says before anybody joins it (ANQP, IEEE 802.11-2020 §9.4.5). One of the two suffices. */
export type Subscription = {
  /** The realm that it takes credentials of. */
  readonly realm: string
  /** The roaming consortiums that it takes the members of, in hex. */
  readonly roamingConsortiums: readonly string[]
  /** The domain of the operator at home, whose own hotspots come before others that take the device too; null where there is none. */
  readonly homeDomain: string | null
}

/** Hotspots behind 802.1X that are known by no SSID. What they say of themselves only finds them: CA and server name are checked as ever. */
export type PasspointHotspot = Subscription & { readonly security: 'passpoint'; readonly eap: EapSettings }

/** How to log in at a hotspot's login page by WISPr, should it have one. */
export type PageLogin = {
  readonly username: string
  readonly password: Secret<string>
  /** The DNS name that the login server must have, or that its name must end with. */
  readonly serverName: string
  /** PEM of the CA that must have issued its certificate; null for the public CAs. */
  readonly caPem: string | null
  readonly allowUnencrypted: boolean
}

/** What hotspots without 802.1X have: a way past a login page, or none. */
type Plain = Radio & { readonly login: PageLogin | null }

/** A hotspot that all devices join by one passphrase: WPA3-Personal (`sae`) or WPA2-Personal (`psk`). For `psk`, 64 hex digits are the key itself. */
export type PassphraseHotspot = Plain & { readonly security: 'sae' | 'psk'; readonly passphrase: Secret<string> }

/** A hotspot that anyone may join: encrypted (`owe`, Wi-Fi Enhanced Open) or not (`open`). */
export type KeylessHotspot = Plain & { readonly security: 'owe' | 'open' }

/** A hotspot on a radio that is known by its SSID. */
export type NamedHotspot = EapHotspot | PassphraseHotspot | KeylessHotspot

/** A hotspot on a radio. */
export type RadioHotspot = NamedHotspot | PasspointHotspot

/** A wired port behind 802.1X; there is no SSID and nothing to scan for. */
export type WiredPort = { readonly security: 'wired-eap'; readonly eap: EapSettings }

/** Any hotspot this version can join. */
export type HotspotProfile = RadioHotspot | WiredPort

/** A hotspot that sees no credential of the device: joining it proves nothing about one, and only the cloud's answer does. */
export type PlainHotspot = PassphraseHotspot | KeylessHotspot

/** Tells plain hotspots from those behind 802.1X. */
export function isPlain(profile: HotspotProfile): profile is PlainHotspot {
  switch (profile.security) {
    case 'wpa-eap':
    case 'passpoint':
    case 'wired-eap':
      return false
    case 'sae':
    case 'psk':
    case 'owe':
    case 'open':
      return true
  }
}

/** The SSID for people: UTF-8 where it is printable, hex where it is not. A byte order mark stays, so that no two SSIDs look the same. */
export function ssidText(ssid: Uint8Array): string {
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(ssid)
  return /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]+$/u.test(text) && !text.includes('\uFFFD') ? text : `0x${Buffer.from(ssid).toString('hex')}`
}

/** What to call a hotspot in a log. */
export function hotspotText(profile: HotspotProfile): string {
  switch (profile.security) {
    case 'wired-eap':
      return 'wired port'
    case 'passpoint':
      return `Passpoint of ${profile.realm}`
    case 'wpa-eap':
    case 'sae':
    case 'psk':
    case 'owe':
    case 'open':
      return ssidText(profile.ssid)
  }
}

/** The same text for two subscriptions that the same hotspots answer. */
export const subscriptionText = ({ realm, roamingConsortiums, homeDomain }: Subscription): string =>
  [realm, ...roamingConsortiums.toSorted(), homeDomain ?? ''].join(' ').toLowerCase()
