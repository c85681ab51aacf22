import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { Failure } from '../../../agent/failure.ts'
import type { Link } from '../../../agent/ports.ts'
import type { Driver, Netdevs } from '../../../agent/wifi/netdevs.ts'
import type { InterfaceSignal, SignalListener, WpaInterface } from '../../../agent/wifi/wpa-interface.ts'
import { watchLink } from '../../../agent/wifi/wpa-link.ts'
import { bssAt, linkOn, plainBssAt } from '../lifecycle/samples.ts'

const LOST = { code: 'ERR_WIFI_LINK_LOST' }

/** A radio that has a link, with a wpa_supplicant that says what a test has it say. */
class Radio {
  isPlugged = true
  hasAddress = true
  hasCarrier = true
  readonly returned: number[] = []
  readonly #driver: Driver
  readonly #listeners = new Set<SignalListener>()
  readonly #goneListeners = new Set<(failure: Failure) => void>()
  readonly #changeListeners = new Set<() => void>()
  #state = 'completed'

  constructor(driver: Driver = 'nl80211') {
    this.#driver = driver
  }

  watch(link: Link): Promise<Failure> {
    return watchLink(this.#wpa(), this.#netdevs(), link, (awayMs) => this.returned.push(awayMs), new AbortController().signal)
  }

  tell(member: InterfaceSignal, ...body: readonly unknown[]): void {
    for (const listener of [...this.#listeners]) listener(member, body)
  }

  enter(state: string): void {
    this.#state = state
    this.tell('PropertiesChanged', { State: state })
  }

  /** Carrier and address go and come together, as networkd has it. */
  hasNetwork(has: boolean): void {
    this.hasAddress = has
    this.hasCarrier = has
    for (const listener of [...this.#changeListeners]) listener()
  }

  leaveBus(): void {
    for (const onGone of [...this.#goneListeners]) onGone({ code: 'ERR_WIFI_SUPPLICANT', detail: 'gone', retryAfterMs: 0 })
  }

  #wpa(): WpaInterface {
    const listen = (listener: SignalListener, onGone: (failure: Failure) => void) => {
      this.#listeners.add(listener)
      this.#goneListeners.add(onGone)
      return () => {
        this.#listeners.delete(listener)
        this.#goneListeners.delete(onGone)
      }
    }
    const state = () => this.#state
    return { driver: this.#driver, failure: () => null, state, property: async () => this.#state, listen } as unknown as WpaInterface
  }

  #netdevs(): Netdevs {
    const onChange = (listener: () => void) => {
      this.#changeListeners.add(listener)
      return () => this.#changeListeners.delete(listener)
    }
    const addresses = () => (this.hasAddress ? [{ address: '10.0.0.2', isFresh: true }] : [])
    const find = async () => (this.isPlugged ? { driver: this.#driver, index: 1, hasCarrier: this.hasCarrier } : null)
    return { find, addresses, onChange, broken: () => null } as unknown as Netdevs
  }
}

/** Has an access point throw the station out. */
function throwOut(radio: Radio): void {
  radio.hasNetwork(false)
  radio.enter('disconnected')
}

const isPending = async (watching: Promise<Failure>): Promise<boolean> => (await Promise.race([watching, sleep(50)])) === undefined

describe('a link', () => {
  it('that wpa_supplicant brings back by itself was not lost', async () => {
    const radio = new Radio()
    const watching = radio.watch(linkOn(bssAt(1)))
    for (let round = 1; round <= 2; round++) {
      throwOut(radio)
      await sleep(1)
      radio.enter('scanning')
      radio.tell('ScanDone', true)
      for (const state of ['authenticating', 'associating', 'associated', '4way_handshake', 'completed']) radio.enter(state)
      expect(await isPending(watching)).toBe(true)
      expect(radio.returned).toHaveLength(round - 1)
      radio.hasNetwork(true)
      await expect.poll(() => radio.returned.length).toBe(round)
    }
    expect(await isPending(watching)).toBe(true)
  })

  it('is lost where wpa_supplicant has looked for the access point in vain', async () => {
    const radio = new Radio()
    const watching = radio.watch(linkOn(bssAt(1)))
    throwOut(radio)
    await sleep(1)
    radio.enter('scanning')
    expect(await isPending(watching)).toBe(true)
    radio.tell('ScanDone', true)
    expect(await watching).toMatchObject(LOST)
    expect(radio.returned).toEqual([])
  })

  it('is lost where the credential is refused on the way back', async () => {
    const radio = new Radio()
    const watching = radio.watch(linkOn(bssAt(1)))
    throwOut(radio)
    await sleep(1)
    radio.enter('associated')
    radio.tell('EAP', 'completion', 'failure')
    expect(await watching).toMatchObject(LOST)
  })

  it.each<[string, Radio, Link]>([
    ['to a plain hotspot, which may have a login page now', new Radio(), linkOn(plainBssAt(1))],
    ['over a cable', new Radio('wired'), linkOn(bssAt(1))],
  ])('%s is lost at once', async (_, radio, link) => {
    const watching = radio.watch(link)
    throwOut(radio)
    expect(await watching).toMatchObject(LOST)
  })

  it('is lost with the radio', async () => {
    const radio = new Radio()
    const watching = radio.watch(linkOn(bssAt(1)))
    throwOut(radio)
    await sleep(1)
    radio.isPlugged = false
    radio.hasNetwork(false)
    expect(await watching).toMatchObject(LOST)
  })

  it('is lost with wpa_supplicant, also on the way back', async () => {
    const radio = new Radio()
    const watching = radio.watch(linkOn(bssAt(1)))
    throwOut(radio)
    await sleep(1)
    radio.leaveBus()
    expect(await watching).toMatchObject(LOST)
    const present = new Radio()
    const other = present.watch(linkOn(bssAt(1)))
    present.leaveBus()
    expect(await other).toMatchObject({ code: 'ERR_WIFI_SUPPLICANT' })
  })
})
