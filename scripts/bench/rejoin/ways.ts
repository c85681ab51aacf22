/** The ways of joining that are compared, as each side is told them. */
import { readFileSync } from 'node:fs'
import { AAA_HOST } from '../../story/names.ts'
import { RADIO_HOTSPOT } from '../../story/radio-stage.ts'
import type { BenchDevice } from './device.ts'

/** A way: a profile of the CA config, or null for the one that is flashed, and the lines of a network of wpa_supplicant's own file. */
export type Way = {
  readonly name: string
  readonly profile: Readonly<Record<string, unknown>> | null
  readonly network: readonly string[]
}

const PLAIN_MHZ = 5180

/** All of them; the first is the hotspot behind 802.1X. */
export function waysOf({ identity, password, image }: BenchDevice): readonly Way[] {
  const passphrase = `"${image.passphrase}"`
  const plain = (name: string, ssid: string, security: string, keys: readonly string[], secret: object): Way => ({
    name,
    profile: { ssid, security, frequenciesMhz: [PLAIN_MHZ], ...secret },
    network: [`ssid="${ssid}"`, `scan_freq=${PLAIN_MHZ}`, ...keys],
  })
  const tunnel = (method: string, inner: string): readonly string[] => [
    ...['ssid="ZipKey"', 'key_mgmt=WPA-EAP', 'ieee80211w=2', 'scan_freq=2412 2437 2462', `eap=${method}`, `phase2="auth=${inner}"`],
    ...['anonymous_identity="anonymous@acme.zipkey.test"', `identity="${identity}"`, `password="${password}"`],
    ...['ca_cert="/etc/hotspot/pki/aaa-ca.pem"', `domain_match="${AAA_HOST}"`],
  ]
  const peap = { methods: ['PEAP'], ca: readFileSync(image.pki.aaaCaFile, 'utf8'), serverName: AAA_HOST }
  return [
    { name: 'eap-ttls', profile: null, network: tunnel('TTLS', 'PAP') },
    { name: 'eap-peap', profile: { ...RADIO_HOTSPOT, eap: peap }, network: tunnel('PEAP', 'MSCHAPV2') },
    plain('sae', 'ZipKey-Mixed', 'sae', ['key_mgmt=SAE', 'ieee80211w=2', `sae_password=${passphrase}`], { passphrase: image.passphrase }),
    plain('psk', 'ZipKey-PSK', 'psk', ['key_mgmt=WPA-PSK', `psk=${passphrase}`], { passphrase: image.passphrase }),
    plain('owe', 'ZipKey-OWE', 'owe', ['key_mgmt=OWE', 'ieee80211w=2'], {}),
    plain('open', 'ZipKey-Free', 'open', ['key_mgmt=NONE'], {}),
  ]
}
