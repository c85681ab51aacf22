import { describe, expect, it } from 'vitest'
import { deriveHotspotPassword } from '../../agent/contract/derivation.ts'
import { formatInnerIdentity } from '../../agent/contract/names.ts'
import { type Credential, isCertificate, type PermanentKind } from '../../agent/credential/credential.ts'
import type { HotspotProfile } from '../../agent/credential/hotspot.ts'
import { createExecutors, deadlinesOf } from '../../agent/execute.ts'
import type { Log } from '../../agent/log.ts'
import type { Clock, SystemClock } from '../../agent/ports.ts'
import { run } from '../../agent/run.ts'
import { FakeCable } from '../fakes/cable.ts'
import { FakeClock } from '../fakes/clock.ts'
import { FakeCloud } from '../fakes/cloud.ts'
import { FakeHints } from '../fakes/hints.ts'
import { FakeLoginPages } from '../fakes/login-pages.ts'
import { createFakeServiceManager } from '../fakes/service-manager.ts'
import { FakeDisk, FakeStore } from '../fakes/store.ts'
import { FakeAir, FakeSupplicant } from '../fakes/supplicant.ts'
import { bssAt, hotspot, plainBssAt } from './lifecycle/samples.ts'

const identity = { account: 'acme', device: 'dev-1', realm: 'zipkey.test' }
const timers = {
  ...{ scanMs: 15_000, joinMs: 20_000, addressMs: 15_000, cloudCallMs: 10_000 },
  ...{ backoffBaseMs: 2_000, backoffCapMs: 300_000, actionsFastMs: 15_000, actionsMs: 300_000 },
}
const NOW_MS = Date.UTC(2026, 0, 1)

/** A device with its disk, in front of a hotspot whose AAA server knows whatever password the credential has. */
class Device {
  readonly clock = new FakeClock(NOW_MS)
  readonly cloud: FakeCloud
  readonly disk = new FakeDisk()
  readonly events: unknown[] = []
  readonly setTo: number[] = []
  readonly air: FakeAir
  permanentCredential: PermanentKind = 'secret'
  profiles: readonly HotspotProfile[] = [hotspot]
  readonly hints = new FakeHints()
  readonly pages = new FakeLoginPages()
  readonly cable = new FakeCable()
  promotions = 0
  #stop = new AbortController()
  #supplicant: FakeSupplicant

  /** How it joined since its last start. */
  get joinMethods(): readonly string[] {
    return this.#supplicant.joins.map(({ eap }) => eap?.method ?? 'none')
  }

  constructor(deviceClockMs = NOW_MS) {
    const { clock } = this
    const right: Clock = {
      nowMs: () => NOW_MS + clock.monotonicMs(),
      monotonicMs: () => clock.monotonicMs(),
      sleep: clock.sleep.bind(clock),
    }
    this.cloud = new FakeCloud(identity, right)
    this.clock.setWallClock(deviceClockMs)
    const { caPem, serverName } = hotspot.eap
    const certificates = { has: (fingerprint: string) => this.cloud.certificateOf(fingerprint) !== null }
    this.air = new FakeAir([bssAt(1)], { caPem, serverName, isExpired: false, users: this.#users(), certificates })
    this.#supplicant = new FakeSupplicant(this.air)
  }

  start(): Promise<unknown> {
    this.#stop = new AbortController()
    this.events.length = 0
    const systemClock: SystemClock = {
      set: async (timeMs) => {
        this.setTo.push(timeMs)
        this.clock.setWallClock(timeMs)
      },
    }
    this.#supplicant = new FakeSupplicant(this.air)
    const log = (fields: Readonly<Record<string, unknown>>): void => void this.events.push(fields.event)
    const executors = createExecutors({
      ...{
        identity,
        flashed: async () => ({ usable: [this.cloud.temporarySecret()], refusal: null }),
        permanentCredential: this.permanentCredential,
        supplicant: this.#supplicant,
        cloud: this.cloud.client(this.clock),
      },
      wiredNetworks: this.cable,
      loginPages: this.pages,
      knownHotspots: this.hints,
      hotspots: this.profiles,
      whenProfilesFail: () => {},
      ...{ store: new FakeStore(this.disk), clock: this.clock, systemClock, limits: timers, timers, random: () => 0.5, buildTimeMs: 0 },
      whenPromoted: () => {
        this.promotions += 1
      },
      whenFloorFails: () => {},
    })
    const service = createFakeServiceManager()
    const logger = { debug: () => {}, info: log, warn: log } as unknown as Log
    return run({ executors, deadlines: deadlinesOf(timers), clock: this.clock, log: logger, service, signal: this.#stop.signal })
  }

  /** Lets time pass in small steps, so that what is ready can happen in between. */
  async live(untilEvent: string, mostMs = 600_000): Promise<void> {
    for (let ms = 0; ms < mostMs && !this.events.includes(untilEvent); ms += 1_000) await this.clock.advance(1_000)
  }

  stop(): void {
    this.#stop.abort()
  }

  /** The AAA server asks the cloud, which knows every credential that it could have given. */
  #users(): ReadonlyMap<string, string> {
    const cloud = this.cloud
    const users = new Map<string, string>()
    users.get = (innerIdentity) => {
      const credentials: readonly (Credential | null)[] = [cloud.temporarySecret(), this.disk.pending, this.disk.current]
      const shown = credentials.find(
        (each) => each !== null && formatInnerIdentity({ ...identity, credentialId: each.id }) === innerIdentity,
      )
      return shown === undefined || shown === null || isCertificate(shown)
        ? undefined
        : deriveHotspotPassword(shown.secret.reveal(), identity, hotspot.eap.aaaDomain)
    }
    return users
  }
}

describe('the executors and the loop together', () => {
  it('take a fresh device to a promoted secret', async () => {
    const device = new Device()
    const ended = device.start()
    await device.live('promoted')
    expect(device.events).toEqual([
      'loaded',
      'scanned',
      'joined',
      'authenticated',
      'issued',
      'stored',
      'scanned',
      'joined',
      'authenticated',
      'promoted',
      'remembered',
    ])
    expect(device.disk.current?.id).toEqual({ kind: 'issued', secretId: expect.stringMatching(/^mk1-1-/) })
    expect(device.promotions).toBe(1)
    device.stop()
    await ended
  })

  it.each(['secret', 'certificate'] as const)(
    'ask for a %s where the config says so, and rotate from the one kind to the other',
    async (kind) => {
      const device = new Device()
      device.permanentCredential = kind
      const first = device.start()
      await device.live('promoted')
      const id = device.disk.current?.id
      expect(id?.kind).toBe(kind === 'certificate' ? 'certificate' : 'issued')
      expect(device.joinMethods).toEqual(['TTLS', kind === 'certificate' ? 'TLS' : 'TTLS'])
      device.stop()
      await first
      device.permanentCredential = kind === 'certificate' ? 'secret' : 'certificate'
      device.cloud.orderRotation('order-1')
      const second = device.start()
      await device.live('promoted')
      expect(device.disk.current?.id.kind).toBe(kind === 'certificate' ? 'issued' : 'certificate')
      device.stop()
      await second
    },
  )

  it('keep the key that a certificate was asked for with, through a lost answer and a restart', async () => {
    const device = new Device()
    device.permanentCredential = 'certificate'
    const first = device.start()
    await device.live('joined')
    device.cloud.befall({ kind: 'answer-lost' }, { kind: 'answer-lost' })
    await device.live('failed')
    device.stop()
    await first
    const again = device.start()
    await device.live('promoted')
    expect(device.disk.current).toMatchObject({ kind: 'certificate', privateKeyPem: device.disk.key })
    expect(device.cloud.events.filter(({ event }) => event === 'certificate-issued')).toHaveLength(1)
    device.stop()
    await again
  })

  it('ask for the time when the clock is before the floor, set it, raise the floor, and join again strictly', async () => {
    const device = new Device(0)
    device.disk.timeFloorMs = NOW_MS - 86_400_000
    const ended = device.start()
    await device.live('promoted')
    expect(device.setTo).toEqual([NOW_MS])
    expect(device.disk.timeFloorMs).toBe(NOW_MS)
    expect(device.events.slice(0, 6)).toEqual(['loaded', 'scanned', 'joined', 'time-known', 'scanned', 'joined'])
    device.stop()
    await ended
  })

  it('renew the token before it ends, without leaving steady', async () => {
    const device = new Device()
    const ended = device.start()
    await device.live('promoted')
    device.events.length = 0
    await device.live('authenticated', 900_000)
    expect(device.events).toEqual(['authenticated'])
    device.stop()
    await ended
  })

  it('rotate on an order, which is asked for often at first and seldom later', async () => {
    const device = new Device()
    const ended = device.start()
    await device.live('promoted')
    const first = device.disk.current?.id
    device.cloud.orderRotation('order-1')
    device.events.length = 0
    await device.live('ordered', 20_000)
    await device.live('promoted')
    expect(device.disk.current?.id).not.toEqual(first)
    device.stop()
    await ended
  })

  it('come back with the permanent secret after a restart', async () => {
    const device = new Device()
    const first = device.start()
    await device.live('promoted')
    device.stop()
    await first
    const again = device.start()
    await device.live('authenticated')
    expect(device.events).toEqual(['loaded', 'scanned', 'joined', 'authenticated'])
    device.stop()
    expect(await again).toMatchObject({ phase: 'steady', credential: { id: device.disk.current?.id } })
  })

  it('take hotspot profiles of the cloud, keep them, and join by them once they are needed', async () => {
    const device = new Device()
    const added = { ...plainBssAt(7), hotspot: { ...plainBssAt(7).hotspot, ssid: Buffer.from('Added') } }
    device.cloud.setProfiles(5, [
      { security: 'sae', ssid: added.hotspot.ssid, hidden: false, frequenciesMhz: [], login: null, passphrase: device.air.passphrase },
    ])
    const ended = device.start()
    await device.live('profiles-renewed')
    expect(device.disk.profiles).toMatchObject({ version: 5, hotspots: [{ security: 'sae' }] })
    device.stop()
    await ended
    device.air.change({ inRange: [added] })
    const again = device.start()
    await device.live('authenticated')
    device.stop()
    expect(await again).toMatchObject({ phase: 'steady', hold: { link: { bss: { bssid: added.bssid, preference: 1 }, eap: null } } })
  })

  it('stay steady when the profiles cannot be kept', async () => {
    const device = new Device()
    device.cloud.setProfiles(5, [])
    device.disk.failNext('keepCloudProfiles')
    const ended = device.start()
    await device.live('profiles-kept')
    device.stop()
    expect(await ended).toMatchObject({ phase: 'steady' })
    expect(device.disk.profiles.version).toBe(0)
  })

  it('leave a hotspot whose login page they cannot pass for the next one, and say so', async () => {
    const device = new Device()
    const paged = { ...plainBssAt(7), signalDbm: -20 }
    device.pages.behindPage.add(paged.bssid)
    device.air.change({ inRange: [paged, { ...plainBssAt(8), signalDbm: -70 }] })
    device.air.passphrase = 'a passphrase'
    device.profiles = [paged.hotspot]
    const ended = device.start()
    await device.live('promoted')
    device.stop()
    expect(await ended).toMatchObject({ phase: 'steady', hold: { link: { bss: { bssid: plainBssAt(8).bssid } } } })
    expect(device.events.slice(0, 4)).toEqual(['loaded', 'scanned', 'failed', 'joined'])
  })

  it('need no hotspot while a cable leads to the cloud, and take one when it is pulled', async () => {
    const device = new Device()
    device.cable.plug()
    const ended = device.start()
    await device.live('promoted')
    expect(device.events).toEqual(['loaded', 'joined', 'authenticated', 'issued', 'stored', 'authenticated', 'promoted'])
    device.events.length = 0
    device.cable.unplug()
    await device.live('remembered')
    expect(device.events.slice(0, 5)).toEqual(['link-lost', 'waited', 'scanned', 'joined', 'authenticated'])
    device.stop()
    expect(await ended).toMatchObject({ phase: 'steady', hold: { link: { bss: { bssid: bssAt(1).bssid } } } })
  })
})
