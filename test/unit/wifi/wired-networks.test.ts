import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { NetworkInterfaceInfo } from 'node:os'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { AgentError } from '../../../agent/failure.ts'
import type { Netdevs } from '../../../agent/wifi/netdevs.ts'
import { createWiredNetworks } from '../../../agent/wifi/wired-networks.ts'
import { createKeptLog } from '../../fakes/log.ts'

const HEADER = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT'
const gateway = (name: string): string => `${name}\t00000000\t0102A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0`
const onLink = (name: string): string => `${name}\t0002A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0`
const gateway6 = (name: string): string =>
  `${'0'.repeat(32)} 00 ${'0'.repeat(32)} 00 ${'fe80'.padEnd(32, '0')} 00000400 00000001 00000000 00450003 ${name}`

const info = (address: string, internal = false): NetworkInterfaceInfo =>
  ({ address, internal, family: 'IPv4', netmask: '', mac: '', cidr: null }) as NetworkInterfaceInfo

type World = {
  readonly routes: readonly string[]
  readonly routes6?: readonly string[]
  readonly addresses: Readonly<Record<string, readonly string[]>>
  readonly radios?: readonly string[]
  readonly own?: string
  readonly skipWhenWired?: boolean
  readonly reachedFrom?: string | null
}

/** What is found, and how often the cloud was asked. */
async function find({
  routes,
  routes6 = [],
  addresses,
  radios = [],
  own = 'auto',
  skipWhenWired = true,
  reachedFrom = '192.0.2.9',
}: World) {
  const procNet = mkdtempSync(join(tmpdir(), 'zipkey-routes-'))
  onTestFinished(() => rmSync(procNet, { recursive: true }))
  writeFileSync(join(procNet, 'route'), [HEADER, ...routes, ''].join('\n'))
  if (routes6.length > 0) writeFileSync(join(procNet, 'ipv6_route'), `${routes6.join('\n')}\n`)
  let asked = 0
  const networks = createWiredNetworks({
    netdevs: { radios: async () => radios } as unknown as Netdevs,
    wifi: { interface: own, skipWhenWired },
    reachCloud: async () => {
      asked += 1
      if (reachedFrom === null) throw new AgentError('ERR_CLOUD_UNREACHABLE', 'no way')
      return reachedFrom
    },
    log: createKeptLog().log,
    interfaces: () =>
      Object.fromEntries(Object.entries(addresses).map(([name, list]) => [name, list.map((each) => info(each, name === 'lo'))])),
    procNet,
  })
  const link = await networks.find(new AbortController().signal)
  return { found: link === null ? null : `${link.interfaceName} ${link.address}`, asked }
}

const ETHERNET: World = { routes: [onLink('eth0'), gateway('eth0')], addresses: { lo: ['127.0.0.1'], eth0: ['192.0.2.9'] } }

describe('a wired network that is there already', () => {
  it('is used where the cloud is reached by it', async () => {
    expect(await find(ETHERNET)).toEqual({ found: 'eth0 192.0.2.9', asked: 1 })
  })

  it('may be of IPv6', async () => {
    const world: World = {
      routes: [],
      routes6: [gateway6('eth0')],
      addresses: { eth0: ['fe80::1', '2001:db8::9'] },
      reachedFrom: '2001:db8::9',
    }
    expect(await find(world)).toEqual({ found: 'eth0 2001:db8::9', asked: 1 })
  })

  it.each<[string, World]>([
    ['there is no interface but the loopback', { routes: [], addresses: { lo: ['127.0.0.1'] } }],
    ['it has no way out', { ...ETHERNET, routes: [onLink('eth0')] }],
    ['it is a radio', { ...ETHERNET, routes: [gateway('wlan0')], addresses: { wlan0: ['192.0.2.9'] }, radios: ['wlan0'] }],
    ['it is the port that the agent joins by', { ...ETHERNET, own: 'eth0' }],
    ['it has an address of its own making only', { ...ETHERNET, addresses: { eth0: ['169.254.1.2', 'fe80::1'] } }],
    ['the config does not want it', { ...ETHERNET, skipWhenWired: false }],
  ])('is not asked for the cloud where %s', async (_, world) => {
    expect(await find(world)).toEqual({ found: null, asked: 0 })
  })

  it.each<[string, World]>([
    ['the cloud is not reached', { ...ETHERNET, reachedFrom: null }],
    ['the cloud is reached by another way, such as a radio that somebody else joined', { ...ETHERNET, reachedFrom: '198.51.100.7' }],
  ])('is not used where %s', async (_, world) => {
    expect(await find(world)).toEqual({ found: null, asked: 1 })
  })
})
