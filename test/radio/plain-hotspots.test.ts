/** Hotspots without 802.1X, in the air: one BSS of each kind, on one radio in the 5 GHz band. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RadioHotspot } from '../../agent/credential/hotspot.ts'
import type { Supplicant } from '../../agent/ports.ts'
import { plainBssids } from '../../scripts/radio-lab/hotspot.ts'
import { describePlainHotspots, joinBy, PLAIN_SSIDS, type PlainWorld, plainProfile, scanFor } from '../adapter/wifi/plain-hotspot-suite.ts'
import { preparedLab } from './lab-fixture.ts'
import { openSupplicantLab } from './supplicant-lab.ts'

async function openAir(): Promise<PlainWorld & { start(): Supplicant; sh(script: string): Promise<string> }> {
  const image = await preparedLab()
  const { lab, start, close } = await openSupplicantLab(image)
  await lab.hotspot.startAccessPoint('plain')
  return {
    passphrase: image.passphrase,
    with: async (_, use) => {
      const supplicant = start()
      await use(supplicant).finally(() => supplicant.close())
    },
    start,
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
  const found = async (...profiles: readonly RadioHotspot[]): Promise<readonly string[]> => {
    const supplicant = air.start()
    const bsss = await scanFor(supplicant, ...profiles).finally(() => supplicant.close())
    return bsss.map(({ bssid }) => bssid)
  }
  const joined = async (profile: RadioHotspot, look: string): Promise<string> => {
    const supplicant = air.start()
    const looking = joinBy(supplicant, profile).then(() => air.sh(look))
    return looking.finally(() => supplicant.close())
  }

  it('finds a hidden hotspot by its name where the profile says that it hides', async () => {
    const profile = plainProfile('psk', PLAIN_SSIDS.hidden, air.passphrase)
    expect(await found(profile)).toEqual([])
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
    const none = await found(
      plainProfile('sae', PLAIN_SSIDS.psk, air.passphrase),
      plainProfile('psk', PLAIN_SSIDS.sae, air.passphrase),
      plainProfile('owe', PLAIN_SSIDS.psk, ''),
      plainProfile('open', PLAIN_SSIDS.owe, ''),
    )
    expect(none).toEqual([])
  })
})
