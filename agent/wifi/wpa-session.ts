/** The interface object that the agent works with now; made anew after wpa_supplicant or the radio went and came back. */
import { AgentError } from '../failure.ts'
import type { Log } from '../log.ts'
import { findPeer } from './bus-peer.ts'
import type { Bus } from './dbus.ts'
import type { Netdev, Netdevs } from './netdevs.ts'
import { neverAborted } from './until.ts'
import { openWpaInterface, WPA_NAME, type WpaInterface } from './wpa-interface.ts'

/** Which interface, by the config. */
export type InterfaceChoice = { readonly interface: string; readonly country: string | null }

/** Gives the interface object, and takes it back at the end. */
export type WpaSession = {
  open(signal: AbortSignal): Promise<WpaInterface>
  /** The one that was opened last; it may have failed since. */
  current(): WpaInterface | null
  close(): Promise<void>
}

/** Prepares it; nothing is done before `open`. */
export function createWpaSession(bus: Bus, netdevs: Netdevs, choice: InterfaceChoice, log: Log): WpaSession {
  let opened: { readonly wpa: WpaInterface; readonly index: number } | null = null
  const close = async (): Promise<void> => {
    const last = opened
    opened = null
    await last?.wpa.remove(neverAborted())
  }
  return {
    current: () => opened?.wpa ?? null,
    open: async (signal) => {
      if (opened !== null && (await isGood(netdevs, opened))) return opened.wpa
      // wpa_supplicant keeps the object of an interface that was unplugged, and it stays dead when the interface comes back.
      await close().catch(() => {})
      const [peer, { interfaceName, netdev }] = await Promise.all([findPeer(bus, WPA_NAME, signal), choose(netdevs, choice.interface)])
      // Wanted at the first join; begun here, it is ready by then. Should it fail, the join tries again and tells.
      netdevs.follow().catch(() => {})
      const wpa = await openWpaInterface(peer, { interfaceName, driver: netdev.driver, country: choice.country }, log, signal)
      opened = { wpa, index: netdev.index }
      log.debug({ interface: interfaceName, driver: netdev.driver }, 'wpa_supplicant has the interface')
      return wpa
    },
    close,
  }
}

async function isGood(netdevs: Netdevs, { wpa, index }: { readonly wpa: WpaInterface; readonly index: number }): Promise<boolean> {
  return wpa.failure() === null && (await netdevs.find(wpa.interfaceName))?.index === index
}

async function choose(netdevs: Netdevs, wanted: string): Promise<{ readonly interfaceName: string; readonly netdev: Netdev }> {
  const interfaceName = wanted === 'auto' ? (await netdevs.radios())[0] : wanted
  if (interfaceName === undefined) throw new AgentError('ERR_WIFI_NO_RADIO', 'there is no radio')
  const netdev = await netdevs.find(interfaceName)
  if (netdev === null) throw new AgentError('ERR_WIFI_NO_RADIO', `there is no interface ${interfaceName}`)
  return { interfaceName, netdev }
}
