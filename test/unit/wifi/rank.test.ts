import { describe, expect, it } from 'vitest'
import type { HotspotProfile, RadioHotspot } from '../../../agent/credential/hotspot.ts'
import type { BssSecurity } from '../../../agent/wifi/eap-network.ts'
import { rank, type ScannedBss } from '../../../agent/wifi/rank.ts'

const EAP = { methods: ['TTLS'], inner: 'PAP', caPem: 'x', serverName: 'aaa.zipkey.test', aaaDomain: 'zipkey.test' } as const
const hotspot = (ssid: string): RadioHotspot => ({ security: 'wpa-eap', ssid: Buffer.from(ssid), frequenciesMhz: [], eap: EAP })
const PROTECTED: BssSecurity = { keyManagement: ['WPA-EAP'], managementFrames: 'protected' }
const UNPROTECTED: BssSecurity = { keyManagement: ['WPA-EAP'], managementFrames: 'open' }
const PASSPHRASE: BssSecurity = { keyManagement: [], managementFrames: 'protected' }

const bss = (last: string, signalDbm: number, changes: Partial<ScannedBss> = {}): ScannedBss => ({
  ssid: Buffer.from('ZipKey'),
  bssid: `02:00:00:00:00:${last}`,
  frequencyMhz: 2412,
  signalDbm,
  security: PROTECTED,
  ...changes,
})

const order = (scanned: readonly ScannedBss[], hotspots: readonly HotspotProfile[] = [hotspot('ZipKey')]): string =>
  rank(scanned, hotspots)
    .map(({ bss: { bssid } }) => bssid.slice(-2))
    .join(' ')

describe('ranking', () => {
  it.each<[string, readonly ScannedBss[], string]>([
    ['the stronger signal first', [bss('0a', -70), bss('0b', -40), bss('0c', -60)], '0b 0c 0a'],
    ['protected management frames before signal', [bss('0a', -40, { security: UNPROTECTED }), bss('0b', -70)], '0b 0a'],
    ['a weak signal last, protected or not', [bss('0a', -85), bss('0b', -70, { security: UNPROTECTED })], '0b 0a'],
    ['no open twin', [bss('0a', -20, { security: null }), bss('0b', -70)], '0b'],
    ['no twin with a passphrase', [bss('0a', -20, { security: PASSPHRASE }), bss('0b', -70)], '0b'],
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
