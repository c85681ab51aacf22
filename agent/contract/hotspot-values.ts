/** The single values of a hotspot profile: what an SSID, a passphrase, a CA and the like may be, wherever a profile comes from. */
import { X509Certificate } from 'node:crypto'
import { isObject, type Parsed, parsed, unparsed } from './parsed.ts'

/** An SSID has at most as many bytes (IEEE 802.11-2020 §9.4.2.2). */
export const SSID_MAX_BYTES = 32

const DNS_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i
const PRINTABLE_ASCII = /^[ -~]*$/

/** Reads PEM of one or more CA certificates; dates are not looked at, since the device may not know the time yet. */
export function parseCaPem(pem: string): Parsed<string> {
  if (/PRIVATE KEY-----/.test(pem)) return unparsed('holds a private key: give the CA certificate only')
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  if (blocks.length === 0) return unparsed('holds no PEM certificate (-----BEGIN CERTIFICATE-----)')
  try {
    for (const block of blocks)
      if (!new X509Certificate(block).ca) return unparsed('holds a certificate that is not a CA: give the one that issued it')
    return parsed(`${blocks.join('\n')}\n`)
  } catch {
    return unparsed('holds a PEM certificate that is damaged: copy it again')
  }
}

/** A DNS name. */
export const parseDnsName = (name: string): Parsed<string> => (DNS_NAME.test(name) ? parsed(name) : unparsed('expected a DNS name'))

/** An organization identifier (IEEE 802.11-2020 §9.4.1.31) in hex, of 3 or 5 bytes. */
export const parseConsortium = (text: string): Parsed<string> =>
  /^([0-9a-f]{6}|[0-9a-f]{10})$/i.test(text) ? parsed(text.toLowerCase()) : unparsed('expected 6 or 10 hex digits')

/** wpa_supplicant takes at most as many. */
export const MOST_CONSORTIUMS = 36

/** An SSID: a text in UTF-8, or its bytes in `{"hex": "…"}`. */
export function parseSsid(value: unknown): Parsed<Uint8Array> {
  const bytes = ssidBytes(value)
  if (bytes === null) return unparsed('expected a text in quotes, or {"hex": "…"}')
  return bytes.length >= 1 && bytes.length <= SSID_MAX_BYTES ? parsed(bytes) : unparsed(`an SSID is 1 to ${SSID_MAX_BYTES} bytes`)
}

function ssidBytes(value: unknown): Uint8Array | null {
  if (typeof value === 'string') return new Uint8Array(Buffer.from(value, 'utf8'))
  const hex = isObject(value) && Object.keys(value).length === 1 ? value.hex : undefined
  return typeof hex === 'string' && /^([0-9a-f]{2})+$/i.test(hex) ? new Uint8Array(Buffer.from(hex, 'hex')) : null
}

/** WPA2's form (IEEE 802.11-2020 annex J.4.1). */
export function parsePskPassphrase(whole: string): Parsed<string> {
  const passphrase = withoutNewline(whole)
  if (/^[0-9a-f]{64}$/i.test(passphrase)) return parsed(passphrase)
  const isGood = PRINTABLE_ASCII.test(passphrase) && passphrase.length >= 8 && passphrase.length <= 63
  return isGood ? parsed(passphrase) : unparsed('expected 8 to 63 printable ASCII characters, or the key itself as 64 hex digits')
}

/** WPA3 takes any text; every access point takes this much of it. */
export function parseSaePassphrase(whole: string): Parsed<string> {
  const passphrase = withoutNewline(whole)
  const bytes = Buffer.byteLength(passphrase)
  return bytes >= 8 && bytes <= 63 && !/\p{Cc}/u.test(passphrase) ? parsed(passphrase) : unparsed('expected 8 to 63 bytes of text')
}

const withoutNewline = (text: string): string => text.replace(/\r?\n$/, '')

/** The centre frequency of a 2.4 or 5 GHz channel (IEEE 802.11-2020, annex E). */
export function frequencyOfChannel(channel: number): number {
  if (channel === 14) return 2484
  return channel < 14 ? 2407 + 5 * channel : 5000 + 5 * channel
}

/** Any text that is there. */
export function parseLoginPassword(whole: string): Parsed<string> {
  const password = withoutNewline(whole)
  return password === '' ? unparsed('is empty') : parsed(password)
}
