import { describe, expect, it } from 'vitest'
import { allProfiles, NO_CLOUD_PROFILES, proved, renewed } from '../../../agent/credential/cloud-profiles.ts'
import { type HotspotProfile, hotspotText } from '../../../agent/credential/hotspot.ts'
import { Secret } from '../../../agent/credential/secret.ts'

const open = (ssid: string): HotspotProfile => ({
  security: 'open',
  ssid: Buffer.from(ssid),
  hidden: false,
  frequenciesMhz: [],
  login: null,
})
const sae = (ssid: string, passphrase: string): HotspotProfile => ({
  ...{ security: 'sae', ssid: Buffer.from(ssid), hidden: false, frequenciesMhz: [], login: null },
  passphrase: new Secret(passphrase),
})
const FLASHED = [open('factory')]
const names = (profiles: readonly HotspotProfile[]): string => profiles.map(hotspotText).join(' ')

describe('the profiles of the cloud', () => {
  const first = renewed(NO_CLOUD_PROFILES, 1, [open('one')])
  const second = renewed(proved(first, open('one')), 2, [open('two')])

  it('stand behind those of the factory, which never go', () => {
    expect(names(allProfiles(FLASHED, NO_CLOUD_PROFILES))).toBe('factory')
    expect(names(allProfiles(FLASHED, first))).toBe('factory one')
    expect(names(allProfiles(FLASHED, renewed(first, 2, [])))).toContain('factory')
  })

  it('stay beside their successors until the device reached the cloud without them', () => {
    expect(names(allProfiles(FLASHED, second))).toBe('factory two one')
    expect(proved(second, open('one'))).toBe(second)
    expect(names(allProfiles(FLASHED, proved(second, open('two'))))).toBe('factory two')
    expect(names(allProfiles(FLASHED, proved(second, open('factory'))))).toBe('factory two')
  })

  it('are replaced at once where they were never proved, and the last that were still stay', () => {
    const third = renewed(second, 3, [open('three')])
    expect(names(allProfiles(FLASHED, third))).toBe('factory three one')
  })

  it('stay as they were even where none came after them', () => {
    const withdrawn = renewed(proved(first, open('one')), 2, [])
    expect(names(allProfiles(FLASHED, withdrawn))).toBe('factory one')
    expect(names(allProfiles(FLASHED, proved(withdrawn, open('factory'))))).toBe('factory')
  })

  it('count as others with another passphrase', () => {
    const before = proved(renewed(NO_CLOUD_PROFILES, 1, [sae('home', 'the old one')]), sae('home', 'the old one'))
    const changed = renewed(before, 2, [sae('home', 'the new one')])
    expect(proved(changed, sae('home', 'the old one'))).toBe(changed)
    expect(proved(changed, sae('home', 'the new one')).former).toEqual([])
  })

  it('that came unchanged prove the new version', () => {
    const again = renewed(proved(first, open('one')), 2, [open('one')])
    expect(proved(again, open('one')).former).toEqual([])
  })
})
