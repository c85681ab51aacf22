/** The agent's adapter against the real supplicant of the device, over the air; it runs here and reaches the device's bus over TCP. */
import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { TlsProfile, TtlsProfile } from '../../agent/credential/eap-profile.ts'
import type { EapHotspot } from '../../agent/credential/hotspot.ts'
import { Secret } from '../../agent/credential/secret.ts'
import { createLog } from '../../agent/log.ts'
import type { Bss, Link, Supplicant } from '../../agent/ports.ts'
import { connectBus } from '../../agent/wifi/dbus.ts'
import { createWpaSupplicant } from '../../agent/wifi/wpa-supplicant.ts'
import { signDeviceCertificate } from '../../cloud/issuer/device-certificate.ts'
import { accessPoints } from '../../scripts/radio-lab/hotspot.ts'
import type { Lab } from '../../scripts/radio-lab/lab.ts'
import { aaaServerName } from '../../scripts/radio-lab/pki.ts'
import type { LabImage } from '../../scripts/radio-lab/prepare-lab.ts'
import { type AaaCloud, startAaaCloud } from './aaa-cloud.ts'
import { openGuestNetdevs } from './guest-netdevs.ts'
import { preparedLab, withLab } from './lab-fixture.ts'

const IDENTITY = 'dev-1@acme.zipkey.test'
const PASSWORD = 'a-hotspot-password'
const TIMERS = { joinMs: 20_000, addressMs: 8_000, scanMs: 20_000 }

let image: LabImage
let cloud: AaaCloud
let hotspot: EapHotspot
/** What scans are made for. */
let scanned: readonly EapHotspot[]

beforeAll(async () => {
  image = await preparedLab()
  const caPem = readFileSync(image.pki.aaaCaFile, 'utf8')
  const eap = { methods: ['TTLS'], inner: 'PAP', caPem, tlsMaxVersion: '1.2', serverName: aaaServerName, aaaDomain: 'zipkey.test' } as const
  hotspot = { security: 'wpa-eap', ssid: Buffer.from('ZipKey'), hidden: false, frequenciesMhz: [2412, 2437, 2462], eap }
})
beforeEach(async () => {
  cloud = await startAaaCloud(image.pki, new Map([[IDENTITY, PASSWORD]]))
})
afterEach(() => cloud.close())

const never = (): AbortSignal => new AbortController().signal

const profile = (changes: Partial<TtlsProfile> = {}): TtlsProfile => ({
  method: 'TTLS',
  inner: 'PAP',
  outerIdentity: 'anonymous@acme.zipkey.test',
  innerIdentity: IDENTITY,
  password: new Secret(PASSWORD),
  caPem: hotspot.eap.caPem,
  tlsMaxVersion: '1.2',
  serverName: aaaServerName,
  checkDates: true,
  ...changes,
})

async function withSupplicant(
  use: (supplicant: Supplicant, lab: Lab) => Promise<void>,
  changes: { readonly frequenciesMhz?: readonly number[]; readonly country?: string } = {},
): Promise<void> {
  const { frequenciesMhz = hotspot.frequenciesMhz, country = null } = changes
  await withLab({ image, cloudPort: cloud.port }, async (lab) => {
    const log = createLog('error', { journal: false })
    const bus = await connectBus(lab.busAddress, log, never())
    const wifi = { interface: 'auto', country, address: 'system' } as const
    scanned = [{ ...hotspot, frequenciesMhz }]
    const supplicant = createWpaSupplicant({ bus, wifi, timers: TIMERS, log, netdevs: openGuestNetdevs(lab) })
    try {
      await use(supplicant, lab)
    } finally {
      await supplicant.close()
      bus.close()
    }
  })
}

const scan = (supplicant: Supplicant): Promise<readonly Bss[]> =>
  supplicant.scan({ profiles: scanned, maxAgeMs: 0, everywhere: false }, never())

async function joinBest(supplicant: Supplicant, changes: Partial<TtlsProfile> = {}): Promise<Link> {
  const [best] = await scan(supplicant)
  if (best === undefined) throw new Error('no hotspot is in range')
  return supplicant.join(best, profile(changes), never())
}

/** How often the AAA server asked the cloud about a device: the access point's own reports, at any time, are not among them. */
const joinsAsked = (): number => cloud.requests.filter(({ path }) => path === '/v1/aaa/authorize').length

describe('over the air', () => {
  test.each(['PAP', 'MSCHAPV2'] as const)('finds the hotspot and joins it with %s, with its frames protected', async (inner) => {
    await withSupplicant(async (supplicant, lab) => {
      const link = await joinBest(supplicant, { inner })
      expect(link).toMatchObject({
        bss: { bssid: accessPoints.good.bssid, frequencyMhz: 2412 },
        interfaceName: 'wlan0',
        address: expect.stringMatching(/^10\.8\.0\./),
        eap: { method: 'EAP-TTLS', serverSubject: expect.stringContaining(aaaServerName), datesChecked: true },
      })
      expect(await lab.sh('iw dev wlan0 station dump')).toMatch(/MFP:\s+yes/)
    })
  })

  test('finds a hotspot that is on none of its profile’s channels', async () => {
    await withSupplicant(
      async (supplicant) => {
        expect((await scan(supplicant)).map(({ bssid }) => bssid)).toEqual([accessPoints.good.bssid])
      },
      { frequenciesMhz: [2437] },
    )
  })

  test('puts the radio under the rules of the configured country', async () => {
    await withSupplicant(
      async (supplicant, lab) => {
        expect((await joinBest(supplicant)).bss?.bssid).toBe(accessPoints.good.bssid)
        expect(await lab.sh('iw reg get')).toContain('country DE')
      },
      { country: 'DE' },
    )
  })

  test('proves every join by a full EAP run, also at the BSS that it has just left', async () => {
    await withSupplicant(async (supplicant) => {
      await joinBest(supplicant)
      await joinBest(supplicant)
      expect(joinsAsked()).toBe(2)
    })
  })

  test('a refused credential is told, and wpa_supplicant does not go on trying it', async () => {
    await withSupplicant(async (supplicant) => {
      await expect(joinBest(supplicant, { password: new Secret('wrong') })).rejects.toMatchObject({ code: 'ERR_WIFI_EAP_REJECTED' })
      expect(joinsAsked()).toBe(1)
      await new Promise((resolve) => setTimeout(resolve, 12_000))
      expect(joinsAsked()).toBe(1)
      await joinBest(supplicant)
    })
  })
})

describe('a certificate', () => {
  test('that the cloud does not know is refused as a credential, not as a bad radio', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const { certificateFile, keyFile } = image.pki.deviceCa
    const ca = { certificate: new X509Certificate(readFileSync(certificateFile)).raw, privateKey: createPrivateKey(readFileSync(keyFile)) }
    const chainPem = await signDeviceCertificate(ca, { account: 'acme', device: 'dev-1' }, publicKey, {
      nowMs: Date.now(),
      days: null,
      placeId: `m1-1-${'a'.repeat(16)}-${'b'.repeat(13)}`,
    })
    const { inner: _, innerIdentity: __, password: ___, ...server } = profile()
    const privateKeyPem = new Secret(privateKey.export({ format: 'pem', type: 'pkcs8' }).toString())
    const eap: TlsProfile = { ...server, method: 'TLS', fingerprint: 'a'.repeat(52), chainPem, privateKeyPem }
    await withSupplicant(async (supplicant) => {
      const [best] = await scan(supplicant)
      if (best === undefined) throw new Error('no hotspot is in range')
      await expect(supplicant.join(best, eap, never())).rejects.toMatchObject({ code: 'ERR_WIFI_EAP_REJECTED' })
    })
  })
})

describe('an evil twin', () => {
  test('that is stronger costs one attempt, sees no password, and does not keep the device from the good one', async () => {
    await withSupplicant(async (supplicant, lab) => {
      await lab.hotspot.startAccessPoint('evil-twin')
      await lab.hotspot.setSignal('good', -75)
      await lab.hotspot.setSignal('evil-twin', -30)
      const found = await scan(supplicant)
      const [twin, good] = (['evil-twin', 'good'] as const).map((name) => found.find(({ bssid }) => bssid === accessPoints[name].bssid))
      if (twin === undefined || good === undefined) throw new Error('the scan missed one of the two')
      expect(twin.signalDbm).toBeGreaterThan(good.signalDbm)
      await expect(supplicant.join(twin, profile(), never())).rejects.toMatchObject({ code: 'ERR_WIFI_SERVER_CA' })
      const link = await supplicant.join(good, profile(), never())
      expect(link.bss?.bssid).toBe(accessPoints.good.bssid)
      expect(await lab.sh('iw dev wlan0 link')).toContain(accessPoints.good.bssid)
    })
  })
})

describe('what goes wrong in the air', () => {
  test('a hotspot that left between scan and join is not in range', async () => {
    await withSupplicant(async (supplicant, lab) => {
      const [best] = await scan(supplicant)
      if (best === undefined) throw new Error('no hotspot is in range')
      await lab.hotspot.moveStationAway()
      await expect(supplicant.join(best, profile(), never())).rejects.toMatchObject({
        code: expect.stringMatching(/^ERR_WIFI_(NO_HOTSPOT|AP_GONE)$/),
      })
      expect(await scan(supplicant)).toEqual([])
      await lab.hotspot.moveStationBack()
      await joinBest(supplicant)
    })
  })

  test.each([
    ['goes out of range', (lab: Lab) => lab.hotspot.moveStationAway()],
    ['is switched off', (lab: Lab) => lab.hotspot.stopAccessPoint('good')],
  ])('an access point that %s ends the link', async (_, end) => {
    await withSupplicant(async (supplicant, lab) => {
      const losing = supplicant.linkLost(await joinBest(supplicant), never())
      await end(lab)
      expect((await losing).code).toBe('ERR_WIFI_LINK_LOST')
    })
  })

  test('a link that the access point ends, to take the device back at once, was not lost; one that it does not take back was', async () => {
    await withSupplicant(async (supplicant, lab) => {
      const link = await joinBest(supplicant)
      const losing = supplicant.linkLost(link, never())
      const before = joinsAsked()
      const hostapd = 'ip netns exec ap hostapd_cli -p /run/hostapd -i hotspot0'
      await lab.sh(`${hostapd} pmksa_flush; ${hostapd} deauthenticate ff:ff:ff:ff:ff:ff`)
      await expect.poll(joinsAsked, { timeout: 10_000 }).toBe(before + 1)
      await expect.poll(() => lab.sh('ip -4 -o address show dev wlan0'), { timeout: 10_000 }).toContain(link.address)
      const pending = new Promise((resolve) => setTimeout(resolve, 1_000))
      expect(await Promise.race([losing, pending])).toBeUndefined()
      await lab.hotspot.stopAccessPoint('good')
      expect((await losing).code).toBe('ERR_WIFI_LINK_LOST')
    })
  })

  test('an AAA server that does not answer is given up at the deadline', async () => {
    await withSupplicant(async (supplicant, lab) => {
      await lab.hotspot.stopAaa()
      await expect(joinBest(supplicant)).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_WIFI_(JOIN_TIMEOUT|EAP_FAILED)$/) })
    })
  })

  test('no DHCP is told', async () => {
    await withSupplicant(async (supplicant, lab) => {
      await lab.hotspot.stopDhcp()
      await expect(joinBest(supplicant)).rejects.toMatchObject({ code: 'ERR_WIFI_NO_ADDRESS' })
    })
  })

  test('a radio that is pulled out and plugged in again is used again', async () => {
    await withSupplicant(async (supplicant, lab) => {
      const losing = supplicant.linkLost(await joinBest(supplicant), never())
      await lab.hotspot.unplugStation()
      expect((await losing).code).toMatch(/^ERR_WIFI_(LINK_LOST|NO_RADIO)$/)
      await expect(scan(supplicant)).rejects.toMatchObject({ code: 'ERR_WIFI_NO_RADIO' })
      const appearing = supplicant.radioAppeared(never())
      await lab.hotspot.plugStation()
      await appearing
      await joinBest(supplicant)
    })
  })

  test('a restart of wpa_supplicant is survived', async () => {
    await withSupplicant(async (supplicant, lab) => {
      const losing = supplicant.linkLost(await joinBest(supplicant), never())
      await lab.sh('systemctl restart wpa_supplicant')
      expect((await losing).code).toMatch(/^ERR_WIFI_(SUPPLICANT|LINK_LOST)$/)
      await joinBest(supplicant)
    })
  })
})
