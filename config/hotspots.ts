/** `hotspots[]`: what the device must know about a hotspot before it shows it anything. */
import {
  frequencyOfChannel,
  parseCaPem,
  parseConsortium,
  parseDnsName,
  parseLoginPassword,
  parsePskPassphrase,
  parseSaePassphrase,
  parseSsid,
  SSID_MAX_BYTES,
} from '../agent/contract/hotspot-values.ts'
import { parseRealm } from '../agent/contract/names.ts'
import { type Parsed, parsed, unparsed } from '../agent/contract/parsed.ts'
import type { PermanentKind } from '../agent/credential/credential.ts'
import { METHODS_OF } from '../agent/credential/eap-profile.ts'
import { EAP_METHODS, type HotspotProfile, isPlain, TLS_VERSIONS } from '../agent/credential/hotspot.ts'
import { profileOf } from '../agent/credential/profile-form.ts'
import { contents } from './content.ts'
import { choice, flag, integer, list, type Read, type Reader, text } from './reader.ts'
import { optional, record, required, tagged } from './record.ts'

/** CA certificates in PEM, in the config or in a file. */
export const caReader = (doc: string): Reader<string> =>
  contents({ doc, secret: false, inline: { type: 'string', pattern: '-----BEGIN CERTIFICATE-----' }, parse: parseCaPem })

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
    const ssid = parseSsid(value)
    return ssid.ok ? ssid.value : void reading.problem(path, ssid.problem)
  },
}

const methodsReader = list(
  'The EAP methods that the hotspot offers: a certificate joins by TLS, a secret by TTLS, PEAP or PWD; the first that fits is used. PWD shows the device id to everyone in range.',
  choice('An EAP method.', EAP_METHODS),
  1,
)

const eapReader = record('How the AAA server proves itself, and how the device does. CA and name are both required.', {
  methods: optional(methodsReader, ['TTLS']),
  inner: optional(choice('How the password is proved inside the tunnel of TTLS.', ['MSCHAPV2', 'PAP']), 'MSCHAPV2'),
  tlsMaxVersion: optional(
    choice(
      'The newest TLS to agree on. 1.3 hides the certificate of the device, and needs an AAA server that has it for EAP (RFC 9190, 9427).',
      TLS_VERSIONS,
    ),
    '1.2',
  ),
  ca: required(caReader('The CA that must have issued the AAA server’s certificate.')),
  serverName: required(text('The DNS name that the AAA server’s certificate must carry, whole.', parseDnsName)),
  aaaDomain: optional(text('The AAA domain that the hotspot password is derived for. The realm where missing.', parseRealm), null),
})

const passphraseReader = (parse: (text: string) => Parsed<string>): Reader<string> =>
  contents({ doc: 'The passphrase of the hotspot.', secret: true, inline: { type: 'string', minLength: 8 }, parse })

const kind = <const T extends string>(word: T) => required(choice('Told apart by this word.', [word]))

const loginReader = record('How to log in at the hotspot’s login page, should it have one (WISPr).', {
  username: required(text('The user name.', (name) => (name === '' ? unparsed('is empty') : parsed(name)))),
  password: required(contents({ doc: 'The password.', secret: true, inline: { type: 'string', minLength: 1 }, parse: parseLoginPassword })),
  serverName: required(
    text('The DNS name that the login server has, or that its name ends with: the password goes nowhere else.', parseDnsName),
  ),
  ca: optional(caReader('The CA that must have issued the login server’s certificate; the public CAs where missing.'), null),
  allowUnencrypted: optional(flag('Send the password also where the login is not encrypted.'), false),
})

const radio = {
  ssid: required(ssidReader),
  hidden: optional(flag('The hotspot does not tell its SSID by itself: the device asks for it by name.'), false),
  channels: optional(list('Channels of 2.4 and 5 GHz that are scanned first.', integer('A channel number.', 1, 177), 1), []),
  frequenciesMhz: optional(list('Frequencies that are scanned first; 6 GHz only so.', integer('MHz.', 2412, 7125), 1), []),
}

const plain = { ...radio, login: optional(loginReader, null) }

const eapHotspot = record('A radio hotspot behind 802.1X (WPA2/WPA3-Enterprise).', {
  security: kind('wpa-eap'),
  ...radio,
  eap: required(eapReader),
})

const passpointHotspot = record(
  'Hotspots behind 802.1X that are known by no SSID, but by what they say of themselves (Passpoint, by ANQP).',
  {
    security: kind('passpoint'),
    realm: optional(text('A hotspot that takes credentials of this realm. The realm of the device where missing.', parseRealm), null),
    roamingConsortiums: optional(
      list(
        'Or one that takes the members of one of these roaming consortiums.',
        text('An organization identifier: 6 or 10 hex digits.', parseConsortium),
        1,
      ),
      [],
    ),
    homeDomain: optional(text('The domain of the operator whose hotspots come before those of others.', parseDnsName), null),
    eap: required(eapReader),
  },
)

const saeHotspot = record('WPA3-Personal. A profile of its own, with psk and the same ssid, is needed for falling back to WPA2.', {
  security: kind('sae'),
  ...plain,
  passphrase: required(passphraseReader(parseSaePassphrase)),
})

const pskHotspot = record('WPA2-Personal.', { security: kind('psk'), ...plain, passphrase: required(passphraseReader(parsePskPassphrase)) })

const oweHotspot = record('Encrypted for anyone (Wi-Fi Enhanced Open); of a pair in transition mode, the encrypted half.', {
  security: kind('owe'),
  ...plain,
})

const openHotspot = record('Not encrypted.', { security: kind('open'), ...plain })

const wiredPort = record('A wired port behind 802.1X.', { security: kind('wired-eap'), eap: required(eapReader) })

/** One entry of `hotspots`. */
export const hotspotReader = tagged(
  'One hotspot profile.',
  'security',
  {
    ...{ 'wpa-eap': eapHotspot, passpoint: passpointHotspot, 'wired-eap': wiredPort },
    ...{ sae: saeHotspot, psk: pskHotspot, owe: oweHotspot, open: openHotspot },
  },
  {},
)

/** The hotspot profile, with the realm as AAA domain where none is named. */
export function hotspotOf(entry: Read<typeof hotspotReader>, realm: string): HotspotProfile {
  if (entry.security === 'wired-eap' || entry.security === 'passpoint') return profileOf(entry, realm)
  const { channels, frequenciesMhz, ...rest } = entry
  return profileOf({ ...rest, frequenciesMhz: [...new Set([...channels.map(frequencyOfChannel), ...frequenciesMhz])] }, realm)
}

/** What is wrong where no hotspot takes a credential of this kind; null where one does. A plain one takes any. */
export function whyNoHotspot(hotspots: readonly HotspotProfile[], kind: PermanentKind): string | null {
  const taken = METHODS_OF[kind]
  if (hotspots.some((hotspot) => isPlain(hotspot) || hotspot.eap.methods.some((method) => taken.includes(method)))) return null
  return `a ${kind} joins by ${taken.join(', ')}, which no hotspot offers: add "${taken[0]}" to eap.methods of one that does`
}
