import { describe, expect, it } from 'vitest'
import type { RadioHotspot } from '../../../agent/credential/hotspot.ts'
import { Secret } from '../../../agent/credential/secret.ts'
import type { BssSecurity, KeyManagement } from '../../../agent/wifi/network-block.ts'
import { rank, type ScannedBss } from '../../../agent/wifi/rank.ts'

const EAP = { methods: ['TTLS'], inner: 'PAP', caPem: 'x', serverName: 'aaa.zipkey.test', aaaDomain: 'zipkey.test' } as const
const hotspot = (ssid: string): RadioHotspot => ({
  security: 'wpa-eap',
  ssid: Buffer.from(ssid),
  hidden: false,
  frequenciesMhz: [],
  eap: EAP,
})
const PROTECTED: BssSecurity = { keyManagement: ['WPA-EAP'], managementFrames: 'protected' }
const UNPROTECTED: BssSecurity = { keyManagement: ['WPA-EAP'], managementFrames: 'open' }
const OPEN: BssSecurity = { keyManagement: ['NONE'], managementFrames: 'open' }
const offering = (...keyManagement: BssSecurity['keyManagement']): BssSecurity => ({ keyManagement, managementFrames: 'protected' })

const bss = (last: string, signalDbm: number, changes: Partial<ScannedBss> = {}): ScannedBss => ({
  ssid: Buffer.from('ZipKey'),
  bssid: `02:00:00:00:00:${last}`,
  frequencyMhz: 2412,
  signalDbm,
  security: PROTECTED,
  owePartner: null,
  ...changes,
})

const order = (scanned: readonly ScannedBss[], hotspots: readonly RadioHotspot[] = [hotspot('ZipKey')]): string =>
  rank(scanned, hotspots)
    .map(({ bss: { bssid } }) => bssid.slice(-2))
    .join(' ')

describe('ranking', () => {
  it.each<[string, readonly ScannedBss[], string]>([
    ['the stronger signal first', [bss('0a', -70), bss('0b', -40), bss('0c', -60)], '0b 0c 0a'],
    ['protected management frames before signal', [bss('0a', -40, { security: UNPROTECTED }), bss('0b', -70)], '0b 0a'],
    ['a weak signal last, protected or not', [bss('0a', -85), bss('0b', -70, { security: UNPROTECTED })], '0b 0a'],
    ['no open twin', [bss('0a', -20, { security: OPEN }), bss('0b', -70)], '0b'],
    ['no twin that encrypts in a way of the past', [bss('0a', -20, { security: null }), bss('0b', -70)], '0b'],
    ['no twin with a passphrase', [bss('0a', -20, { security: offering('WPA-PSK', 'SAE') }), bss('0b', -70)], '0b'],
    ['no other SSID', [bss('0a', -20, { ssid: Buffer.from('ZipKey2') }), bss('0b', -70, { ssid: Buffer.from('zipkey') })], ''],
    ['an order that is always the same', [bss('0b', -50), bss('0a', -50)], '0a 0b'],
  ])('gives %s', (_, scanned, expected) => {
    expect(order(scanned)).toBe(expected)
  })

  it('follows the order of the profiles before the signal, but not down to a weak one', () => {
    const other = { ssid: Buffer.from('Other') }
    const scanned = [bss('0a', -40, other), bss('0b', -70), bss('0c', -85)]
    expect(order(scanned, [hotspot('ZipKey'), hotspot('Other')])).toBe('0b 0a 0c')
  })

  it('compares SSIDs as bytes, also such as are no text', () => {
    const ssid = Buffer.from([0xff, 0x00, 0xfe])
    const scanned = [bss('0a', -50, { ssid })]
    expect(rank(scanned, [{ ...hotspot(''), ssid }])).toHaveLength(1)
    expect(rank(scanned, [{ ...hotspot(''), ssid: Buffer.from([0xff, 0x00]) }])).toHaveLength(0)
  })

  it('says why', () => {
    expect(rank([bss('0a', -85, { security: UNPROTECTED })], [hotspot('ZipKey')])[0]?.reason).toBe(
      '-85 dBm (weak), profile 1, unprotected management frames',
    )
  })
})

describe('a profile', () => {
  const radio = { ssid: Buffer.from('ZipKey'), hidden: false, frequenciesMhz: [] }
  const passphrase = new Secret('a passphrase')
  const profiles: { readonly [K in RadioHotspot['security']]: RadioHotspot } = {
    'wpa-eap': hotspot('ZipKey'),
    sae: { ...radio, security: 'sae', passphrase },
    psk: { ...radio, security: 'psk', passphrase },
    owe: { ...radio, security: 'owe' },
    open: { ...radio, security: 'open' },
  }

  it.each<[RadioHotspot['security'], readonly KeyManagement[]]>([
    ['wpa-eap', ['WPA-EAP', 'WPA-EAP-SHA256']],
    ['sae', ['SAE']],
    ['psk', ['WPA-PSK', 'WPA-PSK-SHA256']],
    ['owe', ['OWE']],
    ['open', ['NONE']],
  ])('that says %s joins by nothing else, whatever else the BSS offers', (security, allowed) => {
    const all = offering('WPA-EAP', 'WPA-EAP-SHA256', 'WPA-PSK', 'WPA-PSK-SHA256', 'SAE', 'OWE', 'NONE')
    expect(rank([bss('0a', -50, { security: all })], [profiles[security]])[0]?.security.keyManagement).toEqual(allowed)
    const others = offering(...all.keyManagement.filter((name) => !allowed.includes(name)))
    expect(rank([bss('0a', -50, { security: others })], [profiles[security]])).toEqual([])
  })

  it.each(['sae', 'owe'] as const)('that says %s wants protected management frames also where the BSS does not tell', (security) => {
    const found = bss('0a', -50, { security: { ...offering('SAE', 'OWE'), managementFrames: 'open' } })
    expect(rank([found], [profiles[security]])[0]?.security.managementFrames).toBe('protected')
  })

  it('falls back from SAE to PSK where the list says so', () => {
    const both = [profiles.sae, profiles.psk]
    expect(rank([bss('0a', -50, { security: offering('WPA-PSK') })], both)[0]?.bss.hotspot.security).toBe('psk')
    expect(rank([bss('0a', -50, { security: offering('WPA-PSK', 'SAE') })], both)[0]?.bss.hotspot.security).toBe('sae')
  })

  it('that says owe chooses the encrypted half of a pair, by the name of the open one', () => {
    const open = bss('0a', -40, { security: OPEN, owePartner: { bssid: '02:00:00:00:00:0b', ssid: Buffer.from('hidden') } })
    const partner = { bssid: '02:00:00:00:00:0a', ssid: Buffer.from('ZipKey') }
    const encrypted = bss('0b', -50, { ssid: Buffer.from('hidden'), security: offering('OWE'), owePartner: partner })
    expect(order([open, encrypted], [profiles.owe])).toBe('0b')
    expect(order([open, encrypted], [profiles.open])).toBe('0a')
    expect(order([{ ...encrypted, ssid: new Uint8Array() }], [profiles.owe])).toBe('')
  })
})
