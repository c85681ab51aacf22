/** The kernel's interfaces, in a network namespace of the test's own. */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openLinuxNetdevs } from '../../../agent/wifi/linux-netdevs.ts'
import type { Netdevs } from '../../../agent/wifi/netdevs.ts'
import { waitForRadio } from '../../../agent/wifi/radio-watch.ts'
import { neverAborted } from '../../../agent/wifi/until.ts'
import { runProgram } from '../../../scripts/run-program.ts'
import { type Daemon, startDaemon } from '../../../scripts/wired-lab/daemon.ts'

let namespace: string
let anchor: Daemon
let netdevs: Netdevs

const ip = (...parameters: string[]): Promise<string> => runProgram('ip', ['-n', namespace, ...parameters])

beforeEach(async () => {
  namespace = `zknet-${randomBytes(3).toString('hex')}`
  await runProgram('ip', ['netns', 'add', namespace])
  await ip('link', 'add', 'port0', 'type', 'veth', 'peer', 'name', 'peer0')
  anchor = await startDaemon({ command: ['sleep', 'infinity'], namespace, logFile: '/dev/null', readyText: null })
  await sleep(50)
  netdevs = openLinuxNetdevs({ ip: ['ip', '-n', namespace], sysfs: `/proc/${anchor.pid}/root/sys` })
})
afterEach(async () => {
  netdevs.close()
  await anchor.stop()
  await runProgram('ip', ['netns', 'delete', namespace])
})

const nextChange = (): Promise<void> =>
  new Promise((resolve) => {
    const stop = netdevs.onChange(() => {
      stop()
      resolve()
    })
  })

async function addressesAre(expected: readonly string[]): Promise<void> {
  await expect.poll(() => netdevs.addresses('port0', 0).map(({ address }) => address), { timeout: 3000 }).toEqual(expected)
}

describe('the interfaces', () => {
  it('are told apart: wired, absent, with and without carrier', async () => {
    expect(await netdevs.find('nothing0')).toBeNull()
    expect(await netdevs.find('port0')).toMatchObject({ driver: 'wired', hasCarrier: false })
    await ip('link', 'set', 'port0', 'up')
    await ip('link', 'set', 'peer0', 'up')
    expect(await netdevs.find('port0')).toMatchObject({ driver: 'wired', hasCarrier: true })
    expect(await netdevs.radios()).toEqual([])
  })

  it('that were taken out and put back have another index', async () => {
    const before = await netdevs.find('port0')
    await ip('link', 'delete', 'port0')
    await ip('link', 'add', 'port0', 'type', 'veth', 'peer', 'name', 'peer0')
    expect((await netdevs.find('port0'))?.index).not.toBe(before?.index)
  })

  it('are noticed when they appear, once they have been away', async () => {
    let hasAppeared = false
    const appearing = waitForRadio(netdevs, 'port0', false, neverAborted()).then(() => {
      hasAppeared = true
    })
    await sleep(100)
    expect(hasAppeared).toBe(false)
    await ip('link', 'delete', 'port0')
    await sleep(100)
    expect(hasAppeared).toBe(false)
    await ip('link', 'add', 'port0', 'type', 'veth', 'peer', 'name', 'peer0')
    await appearing
  })

  it('that were missing and are back already are noticed at once', async () => {
    await waitForRadio(netdevs, 'port0', true, neverAborted())
  })
})

describe('the addresses', () => {
  it('that were there before are known once the changes are followed', async () => {
    await ip('address', 'add', '10.0.0.1/24', 'dev', 'port0')
    await netdevs.follow()
    expect(netdevs.addresses('port0', netdevs.now())).toEqual([{ address: '10.0.0.1', isFresh: false }])
  })

  it('that come and go are told, as soon as `follow` has ended', async () => {
    await netdevs.follow()
    const mark = netdevs.now()
    const changed = nextChange()
    await ip('address', 'add', '10.0.0.1/24', 'dev', 'port0')
    await changed
    await addressesAre(['10.0.0.1'])
    expect(netdevs.addresses('port0', mark)).toEqual([{ address: '10.0.0.1', isFresh: true }])
    await ip('address', 'delete', '10.0.0.1/24', 'dev', 'port0')
    await addressesAre([])
  })

  it('of IPv6 count after duplicate address detection', async () => {
    await ip('link', 'set', 'port0', 'up')
    await ip('link', 'set', 'peer0', 'up')
    await netdevs.follow()
    await ip('address', 'add', 'fd00::1/64', 'dev', 'port0')
    expect(netdevs.addresses('port0', 0)).toEqual([])
    await addressesAre(['fd00::1'])
  })

  it('cannot be followed without iproute2, which is told', async () => {
    const without = openLinuxNetdevs({ ip: ['/nowhere/ip'], sysfs: '/sys' })
    await expect(without.follow()).rejects.toMatchObject({ code: 'ERR_WIFI_NO_ADDRESS', message: expect.stringContaining('iproute2') })
  })

  it('are followed again after `ip monitor` was killed', async () => {
    await netdevs.follow()
    const broken = nextChange()
    const pids = (await runProgram('pgrep', ['-f', `ip -n ${namespace} -o monitor`])).trim().split('\n')
    for (const pid of pids) process.kill(Number(pid), 'SIGKILL')
    await broken
    expect(netdevs.broken()).toMatchObject({ code: 'ERR_WIFI_NO_ADDRESS' })
    await ip('address', 'add', '10.0.0.1/24', 'dev', 'port0')
    await netdevs.follow()
    expect(netdevs.broken()).toBeNull()
    await addressesAre(['10.0.0.1'])
  })
})
