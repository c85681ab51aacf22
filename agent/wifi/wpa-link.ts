/** Noticing that a link is gone. */
import type { Failure } from '../failure.ts'
import type { Link } from '../ports.ts'
import type { Netdevs } from './netdevs.ts'
import { until } from './until.ts'
import { stateIn, type WpaInterface } from './wpa-interface.ts'

/** In these states there is a link, or a re-keying on one (the supplicant passes through them at each new group key and each EAP renewal). */
const LINK_STATES: ReadonlySet<string> = new Set(['associated', '4way_handshake', 'group_handshake', 'completed'])

/** How long a lost link may take to come back by itself at the very most, and from the end of a scan on until it is begun anew. */
const RETURN_MS = { most: 5_000, afterScan: 500 } as const

/**
 * Ends when the link is gone, or its address: at once where they already are. wpa_supplicant comes back to the same BSS by itself, with the
 * same credential and the same rules, sooner than any join: behind 802.1X only a link that does not is lost. At a plain hotspot a login
 * page may be in between then, which each join looks for. `onReturn` is told how long the link was away.
 */
export async function watchLink(
  wpa: WpaInterface,
  netdevs: Netdevs,
  link: Link,
  onReturn: (awayMs: number) => void,
  signal: AbortSignal,
): Promise<Failure> {
  for (;;) {
    const loss = await untilLost(wpa, netdevs, link, signal)
    const lostMs = performance.now()
    const mayReturn = loss.code === 'ERR_WIFI_LINK_LOST' && link.eap !== null && wpa.driver === 'nl80211'
    if (!mayReturn || !(await hasReturned(wpa, netdevs, link, signal))) return loss
    onReturn(performance.now() - lostMs)
  }
}

/** Whether it is there again, address and all, before wpa_supplicant has looked for the BSS in vain. */
function hasReturned(wpa: WpaInterface, netdevs: Netdevs, { interfaceName }: Link, signal: AbortSignal): Promise<boolean> {
  return until(signal, (settle, fail) => {
    const giveUp = (): void => settle(false)
    const isThere = (): boolean => wpa.state() === 'completed' && netdevs.addresses(interfaceName, 0).length > 0
    const look = (): void => {
      netdevs.find(interfaceName).then((netdev) => {
        if (netdev === null) giveUp()
        else if (netdev.hasCarrier && isThere()) settle(true)
      }, fail)
    }
    const isIdle = (): boolean => IDLE_STATES.has(wpa.state() ?? 'disconnected')
    const timers = [setTimeout(giveUp, RETURN_MS.most)]
    const stopListening = wpa.listen((member, [status, detail]) => {
      if (member === 'ScanDone') timers.push(setTimeout(() => isIdle() && giveUp(), RETURN_MS.afterScan))
      // Why is for a join to find out.
      if (member === 'EAP' && status === 'completion' && detail === 'failure') giveUp()
      if (isThere()) look()
    }, giveUp)
    const stopFollowing = netdevs.onChange(look)
    look()
    return () => {
      for (const timer of timers) clearTimeout(timer)
      stopListening()
      stopFollowing()
    }
  })
}

/** In these wpa_supplicant is not on its way to a BSS. */
const IDLE_STATES: ReadonlySet<string> = new Set(['disconnected', 'inactive', 'scanning', 'interface_disabled'])

function untilLost(wpa: WpaInterface, netdevs: Netdevs, link: Link, signal: AbortSignal): Promise<Failure> {
  return until(signal, (settle, fail) => {
    const check = (): void => {
      if (netdevs.broken() === null && netdevs.addresses(link.interfaceName, 0).length === 0) settle(lost('the address is gone'))
      netdevs.find(link.interfaceName).then((netdev) => {
        if (netdev === null) settle({ code: 'ERR_WIFI_NO_RADIO', detail: `${link.interfaceName} is gone`, retryAfterMs: 0 })
        else if (!netdev.hasCarrier) settle(lost(`${link.interfaceName} has no carrier`))
      }, fail)
    }
    const stopListening = listenForLoss(wpa, settle)
    const stopFollowing = netdevs.onChange(check)
    check()
    if (wpa.failure() === null) wpa.property('State', signal).then((state) => lossIn(state, settle), fail)
    return () => {
      stopListening()
      stopFollowing()
    }
  })
}

/** Tells of the end of an association; not of one that is over already. */
export function listenForLoss(wpa: WpaInterface, onLoss: (failure: Failure) => void): () => void {
  return wpa.listen((member, body) => {
    if (member === 'PropertiesChanged') lossIn(stateIn(body), onLoss)
  }, onLoss)
}

function lossIn(state: unknown, onLoss: (failure: Failure) => void): void {
  if (typeof state === 'string' && !LINK_STATES.has(state)) onLoss(lost(`wpa_supplicant is ${state}`))
}

const lost = (why: string): Failure => ({ code: 'ERR_WIFI_LINK_LOST', detail: `the link was lost: ${why}`, retryAfterMs: 0 })
