/** Hotspots without 802.1X, in the air: one BSS of each kind, on one radio in the 5 GHz band. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RadioHotspot } from '../../agent/credential/hotspot.ts'
import { plainBssids } from '../../scripts/radio-lab/hotspot.ts'
import {
  describePlainHotspots,
  joinFirst,
  PLAIN_SSIDS,
  type PlainWorld,
  plainProfile,
  scanAll,
} from '../adapter/wifi/plain-hotspot-suite.ts'
import { preparedLab } from './lab-fixture.ts'
import { openSupplicantLab } from './supplicant-lab.ts'

async function openAir(): Promise<PlainWorld & { sh(script: string): Promise<string> }> {
  const image = await preparedLab()
  const { lab, start, close } = await openSupplicantLab(image)
  await lab.hotspot.startAccessPoint('plain')
  return {
    passphrase: image.passphrase,
    with: async (profiles, use) => {
      const supplicant = await start(profiles)
      await use(supplicant).finally(() => supplicant.close())
    },
    sh: (script) => lab.sh(script),
    close,
  }
}

describePlainHotspots('the real supplicant, over the air', openAir)

describe('over the air', () => {
  let air: Awaited<ReturnType<typeof openAir>>
  beforeAll(async () => {
    air = await openAir()
  })
  afterAll(() => air.close())
  const found = async (profiles: readonly RadioHotspot[]): Promise<readonly string[]> => {
    let bssids: readonly string[] = []
    await air.with(profiles, async (supplicant) => {
      bssids = (await scanAll(supplicant)).map(({ bssid }) => bssid)
    })
    return bssids
  }
  const joined = async (profile: RadioHotspot, look: string): Promise<string> => {
    let seen = ''
    await air.with([profile], async (supplicant) => {
      await joinFirst(supplicant)
      seen = await air.sh(look)
    })
    return seen
  }

  it('finds a hidden hotspot by its name where the profile says that it hides', async () => {
    const profile = plainProfile('psk', PLAIN_SSIDS.hidden, air.passphrase)
    expect(await found([profile])).toEqual([])
    expect(await joined({ ...profile, hidden: true }, 'iw dev wlan0 link')).toContain(plainBssids['ZipKey-Hidden'])
  })

  it('chooses the encrypted half of a pair in transition mode, by the name of the open one', async () => {
    const link = await joined(plainProfile('owe', PLAIN_SSIDS.free, ''), 'iw dev wlan0 link; iw dev wlan0 station dump')
    expect(link).toContain(plainBssids['ZipKey-Free'])
    expect(link).toMatch(/MFP:\s+yes/)
  })

  it('protects management frames with WPA3, also where WPA2 need not', async () => {
    for (const ssid of [PLAIN_SSIDS.sae, PLAIN_SSIDS.mixed])
      expect(await joined(plainProfile('sae', ssid, air.passphrase), 'iw dev wlan0 station dump')).toMatch(/MFP:\s+yes/)
  })

  it('does not take one kind for another', async () => {
    const profiles = [
      plainProfile('sae', PLAIN_SSIDS.psk, air.passphrase),
      plainProfile('psk', PLAIN_SSIDS.sae, air.passphrase),
      plainProfile('owe', PLAIN_SSIDS.psk, ''),
      plainProfile('open', PLAIN_SSIDS.owe, ''),
    ]
    expect(await found(profiles)).toEqual([])
  })
})
