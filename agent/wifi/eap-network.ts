/** A join as the network block that wpa_supplicant takes over D-Bus. */
import type { EapProfile } from '../credential/eap-profile.ts'
import type { Bss } from '../ports.ts'
import { variant } from './dbus.ts'

/** What a scan told about the BSS that the network block has to fit. */
export type BssSecurity = { readonly keyManagement: readonly KeyManagement[]; readonly managementFrames: 'open' | 'protected' }

/** The 802.1X key managements (IEEE 802.11 AKM 00-0F-AC:1 and :5) by wpa_supplicant's names. */
export type KeyManagement = 'WPA-EAP' | 'WPA-EAP-SHA256'

/** The block's members. Reading it back shows the password: give it to wpa_supplicant and nothing else. */
export type NetworkBlock = Readonly<Record<string, unknown>>

/**
 * Values that come from outside travel as bytes: wpa_supplicant writes bytes into its configuration as hex, and strings between quotes
 * without escaping them.
 */
const bytes = (text: string | Uint8Array): unknown => variant('ay', Buffer.from(text))
const word = (text: string): unknown => variant('s', text)
const number = (value: number): unknown => variant('i', value)

/** Makes the block that joins exactly this BSS by a full EAP run. */
export function networkBlock(bss: Bss, security: BssSecurity, eap: EapProfile, caBlobName: string): NetworkBlock {
  switch (bss.hotspot.security) {
    case 'wpa-eap':
      return { ...radioMembers(bss, bss.hotspot.ssid, security), ...eapMembers(eap, caBlobName) }
    case 'wired-eap':
      return { key_mgmt: word('IEEE8021X'), eapol_flags: number(0), ...eapMembers(eap, caBlobName) }
  }
}

function radioMembers(bss: Bss, ssid: Uint8Array, security: BssSecurity): NetworkBlock {
  return {
    ssid: bytes(ssid),
    scan_ssid: number(1),
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

function eapMembers(eap: EapProfile, caBlobName: string): NetworkBlock {
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
