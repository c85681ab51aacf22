/** The RSN element of a beacon (IEEE 802.11-2020 §9.4.2.24): which key managements a BSS offers and how it treats management frames. */
import type { BssSecurity, KeyManagement } from './eap-network.ts'

const RSN_ELEMENT = 48
const AKM_NAMES: Readonly<Record<string, KeyManagement>> = { '000fac01': 'WPA-EAP', '000fac05': 'WPA-EAP-SHA256' }
const MANAGEMENT_FRAMES_CAPABLE = 0x80

/** Reads the information elements of a BSS; null for a BSS without RSN, one that is open or uses the original WPA. */
export function parseRsn(elements: Uint8Array): BssSecurity | null {
  const rsn = findElement(elements, RSN_ELEMENT)
  if (rsn === null) return null
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

function findElement(elements: Uint8Array, id: number): Uint8Array | null {
  let offset = 0
  while (offset + 2 <= elements.length) {
    const [elementId = 0, length = 0] = elements.subarray(offset, offset + 2)
    const end = offset + 2 + length
    if (end > elements.length) return null
    if (elementId === id) return elements.subarray(offset + 2, end)
    offset = end
  }
  return null
}
