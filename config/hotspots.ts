/** `hotspots[]`: what the device must know about a hotspot before it shows it anything. */
import { X509Certificate } from 'node:crypto'
import { parseRealm } from '../agent/contract/names.ts'
import { isObject, type Parsed, parsed, unparsed } from '../agent/contract/parsed.ts'
import { EAP_METHODS, type EapMethod, type EapSettings, type HotspotProfile, isPlain } from '../agent/credential/hotspot.ts'
import { Secret } from '../agent/credential/secret.ts'
import { contents } from './content.ts'
import { choice, flag, integer, list, type Read, type Reader, text } from './reader.ts'
import { optional, record, required, tagged } from './record.ts'

const SSID_MAX_BYTES = 32
const DNS_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i

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

/** CA certificates in PEM, in the config or in a file. */
export const caReader = (doc: string): Reader<string> =>
  contents({ doc, secret: false, inline: { type: 'string', pattern: '-----BEGIN CERTIFICATE-----' }, parse: parseCaPem })

/** A DNS name. */
export const parseDnsName = (name: string): Parsed<string> => (DNS_NAME.test(name) ? parsed(name) : unparsed('expected a DNS name'))

const SSID_DOC = 'The SSID: a text of 1 to 32 bytes in UTF-8, or its bytes in hex.'

const ssidReader: Reader<Uint8Array> = {
  doc: SSID_DOC,
  json: () => ({
    description: SSID_DOC,
    anyOf: [
      { type: 'string', minLength: 1, maxLength: SSID_MAX_BYTES },
      {
        type: 'object',
        properties: { hex: { type: 'string', pattern: '^([0-9A-Fa-f]{2}){1,32}$' } },
        required: ['hex'],
        additionalProperties: false,
      },
    ],
  }),
  read(value, path, reading) {
    const bytes = ssidBytes(value)
    if (bytes === null) return void reading.problem(path, 'expected a text in quotes, or {"hex": "…"}')
    if (bytes.length < 1 || bytes.length > SSID_MAX_BYTES) return void reading.problem(path, `an SSID is 1 to ${SSID_MAX_BYTES} bytes`)
    return bytes
  },
}

function ssidBytes(value: unknown): Uint8Array | null {
  if (typeof value === 'string') return new Uint8Array(Buffer.from(value, 'utf8'))
  const hex = isObject(value) && Object.keys(value).length === 1 ? value.hex : undefined
  return typeof hex === 'string' && /^([0-9a-f]{2})+$/i.test(hex) ? new Uint8Array(Buffer.from(hex, 'hex')) : null
}

const methodsReader = list(
  'The EAP methods that the hotspot offers: a secret joins by TTLS, a certificate by TLS.',
  choice('An EAP method.', EAP_METHODS),
  1,
)

const eapReader = record('How the AAA server proves itself, and how the device does. CA and name are both required.', {
  methods: optional(methodsReader, ['TTLS']),
  inner: optional(choice('How the password is proved inside the tunnel of TTLS.', ['MSCHAPV2', 'PAP']), 'MSCHAPV2'),
  ca: required(caReader('The CA that must have issued the AAA server’s certificate.')),
  serverName: required(text('The DNS name that the AAA server’s certificate must carry, whole.', parseDnsName)),
  aaaDomain: optional(
    text('The AAA domain that the hotspot password is derived for; for TTLS. The realm where missing.', parseRealm),
    null,
  ),
})

const PRINTABLE_ASCII = /^[ -~]*$/

/** WPA2's form (IEEE 802.11-2020 annex J.4.1). */
function parsePskPassphrase(whole: string): Parsed<string> {
  const passphrase = withoutNewline(whole)
  if (/^[0-9a-f]{64}$/i.test(passphrase)) return parsed(passphrase)
  const isGood = PRINTABLE_ASCII.test(passphrase) && passphrase.length >= 8 && passphrase.length <= 63
  return isGood ? parsed(passphrase) : unparsed('expected 8 to 63 printable ASCII characters, or the key itself as 64 hex digits')
}

/** WPA3 takes any text; every access point takes this much of it. */
function parseSaePassphrase(whole: string): Parsed<string> {
  const passphrase = withoutNewline(whole)
  const bytes = Buffer.byteLength(passphrase)
  return bytes >= 8 && bytes <= 63 && !/\p{Cc}/u.test(passphrase) ? parsed(passphrase) : unparsed('expected 8 to 63 bytes of text')
}

const withoutNewline = (text: string): string => text.replace(/\r?\n$/, '')

const passphraseReader = (parse: (text: string) => Parsed<string>): Reader<string> =>
  contents({ doc: 'The passphrase of the hotspot.', secret: true, inline: { type: 'string', minLength: 8 }, parse })

const kind = <const T extends string>(word: T) => required(choice('Told apart by this word.', [word]))

const radio = {
  ssid: required(ssidReader),
  hidden: optional(flag('The hotspot does not tell its SSID by itself: the device asks for it by name.'), false),
  channels: optional(list('Channels of 2.4 and 5 GHz that are scanned first.', integer('A channel number.', 1, 177), 1), []),
  frequenciesMhz: optional(list('Frequencies that are scanned first; 6 GHz only so.', integer('MHz.', 2412, 7125), 1), []),
}

const eapHotspot = record('A radio hotspot behind 802.1X (WPA2/WPA3-Enterprise).', {
  security: kind('wpa-eap'),
  ...radio,
  eap: required(eapReader),
})

const saeHotspot = record('WPA3-Personal. A profile of its own, with psk and the same ssid, is needed for falling back to WPA2.', {
  security: kind('sae'),
  ...radio,
  passphrase: required(passphraseReader(parseSaePassphrase)),
})

const pskHotspot = record('WPA2-Personal.', { security: kind('psk'), ...radio, passphrase: required(passphraseReader(parsePskPassphrase)) })

const oweHotspot = record('Encrypted for anyone (Wi-Fi Enhanced Open); of a pair in transition mode, the encrypted half.', {
  security: kind('owe'),
  ...radio,
})

const openHotspot = record('Not encrypted.', { security: kind('open'), ...radio })

const wiredPort = record('A wired port behind 802.1X.', { security: kind('wired-eap'), eap: required(eapReader) })

/** One entry of `hotspots`. */
export const hotspotReader = tagged(
  'One hotspot profile.',
  'security',
  { 'wpa-eap': eapHotspot, 'wired-eap': wiredPort, sae: saeHotspot, psk: pskHotspot, owe: oweHotspot, open: openHotspot },
  {},
)

/** The hotspot profile, with the realm as AAA domain where none is named. */
export function hotspotOf(entry: Read<typeof hotspotReader>, realm: string): HotspotProfile {
  switch (entry.security) {
    case 'wired-eap':
      return { security: 'wired-eap', eap: eapOf(entry.eap, realm) }
    case 'wpa-eap':
      return { security: 'wpa-eap', ...radioOf(entry), eap: eapOf(entry.eap, realm) }
    case 'sae':
    case 'psk':
      return { security: entry.security, ...radioOf(entry), passphrase: new Secret(entry.passphrase) }
    case 'owe':
    case 'open':
      return { security: entry.security, ...radioOf(entry) }
  }
}

function eapOf({ ca, aaaDomain, ...rest }: Read<typeof eapReader>, realm: string): EapSettings {
  return { ...rest, caPem: ca, aaaDomain: aaaDomain ?? realm }
}

function radioOf({ ssid, hidden, channels, frequenciesMhz }: Pick<Read<typeof openHotspot>, keyof typeof radio>) {
  return { ssid, hidden, frequenciesMhz: [...new Set([...channels.map(frequencyOfChannel), ...frequenciesMhz])] }
}

/** The centre frequency of a 2.4 or 5 GHz channel (IEEE 802.11-2020, annex E). */
export function frequencyOfChannel(channel: number): number {
  if (channel === 14) return 2484
  return channel < 14 ? 2407 + 5 * channel : 5000 + 5 * channel
}

/** What is wrong where no hotspot takes a credential that joins by this method; null where one does. A plain one takes any. */
export const whyNoHotspot = (hotspots: readonly HotspotProfile[], method: EapMethod, joining: string): string | null =>
  hotspots.some((hotspot) => isPlain(hotspot) || hotspot.eap.methods.includes(method))
    ? null
    : `${joining} joins by ${method}, which no hotspot offers: add "${method}" to eap.methods of one that does`
