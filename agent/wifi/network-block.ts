/** A join as the network block that wpa_supplicant takes over D-Bus. */
import { createHash, createPrivateKey } from 'node:crypto'
import type { EapProfile, PwdProfile, TlsProfile, TokenTlsProfile, TunnelProfile } from '../credential/eap-profile.ts'
import type { NamedHotspot } from '../credential/hotspot.ts'
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

/** What wpa_supplicant is given to keep in memory, under a name that tells nothing secret; what is there under a name already is as good. */
export type Blob = { readonly name: string; readonly text: string }

/** What the block of this EAP run refers to. */
export function blobsOf(eap: EapProfile): readonly Blob[] {
  switch (eap.method) {
    case 'PWD':
      return []
    case 'TTLS':
    case 'PEAP':
      return [caBlob(eap)]
    case 'TLS': {
      const { certificate, key } = clientBlobNames(eap)
      const shown = [caBlob(eap), { name: certificate, text: eap.chainPem }]
      return 'keyUri' in eap ? shown : [...shown, { name: key, text: encryptedKey(eap) }]
    }
  }
}

type CertifiedServer = Exclude<EapProfile, PwdProfile>

const caBlob = (eap: CertifiedServer): Blob => ({ name: caBlobName(eap), text: eap.caPem })

const caBlobName = ({ caPem }: CertifiedServer): string => `zipkey-ca-${sha256(caPem).toString('hex').slice(0, 32)}`

/** Both are named by the certificate: it says which key is meant, and not a bit of the key. */
const clientBlobNames = ({ fingerprint }: TlsProfile | TokenTlsProfile) => ({
  certificate: `zipkey-cert-${fingerprint}`,
  key: `zipkey-key-${fingerprint}`,
})

/**
 * Whoever may configure wpa_supplicant can read its blobs, and not the passphrases of its networks: so the key is encrypted, by a
 * passphrase that follows from it.
 */
const encryptedKey = (eap: TlsProfile): string =>
  createPrivateKey(eap.privateKeyPem.reveal())
    .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: keyPassphrase(eap) })
    .toString()

const keyPassphrase = ({ privateKeyPem }: TlsProfile): string => sha256(`zipkey/wpa-key\0${privateKeyPem.reveal()}`).toString('base64url')

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()

/** Makes the block that joins exactly this BSS; behind 802.1X by a full EAP run, and with `eap` null by what the profile says. */
export function networkBlock(bss: Bss, security: BssSecurity, eap: EapProfile | null): NetworkBlock {
  const eapOrNothing = eap === null ? {} : eapMembers(eap)
  const { hotspot } = bss
  switch (hotspot.security) {
    case 'wired-eap':
      return { key_mgmt: word('IEEE8021X'), eapol_flags: number(0), ...eapOrNothing }
    case 'wpa-eap':
      return { ...radioMembers(bss, hotspot, security), ...eapOrNothing }
    case 'passpoint':
      return { ...radioMembers(bss, { ssid: bss.passpoint?.ssid ?? new Uint8Array(), hidden: false }, security), ...eapOrNothing }
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

function radioMembers(bss: Bss, { ssid, hidden }: Pick<NamedHotspot, 'ssid' | 'hidden'>, security: BssSecurity): NetworkBlock {
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

function eapMembers(eap: EapProfile): NetworkBlock {
  switch (eap.method) {
    case 'PWD':
      return { eap: word(eap.method), ...passwordMembers(eap) }
    case 'TTLS':
      return { ...serverMembers(eap), ...tunnelMembers(eap), phase2: word(`auth=${eap.inner}`) }
    case 'PEAP':
      return { ...serverMembers(eap), ...tunnelMembers(eap), phase2: word('auth=MSCHAPV2') }
    case 'TLS': {
      const { certificate, key } = clientBlobNames(eap)
      return {
        ...serverMembers(eap),
        identity: bytes(eap.outerIdentity),
        client_cert: word(blobUrl(certificate)),
        ...('keyUri' in eap ? tokenMembers(eap) : { private_key: word(blobUrl(key)), private_key_passwd: bytes(keyPassphrase(eap)) }),
      }
    }
  }
}

/** wpa_supplicant opens such a key by OpenSSL's engine for PKCS#11. */
const tokenMembers = ({ keyUri, pin }: TokenTlsProfile): NetworkBlock => ({
  private_key: bytes(keyUri),
  ...(pin === null ? {} : { pin: bytes(pin.reveal()) }),
})

const serverMembers = (eap: CertifiedServer): NetworkBlock => ({
  eap: word(eap.method),
  ...phase1(eap),
  ca_cert: word(blobUrl(caBlobName(eap))),
  domain_match: bytes(eap.serverName),
})

/** wpa_supplicant offers TLS 1.3 for EAP only where it is told to. */
function phase1({ checkDates, tlsMaxVersion }: CertifiedServer): NetworkBlock {
  const flags = [...(checkDates ? [] : ['tls_disable_time_checks=1']), ...(tlsMaxVersion === '1.3' ? ['tls_disable_tlsv1_3=0'] : [])]
  return flags.length === 0 ? {} : { phase1: word(flags.join(' ')) }
}

const tunnelMembers = (eap: TunnelProfile): NetworkBlock => ({ anonymous_identity: bytes(eap.outerIdentity), ...passwordMembers(eap) })

const passwordMembers = ({ innerIdentity, password }: TunnelProfile | PwdProfile): NetworkBlock => ({
  identity: bytes(innerIdentity),
  password: bytes(password.reveal()),
})

const blobUrl = (name: string): string => `blob://${name}`
