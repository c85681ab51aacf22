/** A supplicant in memory, in a world of hotspots that a test arranges; it passes the same suite as the real one. */
import type { EapProfile } from '../../agent/credential/eap-profile.ts'
import { type HotspotProfile, subscriptionText } from '../../agent/credential/hotspot.ts'
import { AgentError, type Failure, type FailureCode } from '../../agent/failure.ts'
import type { Bss, Link, ScanOptions, Supplicant } from '../../agent/ports.ts'

/** The AAA server behind the hotspots. */
export type FakeAaa = {
  readonly caPem: string
  readonly serverName: string
  readonly isExpired: boolean
  /** Inner identity → password. */
  readonly users: ReadonlyMap<string, string>
  /** Fingerprints. */
  readonly certificates: { has(fingerprint: string): boolean }
}

function isKnown({ users, certificates }: FakeAaa, eap: EapProfile): boolean {
  switch (eap.method) {
    case 'TTLS':
    case 'PEAP':
    case 'PWD':
      return users.get(eap.innerIdentity) === eap.password.reveal()
    case 'TLS':
      return certificates.has(eap.fingerprint)
  }
}

/** How long the fake waits before it gives a silent hotspot, or one without addresses, up. */
export type FakeTimers = { readonly joinMs: number; readonly addressMs: number }

/** What is around the device; a test changes it with the methods. */
export class FakeAir {
  inRange: readonly Bss[]
  aaa: FakeAaa
  /** What hotspots with a passphrase take. */
  passphrase = 'the right passphrase'
  hasRadio = true
  isSupplicantRunning = true
  answersEap = true
  givesAddresses = true
  readonly #listeners = new Set<() => void>()

  constructor(inRange: readonly Bss[], aaa: FakeAaa) {
    this.inRange = inRange
    this.aaa = aaa
  }

  /** Changes the world, and lets every waiting call look again. */
  change(changes: Partial<Pick<FakeAir, 'inRange' | 'aaa' | 'hasRadio' | 'isSupplicantRunning' | 'answersEap' | 'givesAddresses'>>): void {
    Object.assign(this, changes)
    for (const listener of [...this.#listeners]) listener()
  }

  /** Waits until `look` finds something; rejects with the signal's reason. */
  until<T>(look: () => T | null, signal: AbortSignal, deadline: { readonly ms: number; readonly error: () => Error } | null): Promise<T> {
    return new Promise((resolve, reject) => {
      const end = (act: () => void): void => {
        this.#listeners.delete(check)
        signal.removeEventListener('abort', onAbort)
        clearTimeout(timer)
        act()
      }
      const check = (): void => {
        try {
          const found = look()
          if (found !== null) end(() => resolve(found))
        } catch (error) {
          end(() => reject(error))
        }
      }
      const onAbort = (): void => end(() => reject(signal.reason))
      const timer = deadline === null ? undefined : setTimeout(() => end(() => reject(deadline.error())), deadline.ms)
      this.#listeners.add(check)
      if (signal.aborted) return onAbort()
      signal.addEventListener('abort', onAbort)
      check()
    })
  }
}

/** The fake itself. */
export class FakeSupplicant implements Supplicant {
  /** Every join that was asked for, in order. */
  readonly joins: { readonly bssid: string; readonly eap: EapProfile | null }[] = []
  /** The networks that a real wpa_supplicant would hold. */
  networks = 0
  readonly #air: FakeAir
  readonly #timers: FakeTimers
  #linked: Bss | null = null

  constructor(air: FakeAir, timers: FakeTimers = { joinMs: 50, addressMs: 50 }) {
    this.#air = air
    this.#timers = timers
  }

  /** A BSS that has the SSID and kind of a profile that is asked for, is found by that profile. */
  async scan({ profiles }: ScanOptions, signal: AbortSignal): Promise<readonly Bss[]> {
    signal.throwIfAborted()
    this.#checkUsable()
    const found = this.#air.inRange.flatMap((bss) =>
      profiles.flatMap((hotspot, preference) => (isFoundBy(bss, hotspot) ? [{ ...bss, hotspot, preference }] : [])),
    )
    return found.toSorted((a, b) => b.signalDbm - a.signalDbm)
  }

  async join(bss: Bss, eap: EapProfile | null, signal: AbortSignal): Promise<Link> {
    signal.throwIfAborted()
    this.#checkUsable()
    this.joins.push({ bssid: bss.bssid, eap })
    this.#linked = null
    this.networks = 1
    try {
      await this.#waitFor(() => this.#air.answersEap, this.#timers.joinMs, 'ERR_WIFI_JOIN_TIMEOUT', signal)
      if (!this.#air.inRange.some(({ bssid }) => bssid === bss.bssid)) throw failed('ERR_WIFI_NO_HOTSPOT')
      if (eap === null) this.#checkPassphrase(bss)
      else this.#checkCredential(eap)
      await this.#waitFor(() => this.#air.givesAddresses, this.#timers.addressMs, 'ERR_WIFI_NO_ADDRESS', signal)
      this.#linked = bss
      const proof = eap === null ? null : this.#proofOf(eap)
      return { bss, interfaceName: 'fake0', address: '192.0.2.7', captiveApi: null, eap: proof }
    } catch (error) {
      this.networks = 0
      throw error
    }
  }

  linkLost(_: Link, signal: AbortSignal): Promise<Failure> {
    return this.#air.until(() => this.#loss(), signal, null)
  }

  async radioAppeared(signal: AbortSignal): Promise<void> {
    let wasMissing = false
    await this.#air.until(
      () => {
        wasMissing ||= !this.#air.hasRadio
        return wasMissing && this.#air.hasRadio ? true : null
      },
      signal,
      null,
    )
  }

  async leave(): Promise<void> {
    this.#linked = null
    this.networks = 0
  }

  async close(): Promise<void> {
    this.#linked = null
    this.networks = 0
  }

  #checkUsable(): void {
    if (!this.#air.isSupplicantRunning) throw failed('ERR_WIFI_SUPPLICANT')
    if (!this.#air.hasRadio) throw failed('ERR_WIFI_NO_RADIO')
  }

  #proofOf({ method, checkDates }: EapProfile): NonNullable<Link['eap']> {
    const serverSubject = method === 'PWD' ? '' : `/CN=${this.#air.aaa.serverName}`
    return { method: `EAP-${method}`, serverSubject, datesChecked: checkDates }
  }

  #checkPassphrase({ hotspot }: Bss): void {
    const isWrong = 'passphrase' in hotspot && hotspot.passphrase.reveal() !== this.#air.passphrase
    if (isWrong) throw failed('ERR_WIFI_PASSPHRASE')
  }

  #checkCredential(eap: EapProfile): void {
    const { aaa } = this.#air
    if (eap.method === 'PWD') {
      // Nobody has proved anything when it fails, and wpa_supplicant says nothing then.
      if (!isKnown(aaa, eap)) throw failed('ERR_WIFI_JOIN_TIMEOUT')
      return
    }
    if (eap.caPem !== aaa.caPem) throw failed('ERR_WIFI_SERVER_CA')
    if (aaa.isExpired && eap.checkDates) throw failed('ERR_WIFI_SERVER_DATES')
    if (eap.serverName !== aaa.serverName) throw failed('ERR_WIFI_SERVER_NAME')
    if (!isKnown(aaa, eap)) throw failed('ERR_WIFI_EAP_REJECTED')
  }

  async #waitFor(isThere: () => boolean, ms: number, code: FailureCode, signal: AbortSignal): Promise<void> {
    const look = (): true | null => {
      this.#checkUsable()
      return isThere() ? true : null
    }
    await this.#air.until(look, signal, { ms, error: () => failed(code) })
  }

  #loss(): Failure | null {
    const linked = this.#linked
    if (!this.#air.isSupplicantRunning) return failed('ERR_WIFI_SUPPLICANT').failure
    const isThere = linked !== null && this.#air.hasRadio && this.#air.inRange.some(({ bssid }) => bssid === linked.bssid)
    return isThere && this.#air.givesAddresses ? null : failed('ERR_WIFI_LINK_LOST').failure
  }
}

function isFoundBy({ hotspot }: Bss, profile: HotspotProfile): boolean {
  const nameOf = (each: HotspotProfile): string => {
    if (each.security === 'passpoint') return subscriptionText(each)
    return 'ssid' in each ? Buffer.from(each.ssid).toString('hex') : ''
  }
  return hotspot.security === profile.security && nameOf(hotspot) === nameOf(profile)
}

const failed = (code: FailureCode): AgentError => new AgentError(code, 'as the test says')
