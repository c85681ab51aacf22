/** A join as the network block that wpa_supplicant takes over D-Bus. */
import type { EapProfile } from '../credential/eap-profile.ts'
import type { RadioHotspot } from '../credential/hotspot.ts'
import type { Bss } from '../ports.ts'
import { variant } from './dbus.ts'

/** What a scan told about the BSS that the network block has to fit. */
export type BssSecurity = { readonly keyManagement: readonly KeyManagement[]; readonly managementFrames: 'open' | 'protected' }

/** The key managements (IEEE 802.11-2020 table 9-151) by wpa_supplicant's names; NONE is a BSS without any. */
export type KeyManagement = 'WPA-EAP' | 'WPA-EAP-SHA256' | 'WPA-PSK' | 'WPA-PSK-SHA256' | 'SAE' | 'OWE' | 'NONE'

/** The block's members. Reading it back shows the password: give it to wpa_supplicant and nothing else. */
export type NetworkBlock = Readonly<Record<string, unknown>>

/**
 * Values that come from outside travel as bytes: wpa_supplicant writes bytes into its configuration as hex, and strings between quotes
 * without escaping them.
 */
const bytes = (text: string | Uint8Array): unknown => variant('ay', Buffer.from(text))
const word = (text: string): unknown => variant('s', text)
const number = (value: number): unknown => variant('i', value)

/** How a join shows who it is: by EAP with a CA that wpa_supplicant holds as a blob, or null where the profile says it all. */
export type EapRun = { readonly eap: EapProfile; readonly caBlobName: string }

/** Makes the block that joins exactly this BSS; behind 802.1X by a full EAP run. */
export function networkBlock(bss: Bss, security: BssSecurity, run: EapRun | null): NetworkBlock {
  const eap = run === null ? {} : eapMembers(run)
  const { hotspot } = bss
  switch (hotspot.security) {
    case 'wired-eap':
      return { key_mgmt: word('IEEE8021X'), eapol_flags: number(0), ...eap }
    case 'wpa-eap':
      return { ...radioMembers(bss, hotspot, security), ...eap }
    case 'sae':
      return { ...radioMembers(bss, hotspot, security), sae_password: bytes(hotspot.passphrase.reveal()) }
    case 'psk':
      return { ...radioMembers(bss, hotspot, security), psk: pskValue(hotspot.passphrase.reveal()) }
    case 'owe':
      // Without this wpa_supplicant takes an open twin as well.
      return { ...radioMembers(bss, hotspot, security), owe_only: number(1) }
    case 'open':
      return radioMembers(bss, hotspot, security)
  }
}

/** The key itself in hex, or a passphrase: printable ASCII, which wpa_supplicant takes between quotes, whatever it holds. */
const pskValue = (passphrase: string): unknown => (PSK_IN_HEX.test(passphrase) ? bytes(Buffer.from(passphrase, 'hex')) : word(passphrase))

const PSK_IN_HEX = /^[0-9a-f]{64}$/i

function radioMembers(bss: Bss, { ssid, hidden }: RadioHotspot, security: BssSecurity): NetworkBlock {
  return {
    ssid: bytes(ssid),
    scan_ssid: number(hidden ? 1 : 0),
    bssid: word(bss.bssid),
    scan_freq: word(String(bss.frequencyMhz)),
    freq_list: word(String(bss.frequencyMhz)),
    proto: word('RSN'),
    pairwise: word('CCMP GCMP GCMP-256 CCMP-256'),
    key_mgmt: word(security.keyManagement.join(' ')),
    // Required wherever the BSS can, so that nobody can talk the two out of it: 0 off, 2 required.
    ieee80211w: number(security.managementFrames === 'protected' ? 2 : 0),
    proactive_key_caching: number(0),
  }
}

function eapMembers({ eap, caBlobName }: EapRun): NetworkBlock {
  return {
    eap: word(eap.method),
    phase2: word(`auth=${eap.inner}`),
    ...(eap.checkDates ? {} : { phase1: word('tls_disable_time_checks=1') }),
    anonymous_identity: bytes(eap.outerIdentity),
    identity: bytes(eap.innerIdentity),
    password: bytes(eap.password.reveal()),
    ca_cert: word(`blob://${caBlobName}`),
    domain_match: bytes(eap.serverName),
  }
}
