/** What every supplicant does, whichever is behind the port. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { EapProfile, PeapProfile, PwdProfile, TlsProfile, TtlsProfile } from '../../../agent/credential/eap-profile.ts'
import type { HotspotProfile } from '../../../agent/credential/hotspot.ts'
import { Secret } from '../../../agent/credential/secret.ts'
import type { FailureCode } from '../../../agent/failure.ts'
import type { Bss, Link, Supplicant } from '../../../agent/ports.ts'

/** A hotspot with one device in front of it. */
export type SupplicantWorld = {
  /** A new adapter, as after a start of the agent. */
  start(): Promise<Supplicant>
  /** What the hotspot's AAA server accepts: a password, a certificate. */
  readonly accepted: TtlsProfile
  readonly certified: TlsProfile
  /** A certificate that it does not know. */
  readonly unknown: TlsProfile
  readonly profiles: readonly HotspotProfile[]
  readonly evilCaPem: string
  /** Puts the world back in order. */
  reset(): Promise<void>
  silenceHotspot(): Promise<void>
  expireServer(): Promise<void>
  stopAddresses(): Promise<void>
  dropLink(): Promise<void>
  stopSupplicant(): Promise<void>
  startSupplicant(): Promise<void>
  unplugRadio(): Promise<void>
  plugRadio(): Promise<void>
  /** How many networks the supplicant holds. */
  networks(): Promise<number>
  close(): Promise<void>
}

const never = (): AbortSignal => new AbortController().signal

/** Runs the suite. */
export function describeSupplicant(name: string, openWorld: () => Promise<SupplicantWorld>): void {
  describe(name, () => {
    let world: SupplicantWorld
    let supplicant: Supplicant

    beforeAll(async () => {
      world = await openWorld()
    })
    afterAll(() => world.close())
    beforeEach(async () => {
      await world.reset()
      supplicant = await world.start()
    })
    afterEach(() => supplicant.close())

    const firstBss = async (): Promise<Bss> => {
      const [bss] = await supplicant.scan({ profiles: world.profiles, maxAgeMs: 0, everywhere: false }, never())
      if (bss === undefined) throw new Error('the scan found nothing')
      return bss
    }
    const joinBy = async (eap: EapProfile): Promise<Link> => supplicant.join(await firstBss(), eap, never())
    const join = (changes: Partial<TtlsProfile> = {}): Promise<Link> => joinBy({ ...world.accepted, ...changes })
    const failure = async (work: Promise<unknown>): Promise<FailureCode> => {
      const error: unknown = await work.then(
        () => new Error('it did not fail'),
        (thrown: unknown) => thrown,
      )
      if (error instanceof Error && 'code' in error) return error.code as FailureCode
      throw error
    }

    it.each(['PAP', 'MSCHAPV2'] as const)('joins with %s and gives a link with address and proof', async (inner) => {
      const link = await join({ inner })
      expect(link.eap).toEqual({ method: 'EAP-TTLS', serverSubject: `/CN=${world.accepted.serverName}`, datesChecked: true })
      expect(link.address).toMatch(/^[0-9a-f.:]+$/)
      expect(await world.networks()).toBe(1)
    })

    it.each<[string, FailureCode, () => Partial<TtlsProfile>]>([
      ['a wrong password', 'ERR_WIFI_EAP_REJECTED', () => ({ password: new Secret('wrong') })],
      ['an unknown identity', 'ERR_WIFI_EAP_REJECTED', () => ({ innerIdentity: 'nobody@acme.zipkey.test' })],
      ['another CA', 'ERR_WIFI_SERVER_CA', () => ({ caPem: world.evilCaPem })],
      ['another server name', 'ERR_WIFI_SERVER_NAME', () => ({ serverName: 'other.zipkey.test' })],
      ['a name that only ends like the right one', 'ERR_WIFI_SERVER_NAME', () => ({ serverName: world.accepted.serverName.slice(1) })],
    ])('tells %s as %s, holds no network after it, and joins at the next try', async (_, code, changes) => {
      expect(await failure(join(changes()))).toBe(code)
      expect(await world.networks()).toBe(0)
      await join()
    })

    it('joins by PEAP, whose server is checked like any other', async () => {
      const { inner: _, ...tunnel } = world.accepted
      const peap: PeapProfile = { ...tunnel, method: 'PEAP' }
      const link = await joinBy(peap)
      expect(link.eap).toEqual({ method: 'EAP-PEAP', serverSubject: `/CN=${world.accepted.serverName}`, datesChecked: true })
      expect(await failure(joinBy({ ...peap, password: new Secret('wrong') }))).toBe('ERR_WIFI_EAP_REJECTED')
      expect(await failure(joinBy({ ...peap, caPem: world.evilCaPem }))).toBe('ERR_WIFI_SERVER_CA')
      expect(await world.networks()).toBe(0)
    })

    it('joins by EAP-PWD, where a wrong password is no refusal, since nobody has proved anything to anybody', async () => {
      const { innerIdentity, password } = world.accepted
      const pwd: PwdProfile = { method: 'PWD', innerIdentity, password, checkDates: true }
      expect(await failure(joinBy({ ...pwd, password: new Secret('wrong') }))).toBe('ERR_WIFI_JOIN_TIMEOUT')
      expect(await world.networks()).toBe(0)
      expect((await joinBy(pwd)).eap).toEqual({ method: 'EAP-PWD', serverSubject: '', datesChecked: true })
    })

    it('joins with a certificate, with a password after it, and with the certificate again', async () => {
      const proof = { serverSubject: `/CN=${world.accepted.serverName}`, datesChecked: true }
      for (let round = 1; round <= 2; round++) {
        const link = await joinBy(world.certified)
        expect(link.eap).toEqual({ method: 'EAP-TLS', ...proof })
        expect(link.address).toMatch(/^[0-9a-f.:]+$/)
        expect(await world.networks()).toBe(1)
        expect((await join()).eap).toEqual({ method: 'EAP-TTLS', ...proof })
      }
    })

    it.each<[string, FailureCode, () => TlsProfile]>([
      ['a certificate that is not known', 'ERR_WIFI_EAP_REJECTED', () => world.unknown],
      ['another CA', 'ERR_WIFI_SERVER_CA', () => ({ ...world.certified, caPem: world.evilCaPem })],
      ['another server name', 'ERR_WIFI_SERVER_NAME', () => ({ ...world.certified, serverName: 'other.zipkey.test' })],
    ])('with a certificate tells %s as %s, holds no network after it, and joins at the next try', async (_, code, eap) => {
      expect(await failure(joinBy(eap()))).toBe(code)
      expect(await world.networks()).toBe(0)
      await joinBy(world.certified)
    })

    it('with a certificate checks everything but dates when dates are not checked', async () => {
      await world.expireServer()
      expect(await failure(joinBy(world.certified))).toBe('ERR_WIFI_SERVER_DATES')
      const undated = { ...world.certified, checkDates: false }
      expect((await joinBy(undated)).eap?.datesChecked).toBe(false)
      expect(await failure(joinBy({ ...undated, caPem: world.evilCaPem }))).toBe('ERR_WIFI_SERVER_CA')
      expect(await failure(joinBy({ ...undated, serverName: 'other.zipkey.test' }))).toBe('ERR_WIFI_SERVER_NAME')
    })

    it('tells an expired server certificate, and joins it when dates are not checked', async () => {
      await world.expireServer()
      expect(await failure(join())).toBe('ERR_WIFI_SERVER_DATES')
      const link = await join({ checkDates: false, inner: 'MSCHAPV2' })
      expect(link.eap?.datesChecked).toBe(false)
    })

    it('checks CA and name also when dates are not checked', async () => {
      await world.expireServer()
      expect(await failure(join({ checkDates: false, caPem: world.evilCaPem }))).toBe('ERR_WIFI_SERVER_CA')
      expect(await failure(join({ checkDates: false, serverName: 'other.zipkey.test' }))).toBe('ERR_WIFI_SERVER_NAME')
    })

    it('gives a silent hotspot up at the deadline of the join', async () => {
      await world.silenceHotspot()
      expect(await failure(join())).toBe('ERR_WIFI_JOIN_TIMEOUT')
      expect(await world.networks()).toBe(0)
    })

    it('tells a hotspot that gives no address', async () => {
      await world.stopAddresses()
      expect(await failure(join())).toBe('ERR_WIFI_NO_ADDRESS')
      expect(await world.networks()).toBe(0)
    })

    it.each([0, 20, 60, 120])('leaves nothing behind when it is aborted %i ms into a join', async (delayMs) => {
      await world.silenceHotspot()
      const abort = new AbortController()
      const joining = supplicant.join(await firstBss(), world.accepted, abort.signal)
      const reason = new Error('the state was left')
      setTimeout(() => abort.abort(reason), delayMs)
      await expect(joining).rejects.toBe(reason)
      expect(await world.networks()).toBe(0)
    })

    it('does nothing for a signal that is aborted already', async () => {
      const bss = await firstBss()
      const reason = new Error('too late')
      await expect(supplicant.join(bss, world.accepted, AbortSignal.abort(reason))).rejects.toBe(reason)
      await expect(supplicant.scan({ profiles: world.profiles, maxAgeMs: 0, everywhere: false }, AbortSignal.abort(reason))).rejects.toBe(
        reason,
      )
      expect(await world.networks()).toBe(0)
    })

    it('joins again while it is joined, with one network at a time', async () => {
      await join()
      await join({ inner: 'MSCHAPV2' })
      expect(await world.networks()).toBe(1)
    })

    it('notices a lost link, also one that was lost before it looked', async () => {
      const link = await join()
      const losing = supplicant.linkLost(link, never())
      const isOver = await Promise.race([losing.then(() => true), sleep(200, false)])
      expect(isOver).toBe(false)
      await world.dropLink()
      expect((await losing).code).toBe('ERR_WIFI_LINK_LOST')
      expect((await supplicant.linkLost(link, never())).code).toBe('ERR_WIFI_LINK_LOST')
    })

    it('stops watching the link when it is told to', async () => {
      const link = await join()
      const reason = new Error('the state was left')
      const abort = new AbortController()
      const losing = supplicant.linkLost(link, abort.signal)
      abort.abort(reason)
      await expect(losing).rejects.toBe(reason)
    })

    it('survives a restart of the supplicant', async () => {
      const link = await join()
      const losing = supplicant.linkLost(link, never())
      await world.stopSupplicant()
      expect((await losing).code).toBe('ERR_WIFI_SUPPLICANT')
      expect(await failure(supplicant.scan({ profiles: world.profiles, maxAgeMs: 0, everywhere: false }, never()))).toBe(
        'ERR_WIFI_SUPPLICANT',
      )
      await world.startSupplicant()
      await join()
      expect(await world.networks()).toBe(1)
    })

    it('tells when the supplicant dies in the middle of a join', async () => {
      await world.silenceHotspot()
      const joining = failure(join())
      await sleep(30)
      await world.stopSupplicant()
      expect(await joining).toBe('ERR_WIFI_SUPPLICANT')
    })

    it('survives a radio that is unplugged and comes back', async () => {
      const link = await join()
      const losing = supplicant.linkLost(link, never())
      await world.unplugRadio()
      expect(['ERR_WIFI_LINK_LOST', 'ERR_WIFI_NO_RADIO']).toContain((await losing).code)
      expect(await failure(supplicant.scan({ profiles: world.profiles, maxAgeMs: 0, everywhere: false }, never()))).toBe(
        'ERR_WIFI_NO_RADIO',
      )
      const appearing = supplicant.radioAppeared(never())
      expect(await Promise.race([appearing.then(() => true), sleep(200, false)])).toBe(false)
      await world.plugRadio()
      await appearing
      await join()
    })

    it('takes everything back when it is closed', async () => {
      await join()
      await supplicant.close()
      expect(await world.networks()).toBe(0)
    })
  })
}
