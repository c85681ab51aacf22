import { execFileSync } from 'node:child_process'
import { beforeAll, describe, expect, test } from 'vitest'
import type { LabImage } from '../../scripts/radio-lab/prepare-lab.ts'
import { preparedLab, withLab } from './lab-fixture.ts'

const cloudPort = 9
const config = [{ path: 'ca.json', content: '{"account":"acme"}' }]
const mountDisks = 'systemctl start zipkey-disks.target'

let image: LabImage

beforeAll(async () => {
  image = await preparedLab()
})

describe('a restored snapshot', () => {
  test('has the disks of its own lab, with the files that the test gave it', async () => {
    const state = [{ path: 'slots/current.json', content: 'left by an earlier life' }]
    await withLab({ image, cloudPort, config, state }, async (lab) => {
      expect(await lab.sh('mount | grep -c /dev/vd || true')).toBe('0')
      await lab.sh(mountDisks)
      expect(await lab.sh('cat /etc/zipkey/ca.json; stat -c "%a %U %G" /etc/zipkey/ca.json')).toBe('{"account":"acme"}640 zipkey zipkey')
      expect(await lab.sh('cat /var/lib/zipkey/slots/current.json')).toBe('left by an earlier life')
    })
  })

  test('knows what time it is', async () => {
    await withLab({ image, cloudPort, config }, async (lab) => {
      expect(Math.abs(Number(await lab.sh('date +%s')) - Date.now() / 1000)).toBeLessThan(3)
    })
  })

  test('offers its D-Bus to a client on the host, and wpa_supplicant answers there', async () => {
    await withLab({ image, cloudPort, config }, async (lab) => {
      const call = [
        '--print-reply',
        '--dest=fi.w1.wpa_supplicant1',
        '/fi/w1/wpa_supplicant1',
        'org.freedesktop.DBus.Introspectable.Introspect',
      ]
      expect(execFileSync('dbus-send', [`--bus=${lab.busAddress}`, ...call], { encoding: 'utf8' })).toContain('CreateInterface')
    })
  })

  test('passes on what a unit logs, as it happens and across power cuts', async () => {
    await withLab({ image, cloudPort, config }, async (lab) => {
      const lines: string[] = []
      lab.followJournal('chatty', (line) => lines.push(line))
      await lab.sh('systemd-run --unit chatty --wait echo first life')
      await expect.poll(() => lines).toContain('first life')
      await lab.cutPower()
      await lab.powerOn('snapshot')
      await lab.sh('systemd-run --unit chatty --wait echo second life')
      await expect.poll(() => lines).toContain('second life')
    })
  })
})

describe('the state disk', () => {
  test('keeps what was synced before the power was cut', async () => {
    await withLab({ image, cloudPort, config }, async (lab) => {
      await lab.sh(`${mountDisks}; echo survives > /var/lib/zipkey/synced; sync /var/lib/zipkey/synced; sync /var/lib/zipkey`)
      await lab.cutPower()
      await lab.powerOn('snapshot')
      expect(await lab.sh(`${mountDisks}; cat /var/lib/zipkey/synced`)).toBe('survives')
    })
  })

  test('outlives a reboot; the rest of the machine starts anew, with the hotspot, by itself', async () => {
    await withLab({ image, cloudPort, config }, async (lab) => {
      await lab.sh(`${mountDisks}; echo kept > /var/lib/zipkey/kept; echo lost > /root/lost`)
      const before = await lab.sh('cat /proc/sys/kernel/random/boot_id')
      await lab.reboot()
      expect(await lab.sh('cat /proc/sys/kernel/random/boot_id')).not.toBe(before)
      await lab.sh('systemctl is-system-running --wait || true', { timeoutMs: 60_000 })
      expect(await lab.sh('cat /var/lib/zipkey/kept /etc/zipkey/ca.json')).toBe('kept\n{"account":"acme"}')
      expect((await lab.trySh('test -e /root/lost')).exitCode).toBe(1)
      expect(await lab.sh('systemctl is-active hotspot.target lab.target wpa_supplicant')).toBe('active\nactive\nactive')
    })
  }, 240_000)
})
