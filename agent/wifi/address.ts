/** Waiting for an address on a joined interface, told by the kernel and not by a timer. */
import { AgentError } from '../failure.ts'
import type { Netdevs } from './netdevs.ts'
import { until } from './until.ts'

/** How long an address from before the join is watched for being taken away again, before it is believed. */
const STALE_SETTLE_MS = 1000

/** What is waited for. */
export type AddressWanted = {
  readonly interfaceName: string
  /** From `Netdevs.now()` before the join: an address announced since belongs to this link. */
  readonly mark: number
  /** The address of the former link, when it was to the same BSS: then the network is the same, and so may be the address. */
  readonly kept: string | null
}

/**
 * Ends with a usable IPv4 or IPv6 address. One that was there before the join may belong to another network, and its DHCP client
 * is about to find out: it is believed only when it outlasts a moment.
 */
export function waitForAddress(netdevs: Netdevs, wanted: AddressWanted, signal: AbortSignal): Promise<string> {
  return until(signal, (settle, fail) => {
    let settling: NodeJS.Timeout | null = null
    const check = (): void => {
      const addresses = netdevs.addresses(wanted.interfaceName, wanted.mark)
      const sure = addresses.find(({ address, isFresh }) => isFresh || address === wanted.kept)
      const broken = netdevs.broken()
      if (sure !== undefined) settle(sure.address)
      else if (broken !== null) fail(new AgentError(broken.code, broken.detail))
      else watchStale(addresses[0]?.address)
    }
    const watchStale = (stale: string | undefined): void => {
      if (stale === undefined && settling !== null) clearTimeout(settling)
      settling = stale === undefined ? null : (settling ?? setTimeout(() => settle(stale), STALE_SETTLE_MS))
    }
    const stopListening = netdevs.onChange(check)
    check()
    return () => {
      stopListening()
      if (settling !== null) clearTimeout(settling)
    }
  })
}
