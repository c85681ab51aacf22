/** What every CloudClient does, the real one and the fake. */
import { describe, expect, test } from 'vitest'
import type { IssuedCredential } from '../../../agent/credential/credential.ts'
import type { CloudClient, CredentialAsk } from '../../../agent/ports.ts'
import type { FakeClock } from '../../fakes/clock.ts'
import type { FakeCloud } from '../../fakes/cloud.ts'
import { newDeviceKey } from '../../fakes/device-ca.ts'

/** A cloud, a client of it, and the device's clock that the client reads. */
export type CloudWorld = { readonly cloud: FakeCloud; readonly client: CloudClient; readonly deviceClock: FakeClock }

const secretBy = (number: number): CredentialAsk => ({ kind: 'secret', nonce: Buffer.alloc(32, number).toString('base64url') })

const keys = new Map<number, CredentialAsk>()
const certificateBy = (number: number): CredentialAsk => {
  const ask = keys.get(number) ?? { kind: 'certificate', privateKeyPem: newDeviceKey() }
  keys.set(number, ask)
  return ask
}

/** What proves a credential, to compare two by. */
const proofOf = (credential: IssuedCredential): string | Uint8Array =>
  credential.kind === 'certificate' ? credential.privateKeyPem.reveal() : credential.secret.reveal()
const never = (): AbortSignal => new AbortController().signal

async function enrol({ cloud, client }: CloudWorld) {
  const temporary = cloud.temporarySecret()
  return { temporary, token: await client.token(temporary, null, never()) }
}

/** Runs the suite over worlds in which the device has a temporary credential. */
export function cloudClientSuite(name: string, createWorld: () => Promise<CloudWorld>): void {
  describe(name, () => {
    test('trades the temporary credential for a token that is good for enrolling, stamped by the device’s clock', async () => {
      const world = await createWorld()
      const { token } = await enrol(world)
      expect(token).toMatchObject({ scope: 'enrol', expiresAtMs: world.deviceClock.nowMs() + 900_000 })
      expect(String(token.value)).toBe('[secret]')
    })

    test('is refused with a secret that is not the registered one, or an id that is not known', async () => {
      const { cloud, client } = await createWorld()
      const temporary = cloud.temporarySecret()
      const wrongId = { ...temporary, id: { kind: 'temporary', keyId: 'line-8' } } as const
      const wrongSecret = { ...wrongId, id: temporary.id, secret: (await enrolledSecret({ cloud, client })).secret }
      await expect(client.token(wrongId, null, never())).rejects.toMatchObject({ code: 'ERR_CLOUD_REFUSED' })
      await expect(client.token(wrongSecret, null, never())).rejects.toMatchObject({ code: 'ERR_CLOUD_REFUSED' })
    })

    describe.each([
      ['secret', secretBy],
      ['certificate', certificateBy],
    ] as const)('a permanent %s', (kind, ask) => {
      test('gets the same for the same nonce or key, also when the first answer was lost', async () => {
        const world = await createWorld()
        const { token } = await enrol(world)
        world.cloud.befall({ kind: 'answer-lost' })
        await expect(world.client.requestCredential({ token, ask: ask(1), orderId: null }, never())).rejects.toMatchObject({
          code: 'ERR_CLOUD_UNREACHABLE',
        })
        const first = await world.client.requestCredential({ token, ask: ask(1), orderId: null }, never())
        const again = await world.client.requestCredential({ token, ask: ask(1), orderId: null }, never())
        expect(again).toEqual(first)
        expect(proofOf(again)).toEqual(proofOf(first))
        expect(world.cloud.events.filter(({ event }) => event === `${kind}-issued`)).toHaveLength(1)
      })

      test('gets another for another nonce or key, and the superseded one is spent for ever', async () => {
        const world = await createWorld()
        const { token } = await enrol(world)
        const first = await world.client.requestCredential({ token, ask: ask(1), orderId: null }, never())
        const second = await world.client.requestCredential({ token, ask: ask(2), orderId: null }, never())
        expect(second.id).not.toEqual(first.id)
        await expect(world.client.requestCredential({ token, ask: ask(1), orderId: null }, never())).rejects.toMatchObject({
          code: 'ERR_CLOUD_NONCE_SPENT',
        })
        await expect(world.client.token(first, null, never())).rejects.toMatchObject({ code: 'ERR_CLOUD_REFUSED' })
      })

      test('makes what was issued current by the first token, and the temporary one is refused from then on', async () => {
        const world = await createWorld()
        const { temporary, token } = await enrol(world)
        const issued = await world.client.requestCredential({ token, ask: ask(1), orderId: null }, never())
        expect(world.cloud.events.map(({ event }) => event)).not.toContain('became-current')
        expect((await world.client.token(issued, null, never())).scope).toBe('device')
        expect(world.cloud.events.map(({ event }) => event)).toContain('became-current')
        await expect(world.client.token(temporary, null, never())).rejects.toMatchObject({ code: 'ERR_CLOUD_REFUSED' })
        await expect(world.client.requestCredential({ token, ask: ask(1), orderId: null }, never())).rejects.toMatchObject({
          code: 'ERR_CLOUD_REFUSED',
        })
        expect((await world.client.token(issued, null, never())).scope).toBe('device')
      })

      test('finds the order to rotate, and rotates by it once', async () => {
        const world = await createWorld()
        const { token } = await enrol(world)
        const first = await world.client.requestCredential({ token, ask: ask(1), orderId: null }, never())
        const deviceToken = await world.client.token(first, null, never())
        expect(await world.client.rotationOrder(deviceToken, never())).toBeNull()
        world.cloud.orderRotation('order-1')
        expect(await world.client.rotationOrder(deviceToken, never())).toBe('order-1')
        const rotate = { token: deviceToken, ask: ask(2), orderId: 'order-1' }
        const second = await world.client.requestCredential(rotate, never())
        expect(await world.client.requestCredential(rotate, never())).toEqual(second)
        expect((await world.client.token(first, null, never())).scope).toBe('device')
        const nextToken = await world.client.token(second, null, never())
        await expect(world.client.token(first, null, never())).rejects.toMatchObject({ code: 'ERR_CLOUD_REFUSED' })
        expect(await world.client.rotationOrder(nextToken, never())).toBeNull()
      })

      test('gets nothing without an order, and keeps its credential', async () => {
        const world = await createWorld()
        const { token } = await enrol(world)
        const first = await world.client.requestCredential({ token, ask: ask(1), orderId: null }, never())
        const deviceToken = await world.client.token(first, null, never())
        for (const orderId of [null, 'order-1']) {
          const asking = world.client.requestCredential({ token: deviceToken, ask: ask(2), orderId }, never())
          await expect(asking).rejects.toMatchObject({ code: 'ERR_CLOUD_ANSWER' })
        }
        expect((await world.client.token(first, null, never())).scope).toBe('device')
      })

      test('is given the later hotspot profiles of the cloud, with their passphrases', async () => {
        const world = await createWorld()
        const { token } = await enrol(world)
        const credential = await world.client.requestCredential({ token, ask: ask(1), orderId: null }, never())
        const deviceToken = await world.client.token(credential, null, never())
        const laterThan = (version: number) => world.client.hotspotProfiles({ token: deviceToken, credential, after: version }, never())
        expect(await laterThan(0)).toBeNull()
        const radio = { ssid: new Uint8Array(Buffer.from('ZipKey')), hidden: false, frequenciesMhz: [2412], login: null }
        world.cloud.setProfiles(3, [
          { ...radio, security: 'sae', passphrase: 'a passphrase' },
          { ...radio, security: 'open' },
        ])
        const profiles = await laterThan(2)
        expect(profiles).toMatchObject({ version: 3, hotspots: [{ security: 'sae', ssid: radio.ssid }, { security: 'open' }] })
        expect(profiles?.hotspots.map((each) => 'passphrase' in each && each.passphrase.reveal())).toEqual(['a passphrase', false])
        expect(await laterThan(3)).toBeNull()
      })

      test('is what was asked for', async () => {
        const world = await createWorld()
        const { token } = await enrol(world)
        const issued = await world.client.requestCredential({ token, ask: ask(1), orderId: null }, never())
        expect([issued.kind, issued.id.kind]).toEqual(kind === 'certificate' ? ['certificate', 'certificate'] : ['shared-secret', 'issued'])
      })

      test('may be followed by one of the other kind', async () => {
        const world = await createWorld()
        const { token } = await enrol(world)
        const first = await world.client.requestCredential({ token, ask: ask(1), orderId: null }, never())
        const deviceToken = await world.client.token(first, null, never())
        world.cloud.orderRotation('order-1')
        const other = kind === 'secret' ? certificateBy(8) : secretBy(8)
        const second = await world.client.requestCredential({ token: deviceToken, ask: other, orderId: 'order-1' }, never())
        expect(second.kind).not.toBe(first.kind)
        expect((await world.client.token(second, null, never())).scope).toBe('device')
        await expect(world.client.token(first, null, never())).rejects.toMatchObject({ code: 'ERR_CLOUD_REFUSED' })
      })
    })

    test('authenticates with a wrong clock by a challenge, which is good once', async () => {
      const world = await createWorld()
      const temporary = world.cloud.temporarySecret()
      world.deviceClock.setWallClock(Date.UTC(1970, 0, 1))
      await expect(world.client.token(temporary, null, never())).rejects.toMatchObject({ code: 'ERR_CLOUD_CLOCK' })
      const { timeMs, challenge } = await world.client.time(never())
      expect(timeMs).toBe(Math.floor(world.cloud.clock.nowMs() / 1000) * 1000)
      expect((await world.client.token(temporary, challenge, never())).scope).toBe('enrol')
      await expect(world.client.token(temporary, challenge, never())).rejects.toMatchObject({ code: 'ERR_CLOUD_CLOCK' })
    })

    test('is refused with a certificate whose key the device does not hold', async () => {
      const world = await createWorld()
      const { token } = await enrol(world)
      const issued = await world.client.requestCredential({ token, ask: certificateBy(7), orderId: null }, never())
      if (issued.kind !== 'certificate') throw new Error('a secret where a certificate was asked for')
      const stolen = { ...issued, privateKeyPem: newDeviceKey() }
      await expect(world.client.token(stolen, null, never())).rejects.toMatchObject({ code: 'ERR_CLOUD_REFUSED' })
      expect((await world.client.token(issued, null, never())).scope).toBe('device')
    })

    test.each([
      ['busy', { kind: 'problem', type: 'too-many-requests', retryAfterS: 7 }, { code: 'ERR_CLOUD_BUSY', retryAfterMs: 7000 }],
      ['away', { kind: 'problem', type: 'unavailable', retryAfterS: 0 }, { code: 'ERR_CLOUD_BUSY', retryAfterMs: 0 }],
      ['broken', { kind: 'problem', type: 'internal', retryAfterS: 0 }, { code: 'ERR_CLOUD_ANSWER' }],
      ['out of reach', { kind: 'unreachable' }, { code: 'ERR_CLOUD_UNREACHABLE' }],
    ] as const)('says that the cloud is %s, for every call, and works again afterwards', async (_, mishap, failure) => {
      const world = await createWorld()
      const { temporary, token } = await enrol(world)
      world.cloud.befall(mishap, mishap, mishap)
      await expect(world.client.time(never())).rejects.toMatchObject(failure)
      await expect(world.client.token(temporary, null, never())).rejects.toMatchObject(failure)
      await expect(world.client.requestCredential({ token, ask: secretBy(1), orderId: null }, never())).rejects.toMatchObject(failure)
      await world.client.requestCredential({ token, ask: secretBy(1), orderId: null }, never())
    })

    test('says that a token is not good any more, and that is no reason to try another credential', async () => {
      const world = await createWorld()
      const { token } = await enrol(world)
      world.cloud.befall({ kind: 'problem', type: 'invalid-token', retryAfterS: 0 })
      await expect(world.client.requestCredential({ token, ask: secretBy(1), orderId: null }, never())).rejects.toMatchObject({
        code: 'ERR_CLOUD_ANSWER',
      })
    })

    test('ends with the reason of its signal, for every call, before and while it waits', async () => {
      const world = await createWorld()
      const { temporary, token } = await enrol(world)
      const calls = [
        (signal: AbortSignal) => world.client.time(signal),
        (signal: AbortSignal) => world.client.token(temporary, null, signal),
        (signal: AbortSignal) => world.client.requestCredential({ token, ask: secretBy(1), orderId: null }, signal),
      ]
      for (const call of calls) {
        const reason = new Error('left the state')
        await expect(call(AbortSignal.abort(reason))).rejects.toBe(reason)
        const leaving = new AbortController()
        world.cloud.befall({ kind: 'silence' })
        setTimeout(() => leaving.abort(reason), 50)
        await expect(call(leaving.signal)).rejects.toBe(reason)
      }
    })
  })
}

async function enrolledSecret({ cloud, client }: Pick<CloudWorld, 'cloud' | 'client'>) {
  const temporary = cloud.temporarySecret()
  const token = await client.token(temporary, null, never())
  const issued = await client.requestCredential({ token, ask: secretBy(9), orderId: null }, never())
  if (issued.kind === 'certificate') throw new Error('a certificate where a secret was asked for')
  return issued
}
