import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { Failure } from '../../../agent/failure.ts'
import { waitForAddress } from '../../../agent/wifi/address.ts'
import { AddressTable } from '../../../agent/wifi/address-table.ts'
import type { Netdevs } from '../../../agent/wifi/netdevs.ts'
import { neverAborted } from '../../../agent/wifi/until.ts'

const WANTED = { interfaceName: 'wlan0', kept: null }

function openWorld() {
  const table = new AddressTable()
  const listeners = new Set<() => void>()
  let broken: Failure | null = null
  const changed = (): void => {
    for (const listener of [...listeners]) listener()
  }
  const netdevs: Netdevs = {
    find: async () => null,
    radios: async () => [],
    follow: async () => {},
    now: () => table.age,
    addresses: (name, mark) => table.usable(name).map(({ address, age }) => ({ address, isFresh: age > mark })),
    onChange: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    broken: () => broken,
    close: () => {},
  }
  const say = (line: string): void => {
    table.read(line)
    changed()
  }
  return {
    netdevs,
    listeners,
    add: (address: string) => say(`5: wlan0    inet ${address}/24 scope global wlan0`),
    remove: (address: string) => say(`Deleted 5: wlan0    inet ${address}/24 scope global wlan0`),
    break: () => {
      broken = { code: 'ERR_WIFI_NO_ADDRESS', detail: 'ip ended', retryAfterMs: 0 }
      changed()
    },
  }
}

describe('waiting for an address', () => {
  it('ends with the first that is announced', async () => {
    const world = openWorld()
    const waiting = waitForAddress(world.netdevs, { ...WANTED, mark: world.netdevs.now() }, neverAborted())
    world.add('10.0.0.2')
    expect(await waiting).toBe('10.0.0.2')
    expect(world.listeners.size).toBe(0)
  })

  it('ends at once with one that was announced during the join', async () => {
    const world = openWorld()
    const mark = world.netdevs.now()
    world.add('10.0.0.2')
    expect(await waitForAddress(world.netdevs, { ...WANTED, mark }, neverAborted())).toBe('10.0.0.2')
  })

  it('ends at once with the one it had at the same BSS', async () => {
    const world = openWorld()
    world.add('10.0.0.2')
    const wanted = { interfaceName: 'wlan0', kept: '10.0.0.2', mark: world.netdevs.now() }
    expect(await Promise.race([waitForAddress(world.netdevs, wanted, neverAborted()), sleep(50)])).toBe('10.0.0.2')
  })

  it('does not believe an older one that is taken away', async () => {
    const world = openWorld()
    world.add('10.0.0.2')
    const waiting = waitForAddress(world.netdevs, { ...WANTED, mark: world.netdevs.now() }, neverAborted())
    await sleep(20)
    world.remove('10.0.0.2')
    await sleep(1100)
    world.add('10.0.0.3')
    expect(await waiting).toBe('10.0.0.3')
  })

  it('fails when changes can no longer be followed', async () => {
    const world = openWorld()
    const waiting = waitForAddress(world.netdevs, { ...WANTED, mark: 0 }, neverAborted())
    world.break()
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_WIFI_NO_ADDRESS', message: 'ip ended' })
  })
})
