import { describe, expect, it } from 'vitest'
import { type Subscription, subscriptionText } from '../../../agent/credential/hotspot.ts'
import { AgentError, type Failure } from '../../../agent/failure.ts'
import type { SignalListener, WpaInterface } from '../../../agent/wifi/wpa-interface.ts'
import { askForPasspoint } from '../../../agent/wifi/wpa-passpoint.ts'

const OURS: Subscription = { realm: 'zipkey.test', roamingConsortiums: [], homeDomain: 'op.test' }
const CONSORTIUM: Subscription = { realm: 'other.test', roamingConsortiums: ['5a03ba', '5a03ba0000'], homeDomain: null }

const GONE: Failure = { code: 'ERR_WIFI_SUPPLICANT', detail: 'gone', retryAfterMs: 0 }

/** A wpa_supplicant around which these BSSs take the realms that are named. */
class Air {
  /** What is in it now. */
  readonly credentials = new Map<string, Readonly<Record<string, { readonly value: unknown }>>>()
  selections = 0
  /** What it was asked with. */
  readonly asked: Readonly<Record<string, unknown>>[] = []
  readonly #takes: Readonly<Record<string, readonly string[]>>
  readonly #listeners = new Set<SignalListener>()

  constructor(takes: Readonly<Record<string, readonly string[]>>) {
    this.#takes = takes
  }

  /** `select` says what happens in place of an answer. */
  wpa(select: () => void = () => this.#answer(), unknown: readonly string[] = []): WpaInterface {
    const call = async (member: string, _: string, [argument]: readonly unknown[]): Promise<readonly unknown[]> => {
      if (unknown.includes(member))
        throw new AgentError('ERR_WIFI_SUPPLICANT', `wpa_supplicant refused ${member} (org.freedesktop.DBus.Error.UnknownMethod)`)
      if (member === 'AddCred') return [this.#add(argument as Readonly<Record<string, { readonly value: unknown }>>)]
      if (member === 'RemoveCred') this.credentials.delete(String(argument))
      if (member === 'InterworkingSelect') {
        this.selections++
        setImmediate(select)
      }
      return []
    }
    const listen = (listener: SignalListener) => {
      this.#listeners.add(listener)
      return () => this.#listeners.delete(listener)
    }
    return { call, listen, failure: () => null } as unknown as WpaInterface
  }

  #add(credential: Readonly<Record<string, { readonly value: unknown }>>): string {
    const path = `/credential/${this.asked.length}`
    this.credentials.set(path, credential)
    this.asked.push(Object.fromEntries(Object.entries(credential).map(([key, { value }]) => [key, value])))
    return path
  }

  #answer(): void {
    const tell: SignalListener = (member, body) => {
      for (const listener of [...this.#listeners]) listener(member, body)
    }
    for (const [path, { realm }] of this.credentials)
      for (const [bss, realms] of Object.entries(this.#takes))
        if (realms.includes(String(realm?.value).toLowerCase()))
          tell('InterworkingAPAdded', [bss, path, { type: bss.startsWith('/far') ? 'roaming' : 'home' }])
    tell('InterworkingAPAdded', ['/bss/of-another-program', '/credential/foreign', { type: 'home' }])
    tell('InterworkingSelectDone', [])
  }
}

const ask = async (wpa: WpaInterface, subscriptions: readonly Subscription[], withinMs = 5_000) => {
  const failures: string[] = []
  const limits = { withinMs, whenItFails: ({ message }: AgentError) => failures.push(message) }
  return { ...(await askForPasspoint(wpa, subscriptions, limits, new AbortController().signal)), failures }
}

describe('asking hotspots what they are', () => {
  it('gives every subscription that a BSS takes, and asks for each once', async () => {
    const air = new Air({ '/near': ['zipkey.test', 'other.test'], '/far': ['zipkey.test'], '/strange': ['shop.test'] })
    const { byBss, scannedSinceMs } = await ask(air.wpa(), [OURS, CONSORTIUM, { ...OURS, realm: 'ZIPKEY.test' }])
    const [ours, theirs] = [OURS, CONSORTIUM].map(subscriptionText)
    expect(Object.fromEntries(byBss)).toEqual({
      '/near': [
        { subscription: ours, isVisited: false },
        { subscription: theirs, isVisited: false },
      ],
      '/far': [{ subscription: ours, isVisited: true }],
    })
    expect(scannedSinceMs).not.toBeNull()
    expect(air.selections).toBe(2)
    expect(air.credentials.size).toBe(0)
  })

  it('shows nothing of what the device proves itself by', async () => {
    const air = new Air({})
    await ask(air.wpa(), [OURS, CONSORTIUM])
    const dummies = { username: '-', password: '-', private_key: '-', eap: 'TTLS' }
    expect(air.asked).toEqual([
      { ...dummies, realm: 'zipkey.test', domain: 'op.test' },
      { ...dummies, realm: 'other.test', roaming_consortiums: '5a03ba,5a03ba0000' },
    ])
  })

  it('asks nobody where no profile is for Passpoint', async () => {
    const air = new Air({ '/near': ['zipkey.test'] })
    expect(await ask(air.wpa(), [])).toMatchObject({ scannedSinceMs: null })
    expect(air.selections).toBe(0)
  })

  it.each(['AddCred', 'InterworkingSelect'])(
    'finds none, says so and keeps no other from being found where %s is refused',
    async (method) => {
      const air = new Air({ '/near': ['zipkey.test'] })
      const { byBss, scannedSinceMs, failures } = await ask(air.wpa(undefined, [method]), [OURS])
      expect([byBss.size, scannedSinceMs, air.credentials.size]).toEqual([0, null, 0])
      expect(failures).toEqual([expect.stringContaining(method)])
    },
  )

  it('fails with wpa_supplicant itself', async () => {
    const air = new Air({})
    await expect(ask({ ...air.wpa(undefined, ['AddCred']), failure: () => GONE }, [OURS])).rejects.toMatchObject({ code: GONE.code })
  })

  it('goes on with what it has where an answer never comes, and takes its credential back', async () => {
    const air = new Air({ '/near': ['zipkey.test'] })
    const silent = air.wpa(() => {})
    const { byBss, scannedSinceMs, failures } = await ask(silent, [OURS], 20)
    expect([byBss.size, scannedSinceMs, air.credentials.size]).toEqual([0, null, 0])
    expect(failures).toEqual([expect.stringContaining('in time')])
  })

  it('ends when the scan is no longer wanted', async () => {
    const wanted = new AbortController()
    const air = new Air({})
    const asking = askForPasspoint(
      air.wpa(() => wanted.abort(new Error('enough'))),
      [OURS],
      { withinMs: 5_000, whenItFails: () => {} },
      wanted.signal,
    )
    await expect(asking).rejects.toThrow('enough')
    expect(air.credentials.size).toBe(0)
  })
})
