/**
 * What a beacon says about the security of its BSS: the RSN element (IEEE 802.11-2020 §9.4.2.24) with its key managements and how it
 * treats management frames, and the OWE transition element (Wi-Fi Alliance, Opportunistic Wireless Encryption 1.1 §2.2.2).
 */
import type { BssSecurity, KeyManagement } from './network-block.ts'

const RSN_ELEMENT = 48
const VENDOR_ELEMENT = 221
/** Microsoft's OUI and the type of the original WPA. */
const ORIGINAL_WPA = '0050f201'
/** The Wi-Fi Alliance's OUI and the type of OWE's transition mode. */
const OWE_TRANSITION = '506f9a1c'
const AKM_NAMES: Readonly<Record<string, KeyManagement>> = {
  '000fac01': 'WPA-EAP',
  '000fac02': 'WPA-PSK',
  '000fac05': 'WPA-EAP-SHA256',
  '000fac06': 'WPA-PSK-SHA256',
  '000fac08': 'SAE',
  '000fac12': 'OWE',
}
const MANAGEMENT_FRAMES_CAPABLE = 0x80

/** Says that a BSS has no security at all. */
const OPEN: BssSecurity = { keyManagement: ['NONE'], managementFrames: 'open' }

/** Reads the information elements of a BSS; null for one that encrypts in a way of the past (WEP, the original WPA), or is out of form. */
export function parseSecurity(elements: Uint8Array, privacy: boolean): BssSecurity | null {
  const rsn = find(elements, ({ id }) => id === RSN_ELEMENT)
  if (rsn !== null) return parseRsn(rsn)
  return privacy || find(elements, isVendor(ORIGINAL_WPA)) !== null ? null : OPEN
}

/** The other half of a pair, one open and one with OWE, that share a name for people. */
export type OwePartner = { readonly bssid: string; readonly ssid: Uint8Array }

/** Reads the OWE transition element; null where there is none. */
export function parseOwePartner(elements: Uint8Array): OwePartner | null {
  const element = find(elements, isVendor(OWE_TRANSITION))
  if (element === null) return null
  const view = Buffer.from(element)
  // OUI and type, BSSID, length of the SSID, the SSID.
  const end = view.length > 10 ? 11 + view.readUInt8(10) : Number.POSITIVE_INFINITY
  if (end > view.length || end > 11 + MAX_SSID_BYTES) return null
  return { bssid: bssidText(view.subarray(4, 10)), ssid: view.subarray(11, end) }
}

const MAX_SSID_BYTES = 32

/** Six bytes as everybody writes them. */
export const bssidText = (bytes: Buffer): string => bytes.toString('hex').replace(/..(?=.)/g, '$&:')

function parseRsn(rsn: Uint8Array): BssSecurity | null {
  const view = Buffer.from(rsn)
  // Version and group cipher are 6 bytes; then a counted list of pairwise ciphers, a counted list of AKMs, and the capabilities.
  const afterPairwise = afterList(view, 6)
  if (afterPairwise === null) return null
  const afterAkms = afterList(view, afterPairwise)
  if (afterAkms === null) return null
  const keyManagement: KeyManagement[] = []
  for (let offset = afterPairwise + 2; offset < afterAkms; offset += 4) {
    const name = AKM_NAMES[view.toString('hex', offset, offset + 4)]
    if (name !== undefined) keyManagement.push(name)
  }
  const capabilities = view.length >= afterAkms + 2 ? view.readUInt16LE(afterAkms) : 0
  return { keyManagement, managementFrames: (capabilities & MANAGEMENT_FRAMES_CAPABLE) !== 0 ? 'protected' : 'open' }
}

function afterList(view: Buffer, offset: number): number | null {
  if (view.length < offset + 2) return null
  const end = offset + 2 + 4 * view.readUInt16LE(offset)
  return end <= view.length ? end : null
}

type Element = { readonly id: number; readonly body: Uint8Array }

const isVendor =
  (kind: string) =>
  ({ id, body }: Element): boolean =>
    id === VENDOR_ELEMENT && Buffer.from(body.subarray(0, 4)).toString('hex') === kind

function find(elements: Uint8Array, isWanted: (element: Element) => boolean): Uint8Array | null {
  let offset = 0
  while (offset + 2 <= elements.length) {
    const [id = 0, length = 0] = elements.subarray(offset, offset + 2)
    const end = offset + 2 + length
    if (end > elements.length) return null
    const body = elements.subarray(offset + 2, end)
    if (isWanted({ id, body })) return body
    offset = end
  }
  return null
}
