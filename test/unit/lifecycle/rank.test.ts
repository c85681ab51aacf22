import { describe, expect, it } from 'vitest'
import type { HotspotProfile } from '../../../agent/credential/hotspot.ts'
import { withArrival } from '../../../agent/lifecycle/known.ts'
import { rank } from '../../../agent/lifecycle/rank.ts'
import type { Bss } from '../../../agent/ports.ts'
import { bssAt, hotspot, plainBssAt } from './samples.ts'

const at = (last: number, signalDbm: number, changes: Partial<Bss> = {}): Bss => ({ ...bssAt(last, signalDbm), ...changes })
const kind = (last: number, security: 'psk' | 'owe' | 'open', signalDbm = -50): Bss => {
  const { eap: _, ...rest } = hotspot
  const radio = { ...rest, login: null }
  const sae = plainBssAt(last).hotspot
  const profile: HotspotProfile = security === 'psk' && sae.security === 'sae' ? { ...sae, security } : { ...radio, security: 'open' }
  return { ...bssAt(last, signalDbm), hotspot: security === 'owe' ? { ...radio, security } : profile }
}

const passpointAt = (last: number, signalDbm: number, isVisited: boolean): Bss => {
  const subscription = { realm: 'zipkey.test', roamingConsortiums: [], homeDomain: 'op.test' }
  const profile: HotspotProfile = { security: 'passpoint', ...subscription, eap: hotspot.eap }
  return at(last, signalDbm, { hotspot: profile, passpoint: { ssid: Buffer.from(isVisited ? 'Hotel' : 'Harbour'), isVisited } })
}

const order = (bsss: readonly Bss[], known: readonly Bss[] = [], failures: Readonly<Record<number, number>> = {}): string => {
  const failuresOf = ({ bssid }: Bss): number => failures[Number.parseInt(bssid.slice(-2), 16)] ?? 0
  const ranked = rank(bsss, { known: known.reduce(withArrival, [] as readonly string[]), failuresOf })
  return ranked.map(({ bss: { bssid } }) => Number.parseInt(bssid.slice(-2), 16)).join(' ')
}

describe('ranking', () => {
  it.each<[string, string, string]>([
    ['the stronger signal first', order([at(1, -70), at(2, -40), at(3, -60)]), '2 3 1'],
    ['protected management frames before signal', order([at(1, -40, { managementFrames: 'open' }), at(2, -70)]), '2 1'],
    ['a weak signal last, protected or not', order([at(1, -85), at(2, -70, { managementFrames: 'open' })]), '2 1'],
    ['the order of the profiles before signal', order([at(1, -40, { preference: 1 }), at(2, -70)]), '2 1'],
    [
      'the better security first, whatever the order of the profiles',
      order([kind(1, 'open'), kind(2, 'owe'), kind(3, 'psk'), plainBssAt(4), at(5, -70, { preference: 9 })]),
      '5 4 3 2 1',
    ],
    ['a known BSS before a stronger twin', order([at(1, -30), at(2, -75)], [at(2, -75)]), '2 1'],
    ['a known BSS before better security', order([at(1, -50), kind(2, 'open')], [kind(2, 'open')]), '2 1'],
    ['another BSS of a known hotspot before an unknown one', order([kind(1, 'psk', -30), kind(2, 'owe')], [kind(9, 'owe')]), '2 1'],
    ['a known BSS that is hardly heard after others', order([at(1, -60), at(2, -90)], [at(2, -90)]), '1 2'],
    ['a known BSS that failed lately after others', order([at(1, -60), at(2, -50)], [at(2, -50)], { 2: 1 }), '1 2'],
    ['failures that are nearly forgotten no place at all', order([at(1, -60), at(2, -50)], [], { 2: 0.4 }), '2 1'],
    ['fewer failures before more', order([at(1, -50), at(2, -60)], [], { 1: 3, 2: 1 }), '2 1'],
    ['the operator at home before others, whatever the signal', order([passpointAt(1, -40, true), passpointAt(2, -70, false)]), '2 1'],
    [
      'a known BSS of another operator before the one at home',
      order([passpointAt(1, -50, false), passpointAt(2, -50, true)], [passpointAt(2, -50, true)]),
      '2 1',
    ],
    ['an order that is always the same', order([at(2, -50), at(1, -50)]), '1 2'],
  ])('gives %s', (_, actual, expected) => {
    expect(actual).toBe(expected)
  })

  it('leaves nothing out', () => {
    expect(order([at(1, -95), at(2, -50)], [], { 1: 64, 2: 64 })).toBe('2 1')
  })

  it('says why', () => {
    const [bss] = rank([at(1, -85, { preference: 2 })], { known: withArrival([], at(1, -50)), failuresOf: () => 2.2 })
    expect(bss?.why).toBe(
      'failed lately (2), weak, this BSS led to the cloud before, 802.1X, protected management frames, profile 3, -85 dBm',
    )
    expect(rank([passpointAt(1, -50, true)], { known: [], failuresOf: () => 0 })[0]?.why).toBe(
      'Passpoint, protected management frames, of another operator, profile 1, -50 dBm',
    )
    expect(rank([kind(1, 'open')], { known: [], failuresOf: () => 0 })[0]?.why).toBe(
      'open, protected management frames, profile 1, -50 dBm',
    )
  })
})

describe('what is known', () => {
  it('has the latest in front, each once, and stays small', () => {
    const both = [at(1, -50), at(2, -50), at(1, -50)].reduce(withArrival, [] as readonly string[])
    expect(both.map((key) => key.slice(0, 17))).toEqual([at(1, -50).bssid, at(2, -50).bssid])
    let known: readonly string[] = []
    for (let last = 0; last < 100; last++) known = withArrival(known, at(last, -50))
    expect(known).toHaveLength(16)
  })

  it('is the same list while nothing is new', () => {
    const known = withArrival([], at(1, -50))
    expect(withArrival(known, at(1, -40))).toBe(known)
  })

  it('tells a hotspot from its twin of another kind', () => {
    expect(order([kind(1, 'open', -30), at(2, -75)], [at(1, -50)])).toBe('2 1')
  })
})
