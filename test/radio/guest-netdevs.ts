/** The device's interfaces as the adapter wants them, for an adapter that runs on the host: the guest is asked through the lab. */
import { AddressTable } from '../../agent/wifi/address-table.ts'
import type { Netdev, Netdevs } from '../../agent/wifi/netdevs.ts'
import type { Lab } from '../../scripts/radio-lab/lab.ts'

/** Opens them; `close` ends the guest's `ip monitor`. */
export function openGuestNetdevs(lab: Lab): Netdevs {
  const table = new AddressTable()
  const listeners = new Set<() => void>()
  let monitor: { stop: () => void } | null = null
  return {
    find: (interfaceName) => find(lab, interfaceName),
    radios: async () =>
      (await lab.sh('cd /sys/class/net && ls -d */phy80211 || true')).split('\n').flatMap((line) => line.split('/')[0] || []),
    follow: async () => {
      monitor ??= lab.follow('ip -o address show; exec ip -o monitor address link', (line) => {
        table.read(line)
        for (const listener of [...listeners]) listener()
      })
    },
    now: () => table.age,
    addresses: (interfaceName, mark) => table.usable(interfaceName).map(({ address, age }) => ({ address, isFresh: age > mark })),
    onChange: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    broken: () => null,
    close: () => monitor?.stop(),
  }
}

async function find(lab: Lab, interfaceName: string): Promise<Netdev | null> {
  const { stdout } = await lab.trySh(`cd /sys/class/net/${interfaceName} && cat ifindex && cat carrier; test -e phy80211 && echo radio`)
  const [index, carrier, ...rest] = stdout.trim().split('\n')
  if (index === undefined || index === '') return null
  return { driver: [carrier, ...rest].includes('radio') ? 'nl80211' : 'wired', index: Number(index), hasCarrier: carrier === '1' }
}
