/**
 * The WiredNetworks port: a network that is there already, by an interface that is neither a radio nor the one that the agent joins
 * hotspots by. Whether it leads to the cloud, only the cloud can tell.
 */
import { readFile } from 'node:fs/promises'
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os'
import { AgentError, type Failure } from '../failure.ts'
import type { Log } from '../log.ts'
import type { Link, WiredNetworks } from '../ports.ts'
import type { Netdevs } from './netdevs.ts'
import { until, withDeadline } from './until.ts'

/** What the adapter needs. `reachCloud` gives the address that the Cloud API was reached from. */
export type WiredNetworksOptions = {
  readonly netdevs: Netdevs
  readonly wifi: { readonly interface: string; readonly skipWhenWired: boolean }
  readonly reachCloud: (signal: AbortSignal) => Promise<string>
  readonly log: Log
  /** Other values for tests: the interfaces with their addresses, and the folder of the kernel's routing tables. */
  readonly interfaces?: () => NodeJS.Dict<NetworkInterfaceInfo[]>
  readonly procNet?: string
}

/** A cable that leads to the cloud does so soon; a hotspot need not wait long for one that does not. */
const REACH_MS = 3_000

/** Makes the adapter; nothing is started before it is needed. */
export function createWiredNetworks(options: WiredNetworksOptions): WiredNetworks {
  const { netdevs, wifi, reachCloud, log } = options
  return {
    find: async (signal) => {
      const known = wifi.skipWhenWired ? await candidates(options) : new Map<string, string>()
      if (known.size === 0) return null
      const address = await reachIn(REACH_MS, reachCloud, signal)
      const interfaceName = known.get(address ?? '')
      if (address === null || interfaceName === undefined) return null
      log.debug({ interface: interfaceName }, 'the cloud is reached without a hotspot')
      return { bss: null, interfaceName, address, captiveApi: null, eap: null }
    },
    lost: async (link, signal) => {
      await netdevs.follow()
      return watch(netdevs, link, signal)
    },
  }
}

/** The usable addresses of the interfaces that have a way out, and are neither radios nor the agent's own. */
async function candidates(options: WiredNetworksOptions): Promise<ReadonlyMap<string, string>> {
  const { netdevs, wifi, interfaces = networkInterfaces, procNet = '/proc/self/net' } = options
  const leading = await interfacesWithGateway(procNet)
  if (leading.size === 0) return new Map()
  const others = new Set([wifi.interface, ...(await netdevs.radios())])
  const wanted = Object.entries(interfaces()).filter(([name]) => leading.has(name) && !others.has(name))
  return new Map(wanted.flatMap(([name, infos = []]) => infos.filter(isUsable).map(({ address }) => [address, name])))
}

const RTF_GATEWAY = 0x2

/** From the kernel's routing tables (proc_net(5)): of IPv4 with the interface in the first column, of IPv6 in the last. */
async function interfacesWithGateway(procNet: string): Promise<ReadonlySet<string>> {
  const read = async (file: string, flagsAt: number, nameAt: number): Promise<readonly string[]> => {
    const text = await readFile(`${procNet}/${file}`, 'utf8').catch(() => '')
    const rows = text.split('\n').map((line) => line.trim().split(/\s+/))
    return rows.flatMap((row) => ((Number.parseInt(row[flagsAt] ?? '', 16) & RTF_GATEWAY) === 0 ? [] : [row[nameAt] ?? '']))
  }
  return new Set([...(await read('route', 3, 0)), ...(await read('ipv6_route', 8, 9))])
}

/** A loopback reaches nobody, and a link-local address (RFC 3927, RFC 4291) nobody far away. */
const isUsable = ({ internal, address }: NetworkInterfaceInfo): boolean => !internal && !/^(169\.254\.|fe80:)/i.test(address)

async function reachIn(ms: number, reachCloud: WiredNetworksOptions['reachCloud'], signal: AbortSignal): Promise<string | null> {
  const late = (): Error => new AgentError('ERR_CLOUD_UNREACHABLE', `not reached within ${ms} ms`)
  return withDeadline(signal, ms, late, reachCloud).catch((error: unknown) => {
    if (error instanceof AgentError) return null
    throw error
  })
}

function watch(netdevs: Netdevs, { interfaceName, address }: Link, signal: AbortSignal): Promise<Failure> {
  return until(signal, (settle, fail) => {
    const lost = (why: string): void => settle({ code: 'ERR_WIFI_LINK_LOST', detail: `${interfaceName} ${why}`, retryAfterMs: 0 })
    const check = (): void => {
      const isThere = netdevs.addresses(interfaceName, 0).some((each) => each.address === address)
      if (netdevs.broken() === null && !isThere) lost('has lost its address')
      netdevs.find(interfaceName).then((netdev) => {
        if (netdev?.hasCarrier !== true) lost(netdev === null ? 'is gone' : 'has no carrier')
      }, fail)
    }
    const stop = netdevs.onChange(check)
    check()
    return stop
  })
}
