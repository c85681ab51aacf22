/** What every supplicant does at hotspots that see no credential of the device. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PlainHotspot, RadioHotspot } from '../../../agent/credential/hotspot.ts'
import { Secret } from '../../../agent/credential/secret.ts'
import type { Bss, Link, Supplicant } from '../../../agent/ports.ts'

/** A place with a hotspot of each kind, on the SSIDs below. */
export type PlainWorld = {
  readonly passphrase: string
  /** Gives a test an adapter where there is a hotspot of this profile. */
  with(profile: RadioHotspot, use: (supplicant: Supplicant) => Promise<void>): Promise<void>
  close(): Promise<void>
}

/** An SSID of each kind; the mixed one offers WPA2 and WPA3, the free one is a pair in transition mode. */
export const PLAIN_SSIDS = {
  sae: 'ZipKey-SAE',
  mixed: 'ZipKey-Mixed',
  psk: 'ZipKey-PSK',
  hidden: 'ZipKey-Hidden',
  owe: 'ZipKey-OWE',
  free: 'ZipKey-Free',
} as const

const never = (): AbortSignal => new AbortController().signal

/** A profile of a plain hotspot. */
export function plainProfile(security: PlainHotspot['security'], ssid: string, passphrase: string): PlainHotspot {
  const radio = { ssid: Buffer.from(ssid), hidden: false, frequenciesMhz: [5180], login: null }
  switch (security) {
    case 'sae':
    case 'psk':
      return { ...radio, security, passphrase: new Secret(passphrase) }
    case 'owe':
    case 'open':
      return { ...radio, security }
  }
}

/** What the adapter finds for these profiles. */
export const scanFor = (supplicant: Supplicant, ...profiles: readonly RadioHotspot[]): Promise<readonly Bss[]> =>
  supplicant.scan({ profiles, maxAgeMs: 0, everywhere: false }, never())

/** Joins what the adapter finds first. */
export async function joinBy(supplicant: Supplicant, profile: RadioHotspot): Promise<Link> {
  const [bss] = await scanFor(supplicant, profile)
  if (bss === undefined) throw new Error('the scan found nothing')
  return supplicant.join(bss, null, never())
}

/** Runs the suite. */
export function describePlainHotspots(name: string, openWorld: () => Promise<PlainWorld>): void {
  describe(name, () => {
    let world: PlainWorld
    beforeAll(async () => {
      world = await openWorld()
    })
    afterAll(() => world.close())

    it.each([
      ['WPA3', 'sae', PLAIN_SSIDS.sae],
      ['WPA3 where WPA2 is offered too', 'sae', PLAIN_SSIDS.mixed],
      ['WPA2', 'psk', PLAIN_SSIDS.psk],
      ['OWE', 'owe', PLAIN_SSIDS.owe],
      ['the encrypted half of a pair', 'owe', PLAIN_SSIDS.free],
      ['the open half of a pair', 'open', PLAIN_SSIDS.free],
    ] as const)('joins by %s and gives a link that shows no credential', async (_, security, ssid) => {
      const profile = plainProfile(security, ssid, world.passphrase)
      await world.with(profile, async (supplicant) => {
        const link = await joinBy(supplicant, profile)
        expect(link).toMatchObject({ eap: null, address: expect.stringMatching(/^[0-9a-f.:]+$/), bss: { hotspot: { security } } })
        expect(await Promise.race([supplicant.linkLost(link, never()), sleep(300, 'holds')])).toBe('holds')
      })
    })

    it.each([
      ['WPA3', 'sae', PLAIN_SSIDS.sae],
      ['WPA2', 'psk', PLAIN_SSIDS.psk],
    ] as const)('tells a wrong passphrase of %s, and joins with the right one', async (_, security, ssid) => {
      const right = plainProfile(security, ssid, world.passphrase)
      await world.with(right, async (supplicant) => {
        const wrong = joinBy(supplicant, plainProfile(security, ssid, 'a wrong passphrase'))
        await expect(wrong).rejects.toMatchObject({ code: 'ERR_WIFI_PASSPHRASE' })
        await joinBy(supplicant, right)
      })
    })
  })
}
