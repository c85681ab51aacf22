/** Noticing that a link is gone. */
import type { Failure } from '../failure.ts'
import type { Link } from '../ports.ts'
import type { Netdevs } from './netdevs.ts'
import { until } from './until.ts'
import { stateIn, type WpaInterface } from './wpa-interface.ts'

/** In these states there is a link, or a re-keying on one (the supplicant passes through them at each new group key and each EAP renewal). */
const LINK_STATES: ReadonlySet<string> = new Set(['associated', '4way_handshake', 'group_handshake', 'completed'])

/** Ends when the link is gone, or its address: at once where they already are. */
export function watchLink(wpa: WpaInterface, netdevs: Netdevs, link: Link, signal: AbortSignal): Promise<Failure> {
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
