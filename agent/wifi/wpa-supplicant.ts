/** The Supplicant port over wpa_supplicant's D-Bus API. Read on in wpa-session.ts, wpa-scan.ts, wpa-join.ts and wpa-link.ts. */
import type { EapProfile } from '../credential/eap-profile.ts'
import { type HotspotProfile, hotspotText } from '../credential/hotspot.ts'
import { AgentError, type Failure } from '../failure.ts'
import type { Log } from '../log.ts'
import type { Bss, Link, ScanOptions, Supplicant } from '../ports.ts'
import { waitForAddress } from './address.ts'
import type { Bus } from './dbus.ts'
import { OWN_NAMESPACE, openLinuxNetdevs } from './linux-netdevs.ts'
import { matches, type PlacedHotspot, type ScannedBss, wayIn } from './match.ts'
import type { Netdevs } from './netdevs.ts'
import type { BssSecurity } from './network-block.ts'
import { hasRadio, waitForRadio } from './radio-watch.ts'
import { type DhcpClient, startUdhcpc, type UdhcpcOptions, udhcpcBeside } from './udhcpc.ts'
import { neverAborted, until, withDeadline } from './until.ts'
import type { WpaInterface } from './wpa-interface.ts'
import { addNetwork, type OwnNetwork } from './wpa-join.ts'
import { listenForLoss, watchLink } from './wpa-link.ts'
import { scanForHotspots } from './wpa-scan.ts'
import { createWpaSession, type WpaSession } from './wpa-session.ts'

/** What the adapter needs. `netdevs` and `udhcpc` have the values of the agent's own machine unless given. */
export type WpaSupplicantOptions = {
  readonly bus: Bus
  readonly wifi: { readonly interface: string; readonly country: string | null; readonly address: 'system' | 'udhcpc' }
  readonly timers: { readonly joinMs: number; readonly addressMs: number; readonly scanMs: number }
  readonly log: Log
  /** Called while a join waits for the hotspot, for work that has to be done before what follows a join. */
  readonly whileJoining?: () => void
  readonly netdevs?: Netdevs
  readonly udhcpc?: UdhcpcOptions
}

/** The destination of EAPOL frames on a wire (IEEE 802.1X-2020 §11.1.1): the nearest there is to a BSSID. */
const PAE_GROUP_ADDRESS = '01:80:c2:00:00:03'

/** A wired port offers what the profile says; there is no beacon to ask. */
const WIRED_SECURITY: BssSecurity = { keyManagement: [], managementFrames: 'open' }

type Joined = { readonly network: OwnNetwork; readonly dhcp: DhcpClient | null }

/** Makes the adapter; nothing happens before the first call. */
export function createWpaSupplicant(options: WpaSupplicantOptions): Supplicant {
  return new WpaSupplicant(options)
}

class WpaSupplicant implements Supplicant {
  readonly #options: WpaSupplicantOptions
  readonly #netdevs: Netdevs
  readonly #session: WpaSession
  #scanned: { readonly atMs: number; readonly everywhere: boolean; readonly found: readonly ScannedBss[] } | null = null
  #joined: Joined | null = null
  #former: { readonly bssid: string; readonly address: string } | null = null
  #isRadioMissing = false
  #queue: Promise<unknown> = Promise.resolve()

  constructor(options: WpaSupplicantOptions) {
    this.#options = options
    this.#netdevs = options.netdevs ?? openLinuxNetdevs(OWN_NAMESPACE)
    this.#session = createWpaSession(options.bus, this.#netdevs, options.wifi, options.log)
  }

  scan({ profiles, maxAgeMs, everywhere }: ScanOptions, signal: AbortSignal): Promise<readonly Bss[]> {
    return this.#alone(signal, async () => {
      const wpa = await this.#open(signal)
      if (wpa.driver === 'wired') return this.#wiredPorts(wpa.interfaceName, profiles)
      const hotspots = radioHotspots(profiles)
      const known = this.#scanned
      const isFresh = known !== null && performance.now() - known.atMs <= maxAgeMs && (known.everywhere || !everywhere)
      if (isFresh) return matches(known.found, hotspots)
      const { timers, log } = this.#options
      const late = (): Error => new AgentError('ERR_WIFI_SUPPLICANT', `no finished scan within ${timers.scanMs} ms`)
      const whenItFails = ({ message }: AgentError): void =>
        log.warn({ detail: message }, 'not every Passpoint hotspot could be asked what it is')
      const task = { hotspots, everywhere, passpoint: { withinMs: timers.scanMs / 2, whenItFails } }
      const found = await withDeadline(signal, timers.scanMs, late, (inTime) => scanForHotspots(wpa, task, inTime))
      this.#scanned = { atMs: performance.now(), everywhere, found }
      return matches(found, hotspots)
    })
  }

  join(bss: Bss, eap: EapProfile | null, signal: AbortSignal): Promise<Link> {
    return this.#alone(signal, async () => {
      const wpa = await this.#open(signal)
      const security = this.#securityOf(bss)
      const leaving = this.#leave()
      const network = await addNetwork(wpa, bss, security, eap)
      let dhcp: DhcpClient | null = null
      try {
        await Promise.all([leaving, this.#netdevs.follow()])
        const mark = this.#netdevs.now()
        const selecting = this.#select(network, bss, signal)
        this.#options.whileJoining?.()
        const proof = (await selecting).eap
        if (this.#options.wifi.address === 'udhcpc') dhcp = this.#startDhcp(wpa.interfaceName)
        const address = await this.#waitForAddress(wpa, bss, mark, dhcp, signal)
        this.#joined = { network, dhcp }
        this.#former = { bssid: bss.bssid, address }
        const shown = proof === null || eap === null ? null : { ...proof, datesChecked: eap.checkDates }
        return { bss, interfaceName: wpa.interfaceName, address, captiveApi: dhcp?.captiveApi() ?? null, eap: shown }
      } catch (error) {
        // Without this wpa_supplicant would go on trying by itself, with a credential that was just refused.
        await Promise.allSettled([network.remove(), dhcp?.stop()])
        throw error
      }
    })
  }

  async linkLost(link: Link, signal: AbortSignal): Promise<Failure> {
    const wpa = this.#session.current()
    if (wpa === null || this.#joined === null) return { code: 'ERR_WIFI_LINK_LOST', detail: 'there is no link any more', retryAfterMs: 0 }
    const { log } = this.#options
    const onReturn = (awayMs: number): void =>
      log.info({ event: 'link-returned', awayMs: Math.round(awayMs) }, 'the link was lost, and came back by itself')
    return watchLink(wpa, this.#netdevs, link, onReturn, signal)
  }

  radioAppeared(signal: AbortSignal): Promise<void> {
    const wasTaken = this.#session.current()?.failure()?.code === 'ERR_WIFI_NO_RADIO'
    return waitForRadio(this.#netdevs, this.#options.wifi.interface, wasTaken || this.#isRadioMissing, signal)
  }

  leave(): Promise<void> {
    return this.#alone(neverAborted(), () => this.#leave())
  }

  close(): Promise<void> {
    return this.#alone(neverAborted(), async () => {
      await Promise.allSettled([this.#leave()])
      await Promise.allSettled([this.#session.close()])
      this.#netdevs.close()
    })
  }

  /** One at a time: a join that was aborted finishes its clearing up before the next thing begins. */
  #alone<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const turn = this.#queue.then(() => {
      signal.throwIfAborted()
      return work()
    })
    this.#queue = turn.catch(() => {})
    return turn
  }

  async #open(signal: AbortSignal): Promise<WpaInterface> {
    const former = this.#session.current()
    try {
      const wpa = await this.#session.open(signal)
      if (wpa !== former) {
        this.#scanned = null
        await this.#leave()
      }
      this.#isRadioMissing = false
      return wpa
    } catch (error) {
      this.#isRadioMissing = !(await hasRadio(this.#netdevs, this.#options.wifi.interface))
      throw error
    }
  }

  async #leave(): Promise<void> {
    const last = this.#joined
    this.#joined = null
    await Promise.allSettled([last?.network.remove(), last?.dhcp?.stop()])
  }

  async #wiredPorts(interfaceName: string, profiles: readonly HotspotProfile[]): Promise<readonly Bss[]> {
    if ((await this.#netdevs.find(interfaceName))?.hasCarrier !== true) return []
    const port = { bssid: PAE_GROUP_ADDRESS, frequencyMhz: 0, signalDbm: 0, managementFrames: 'open', passpoint: null } as const
    return profiles.flatMap((hotspot, preference) => (hotspot.security === 'wired-eap' ? [{ ...port, hotspot, preference }] : []))
  }

  #securityOf({ bssid, hotspot }: Bss): BssSecurity {
    if (hotspot.security === 'wired-eap') return WIRED_SECURITY
    const heard = this.#scanned?.found.filter((found) => found.bssid === bssid) ?? []
    const way = heard.map((found) => wayIn(found, hotspot)).find((each) => each !== null)
    if (way === undefined) throw new AgentError('ERR_WIFI_NO_HOTSPOT', `${bssid} was not in the last scan`)
    return way
  }

  #select(network: OwnNetwork, bss: Bss, signal: AbortSignal): ReturnType<OwnNetwork['select']> {
    const { joinMs } = this.#options.timers
    const late = (): Error => new AgentError('ERR_WIFI_JOIN_TIMEOUT', `${hotspotText(bss.hotspot)} did not finish the join in ${joinMs} ms`)
    return withDeadline(signal, joinMs, late, (inTime) => network.select(inTime))
  }

  #startDhcp(interfaceName: string): DhcpClient {
    return startUdhcpc(this.#options.udhcpc ?? udhcpcBeside(process.argv[1] ?? ''), interfaceName, this.#options.log)
  }

  #waitForAddress(wpa: WpaInterface, bss: Bss, mark: number, dhcp: DhcpClient | null, signal: AbortSignal): Promise<string> {
    const { addressMs } = this.#options.timers
    const { interfaceName } = wpa
    const late = (): Error => new AgentError('ERR_WIFI_NO_ADDRESS', `no address on ${interfaceName} within ${addressMs} ms`)
    const kept = this.#former?.bssid === bss.bssid ? this.#former.address : null
    return withDeadline(signal, addressMs, late, (inTime) => {
      const waiting = [waitForAddress(this.#netdevs, { interfaceName, mark, kept }, inTime), rejectOnLoss(wpa, inTime)]
      if (dhcp !== null) waiting.push(dhcp.ended.then((why) => Promise.reject(new AgentError('ERR_WIFI_NO_ADDRESS', why))))
      return Promise.race(waiting)
    })
  }
}

const radioHotspots = (profiles: readonly HotspotProfile[]): readonly PlacedHotspot[] =>
  profiles.flatMap((hotspot, preference) => (hotspot.security === 'wired-eap' ? [] : [{ hotspot, preference }]))

const rejectOnLoss = (wpa: WpaInterface, signal: AbortSignal): Promise<never> =>
  until(signal, (_, fail) => listenForLoss(wpa, ({ code, detail }) => fail(new AgentError(code, detail))))
