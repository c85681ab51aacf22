import { describe, expect, it } from 'vitest'
import { type NamedHotspot, type PasspointHotspot, type RadioHotspot, subscriptionText } from '../../../agent/credential/hotspot.ts'
import { Secret } from '../../../agent/credential/secret.ts'
import { matches, type ScannedBss, wayIn } from '../../../agent/wifi/match.ts'
import type { BssSecurity, KeyManagement } from '../../../agent/wifi/network-block.ts'

const EAP = {
  methods: ['TTLS'],
  inner: 'PAP',
  caPem: 'x',
  tlsMaxVersion: '1.2',
  serverName: 'aaa.zipkey.test',
  aaaDomain: 'zipkey.test',
} as const
const hotspot = (ssid: string): NamedHotspot => ({
  security: 'wpa-eap',
  ssid: Buffer.from(ssid),
  hidden: false,
  frequenciesMhz: [],
  eap: EAP,
})
const passpoint = (realm: string): PasspointHotspot => ({
  security: 'passpoint',
  ...{ realm, roamingConsortiums: ['5a03ba0000'], homeDomain: null, eap: EAP },
})
const PROTECTED: BssSecurity = { keyManagement: ['WPA-EAP'], managementFrames: 'protected' }
const OPEN: BssSecurity = { keyManagement: ['NONE'], managementFrames: 'open' }
const offering = (...keyManagement: BssSecurity['keyManagement']): BssSecurity => ({ keyManagement, managementFrames: 'protected' })

const bss = (last: string, signalDbm: number, changes: Partial<ScannedBss> = {}): ScannedBss => ({
  ssid: Buffer.from('ZipKey'),
  bssid: `02:00:00:00:00:${last}`,
  frequencyMhz: 2412,
  signalDbm,
  security: PROTECTED,
  owePartner: null,
  passpoint: [],
  ...changes,
})

const matching = (found: ScannedBss, ...hotspots: readonly RadioHotspot[]) =>
  matches(
    [found],
    hotspots.map((each, preference) => ({ hotspot: each, preference })),
  )

describe('a BSS', () => {
  it.each<[string, ScannedBss]>([
    ['an open twin', bss('0a', -20, { security: OPEN })],
    ['a twin that encrypts in a way of the past', bss('0a', -20, { security: null })],
    ['a twin with a passphrase', bss('0a', -20, { security: offering('WPA-PSK', 'SAE') })],
    ['another SSID', bss('0a', -20, { ssid: Buffer.from('ZipKey2') })],
    ['the SSID in other letters', bss('0a', -20, { ssid: Buffer.from('zipkey') })],
  ])('is no hotspot of 802.1X as %s', (_, found) => {
    expect(matching(found, hotspot('ZipKey'))).toEqual([])
  })

  it('is compared by the bytes of its SSID, also where they are no text', () => {
    const ssid = Buffer.from([0xff, 0x00, 0xfe])
    expect(matching(bss('0a', -50, { ssid }), { ...hotspot(''), ssid })).toHaveLength(1)
    expect(matching(bss('0a', -50, { ssid }), { ...hotspot(''), ssid: Buffer.from([0xff, 0x00]) })).toHaveLength(0)
  })

  it('is there once for each profile that matches it, with the profile’s place', () => {
    const found = matching(bss('0a', -50), hotspot('Other'), hotspot('ZipKey'), hotspot('ZipKey'))
    expect(found.map(({ bssid, preference, managementFrames }) => [bssid.slice(-2), preference, managementFrames])).toEqual([
      ['0a', 1, 'protected'],
      ['0a', 2, 'protected'],
    ])
  })
})

describe('a profile', () => {
  const radio = { ssid: Buffer.from('ZipKey'), hidden: false, frequenciesMhz: [], login: null }
  const passphrase = new Secret('a passphrase')
  const profiles: { readonly [K in RadioHotspot['security']]: RadioHotspot } = {
    'wpa-eap': hotspot('ZipKey'),
    passpoint: passpoint('zipkey.test'),
    sae: { ...radio, security: 'sae', passphrase },
    psk: { ...radio, security: 'psk', passphrase },
    owe: { ...radio, security: 'owe' },
    open: { ...radio, security: 'open' },
  }

  it.each<[RadioHotspot['security'], readonly KeyManagement[]]>([
    ['wpa-eap', ['WPA-EAP', 'WPA-EAP-SHA256']],
    ['passpoint', ['WPA-EAP', 'WPA-EAP-SHA256']],
    ['sae', ['SAE']],
    ['psk', ['WPA-PSK', 'WPA-PSK-SHA256']],
    ['owe', ['OWE']],
    ['open', ['NONE']],
  ])('that says %s joins by nothing else, whatever else the BSS offers', (security, allowed) => {
    const all = offering('WPA-EAP', 'WPA-EAP-SHA256', 'WPA-PSK', 'WPA-PSK-SHA256', 'SAE', 'OWE', 'NONE')
    const answered = [{ subscription: subscriptionText(passpoint('zipkey.test')), isVisited: false }]
    expect(wayIn(bss('0a', -50, { security: all, passpoint: answered }), profiles[security])?.keyManagement).toEqual(allowed)
    const others = offering(...all.keyManagement.filter((name) => !allowed.includes(name)))
    expect(wayIn(bss('0a', -50, { security: others, passpoint: answered }), profiles[security])).toBeNull()
  })

  it.each(['sae', 'owe'] as const)('that says %s wants protected management frames also where the BSS does not tell', (security) => {
    const found = bss('0a', -50, { security: { ...offering('SAE', 'OWE'), managementFrames: 'open' } })
    expect(wayIn(found, profiles[security])?.managementFrames).toBe('protected')
  })

  it('falls back from SAE to PSK where the list says so', () => {
    const both = [profiles.sae, profiles.psk] as const
    const kinds = (found: ScannedBss) => matching(found, ...both).map((each) => each.hotspot.security)
    expect(kinds(bss('0a', -50, { security: offering('WPA-PSK') }))).toEqual(['psk'])
    expect(kinds(bss('0a', -50, { security: offering('WPA-PSK', 'SAE') }))).toEqual(['sae', 'psk'])
  })

  it('that says owe chooses the encrypted half of a pair, by the name of the open one', () => {
    const open = bss('0a', -40, { security: OPEN, owePartner: { bssid: '02:00:00:00:00:0b', ssid: Buffer.from('hidden') } })
    const partner = { bssid: '02:00:00:00:00:0a', ssid: Buffer.from('ZipKey') }
    const encrypted = bss('0b', -50, { ssid: Buffer.from('hidden'), security: offering('OWE'), owePartner: partner })
    expect([open, encrypted].map((found) => wayIn(found, profiles.owe)?.keyManagement)).toEqual([undefined, ['OWE']])
    expect([open, encrypted].map((found) => wayIn(found, profiles.open)?.keyManagement)).toEqual([['NONE'], undefined])
    expect(wayIn({ ...encrypted, ssid: new Uint8Array() }, profiles.owe)).toBeNull()
  })
})

describe('a Passpoint profile', () => {
  const answering = (realm: string, isVisited: boolean) => [{ subscription: subscriptionText(passpoint(realm)), isVisited }]

  it('matches what answered for it, under whatever SSID, and nothing else', () => {
    const [home, visited, other] = [
      bss('0a', -50, { ssid: Buffer.from('Harbour'), passpoint: answering('ZipKey.test', false) }),
      bss('0b', -50, { ssid: Buffer.from('Hotel'), passpoint: answering('zipkey.test', true) }),
      bss('0c', -50, { ssid: Buffer.from('Shop'), passpoint: answering('shop.test', false) }),
    ]
    const found = [home, visited, other].map((each) => matching(each, passpoint('zipkey.test'), hotspot('ZipKey')))
    expect(found.map(([first]) => first?.passpoint ?? null)).toEqual([
      { ssid: Buffer.from('Harbour'), isVisited: false },
      { ssid: Buffer.from('Hotel'), isVisited: true },
      null,
    ])
  })

  it('is one of several that the same answer matches, so that another CA gets its turn', () => {
    const found = bss('0a', -50, { passpoint: answering('zipkey.test', false) })
    const renewed = { ...passpoint('zipkey.test'), eap: { ...EAP, caPem: 'y' } }
    expect(matching(found, passpoint('zipkey.test'), renewed, hotspot('ZipKey')).map(({ preference }) => preference)).toEqual([0, 1, 2])
  })
})
