import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { signDeviceCertificate } from '../../cloud/issuer/device-certificate.ts'
import { type AccessPoint, accessPoints } from '../../scripts/radio-lab/hotspot.ts'
import type { Lab } from '../../scripts/radio-lab/lab.ts'
import type { LabImage } from '../../scripts/radio-lab/prepare-lab.ts'
import { type AaaCloud, asHandedOver, startAaaCloud } from './aaa-cloud.ts'
import { preparedLab, withLab } from './lab-fixture.ts'
import { addressOfRadio, joinByCertificate, joinPlainly } from './plain-supplicant.ts'

const device = { identity: 'dev-1@acme.zipkey.test', password: 'a-hotspot-password' }
const hello = 'curl --silent --show-error --max-time 5 --cacert /etc/hotspot/pki/cloud-ca.pem https://api.zipkey.test/hello'

let image: LabImage
let cloud: AaaCloud

beforeAll(async () => {
  image = await preparedLab()
})
beforeEach(async () => {
  cloud = await startAaaCloud(image.pki, new Map([[device.identity, device.password]]))
})
afterEach(() => cloud.close())

describe('joining the hotspot', () => {
  test.each(['MSCHAPV2', 'PAP'] as const)('EAP-TTLS with %s, an address, and the cloud by its name, over the air', async (phase2) => {
    await withLab({ image, cloudPort: cloud.port }, async (lab) => {
      const packets: string[] = []
      lab.followCloudPackets((line) => packets.push(line))
      const { state, log } = await joinPlainly(lab, { ...device, phase2 })
      expect(state, log).toBe('COMPLETED')
      expect(log).toContain('pmf=2')
      expect(await addressOfRadio(lab)).toMatch(/^10\.8\.0\./)
      expect(await lab.sh(hello)).toBe('hello from the cloud')
      expect(packets.some((line) => line.includes('> 203.0.113.1.443'))).toBe(true)
    })
  })

  test('the AAA server asks the cloud with its own credential and reports what happened', async () => {
    await withLab({ image, cloudPort: cloud.port }, async (lab) => {
      await joinPlainly(lab, device)
      const { id, secret } = image.aaaClient
      const asked = cloud.requests.find((request) => request.path === '/v1/aaa/authorize')
      expect(asked?.authorization).toBe(`Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`)
      expect(JSON.parse(asked?.body ?? '{}')).toMatchObject({ identity: device.identity, calling_station: '02-00-00-00-00-00' })
      expect(cloud.requests.map((request) => request.path)).toContain('/v1/aaa/post-auth')
    })
  })

  test('EAP-TLS with a certificate that the cloud knows, over the air, and with none that it does not', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const { certificateFile, keyFile } = image.pki.deviceCa
    const ca = { certificate: new X509Certificate(readFileSync(certificateFile)).raw, privateKey: createPrivateKey(readFileSync(keyFile)) }
    const sign = () =>
      signDeviceCertificate(ca, { account: 'acme', device: 'dev-1' }, publicKey, {
        nowMs: Date.now(),
        days: null,
        placeId: `m1-1-${'a'.repeat(16)}-${'b'.repeat(13)}`,
      })
    const [known, unknown, keyPem] = [await sign(), await sign(), privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()]
    await cloud.close()
    cloud = await startAaaCloud(image.pki, new Map(), new Set([asHandedOver(known)]))
    for (const certificate of [known, unknown]) {
      await withLab({ image, cloudPort: cloud.port }, async (lab) => {
        const { state, log } = await joinByCertificate(lab, certificate, keyPem)
        expect(state === 'COMPLETED', log).toBe(certificate === known)
      })
    }
  })

  test('a wrong password is refused', async () => {
    await withLab({ image, cloudPort: cloud.port }, async (lab) => {
      const { state, log } = await joinPlainly(lab, { ...device, password: 'guessed' })
      expect(state).not.toBe('COMPLETED')
      expect(log).toContain('CTRL-EVENT-EAP-FAILURE')
    })
  })

  test('without the cloud nobody gets in', async () => {
    await cloud.close()
    await withLab({ image, cloudPort: cloud.port }, async (lab) => {
      expect((await joinPlainly(lab, device)).state).not.toBe('COMPLETED')
    })
  })

  test('a device that expects another server name turns away', async () => {
    await withLab({ image, cloudPort: cloud.port }, async (lab) => {
      await lab.hotspot.presentCertificate('other-name')
      const { state, log } = await joinPlainly(lab, device)
      expect(state).not.toBe('COMPLETED')
      expect(log).toContain('Domain mismatch')
      expect(cloud.requests).not.toContainEqual(expect.objectContaining({ path: '/v1/aaa/authorize' }))
    })
  })
})

describe('the walled garden', () => {
  test('nothing leads to the cloud before the device has joined', async () => {
    await withLab({ image, cloudPort: cloud.port }, async (lab) => {
      expect(await lab.sh('ip -4 route show default')).toBe('')
      expect((await lab.trySh(hello)).exitCode).not.toBe(0)
    })
  })

  test('nothing but the cloud, DHCP and DNS can be reached from inside', async () => {
    await withLab({ image, cloudPort: cloud.port }, async (lab) => {
      await joinPlainly(lab, device)
      await addressOfRadio(lab)
      expect(await lab.sh(hello)).toBe('hello from the cloud')
      const closed = [
        `10.0.2.2 ${cloud.port}`,
        '10.0.2.3 53',
        `10.0.3.2 ${cloud.port}`,
        '203.0.113.1 80',
        '203.0.113.2 443',
        '10.8.0.1 22',
        '10.8.0.1 80',
      ]
      const probe = (target: string) => `timeout 3 bash -c 'exec 3<>/dev/tcp/${target.replace(' ', '/')}' 2>/dev/null && echo '${target}' &`
      expect(await lab.sh(`${probe('203.0.113.1 443')} wait`)).toBe('203.0.113.1 443')
      expect(await lab.sh(`${closed.map(probe).join('\n')}\nwait`)).toBe('')
      expect((await lab.trySh('busybox ping -c 1 -W 1 10.0.2.2')).exitCode).not.toBe(0)
      expect((await lab.trySh('resolvectl query example.org')).exitCode).not.toBe(0)
    })
  })
})

describe('what a tester can do to the air', () => {
  const scan = 'ip link set wlan0 up; iw dev wlan0 scan freq 2412 2437 2462'
  /** Scans until every given BSS was seen in one scan, as a supplicant does: on a busy machine a beacon is missed now and then. */
  const scanFor = (lab: Lab, ...names: AccessPoint[]) =>
    expect
      .poll(() => lab.sh(scan), { timeout: 30_000, interval: 100 })
      .toSatisfy((seen: string) => names.every((name) => seen.includes(accessPoints[name].bssid)))

  test('a stronger evil twin and a second BSS are seen beside the hotspot, each as strong as it was set', async () => {
    await withLab({ image, cloudPort: cloud.port }, async (lab) => {
      const signals = { good: -70, second: -60, 'evil-twin': -40 } as const
      await lab.hotspot.startAccessPoint('second')
      await lab.hotspot.startAccessPoint('evil-twin')
      for (const name of ['good', 'second', 'evil-twin'] as const) await lab.hotspot.setSignal(name, signals[name])
      await scanFor(lab, 'good', 'second', 'evil-twin')
      const seen = await lab.sh('iw dev wlan0 scan dump')
      for (const name of ['good', 'second', 'evil-twin'] as const) {
        const bss = seen.split(/^BSS /m).find((text) => text.startsWith(accessPoints[name].bssid))
        expect(bss, `${name} in ${seen}`).toContain('SSID: ZipKey')
        expect(bss).toContain(`signal: ${signals[name]}.00 dBm`)
      }
    })
  })

  test('out of range there is nothing, and back in range it is there again', async () => {
    await withLab({ image, cloudPort: cloud.port }, async (lab) => {
      await lab.hotspot.moveStationAway()
      expect(await lab.sh(scan)).not.toContain('ZipKey')
      await lab.hotspot.moveStationBack()
      await scanFor(lab, 'good')
    })
  })

  test('the radio can be pulled out and plugged in again', async () => {
    await withLab({ image, cloudPort: cloud.port }, async (lab) => {
      await lab.hotspot.unplugStation()
      expect((await lab.trySh('ip link show wlan0')).exitCode).not.toBe(0)
      await lab.hotspot.plugStation()
      await scanFor(lab, 'good')
    })
  })

  test.each([
    ['switched off', (lab: Lab) => lab.hotspot.stopAccessPoint('good')],
    ['dead at once', (lab: Lab) => lab.hotspot.killAccessPoint('good')],
  ])('an access point that was %s can be started again', async (_, end) => {
    await withLab({ image, cloudPort: cloud.port }, async (lab) => {
      await end(lab)
      expect(await lab.sh(scan)).not.toContain('ZipKey')
      await lab.hotspot.startAccessPoint('good')
      expect((await joinPlainly(lab, device)).state).toBe('COMPLETED')
    })
  })

  test('without DHCP the join succeeds and no address comes', async () => {
    await withLab({ image, cloudPort: cloud.port }, async (lab) => {
      await lab.hotspot.stopDhcp()
      expect((await joinPlainly(lab, device)).state).toBe('COMPLETED')
      expect(await lab.sh('sleep 2; ip -4 -oneline address show dev wlan0')).toBe('')
      await lab.hotspot.startDhcp()
      expect(await addressOfRadio(lab)).toMatch(/^10\.8\.0\./)
    })
  })
})
