/** What every CloudClient does, the real one and the fake. */
import { describe, expect, test } from 'vitest'
import type { CloudClient } from '../../../agent/ports.ts'
import type { FakeClock } from '../../fakes/clock.ts'
import type { FakeCloud } from '../../fakes/cloud.ts'

/** A cloud, a client of it, and the device's clock that the client reads. */
export type CloudWorld = { readonly cloud: FakeCloud; readonly client: CloudClient; readonly deviceClock: FakeClock }

const nonce = (number: number): string => Buffer.alloc(32, number).toString('base64url')
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

    test('gets the same secret for the same nonce, also when the first answer was lost', async () => {
      const world = await createWorld()
      const { token } = await enrol(world)
      world.cloud.befall({ kind: 'answer-lost' })
      await expect(world.client.requestCredential({ token, nonce: nonce(1), orderId: null }, never())).rejects.toMatchObject({
        code: 'ERR_CLOUD_UNREACHABLE',
      })
      const first = await world.client.requestCredential({ token, nonce: nonce(1), orderId: null }, never())
      const again = await world.client.requestCredential({ token, nonce: nonce(1), orderId: null }, never())
      expect(again).toEqual(first)
      expect(again.secret.reveal()).toEqual(first.secret.reveal())
      expect(world.cloud.events.filter(({ event }) => event === 'secret-issued')).toHaveLength(1)
    })

    test('gets another secret for another nonce, and the superseded nonce is spent for ever', async () => {
      const world = await createWorld()
      const { token } = await enrol(world)
      const first = await world.client.requestCredential({ token, nonce: nonce(1), orderId: null }, never())
      const second = await world.client.requestCredential({ token, nonce: nonce(2), orderId: null }, never())
      expect(second.id.secretId).not.toBe(first.id.secretId)
      await expect(world.client.requestCredential({ token, nonce: nonce(1), orderId: null }, never())).rejects.toMatchObject({
        code: 'ERR_CLOUD_NONCE_SPENT',
      })
      await expect(world.client.token(first, null, never())).rejects.toMatchObject({ code: 'ERR_CLOUD_REFUSED' })
    })

    test('makes the issued secret current by the first token, and the temporary one is refused from then on', async () => {
      const world = await createWorld()
      const { temporary, token } = await enrol(world)
      const issued = await world.client.requestCredential({ token, nonce: nonce(1), orderId: null }, never())
      expect(world.cloud.events.map(({ event }) => event)).not.toContain('became-current')
      expect((await world.client.token(issued, null, never())).scope).toBe('device')
      expect(world.cloud.events.map(({ event }) => event)).toContain('became-current')
      await expect(world.client.token(temporary, null, never())).rejects.toMatchObject({ code: 'ERR_CLOUD_REFUSED' })
      await expect(world.client.requestCredential({ token, nonce: nonce(1), orderId: null }, never())).rejects.toMatchObject({
        code: 'ERR_CLOUD_REFUSED',
      })
      expect((await world.client.token(issued, null, never())).scope).toBe('device')
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
      await expect(world.client.requestCredential({ token, nonce: nonce(1), orderId: null }, never())).rejects.toMatchObject(failure)
      await world.client.requestCredential({ token, nonce: nonce(1), orderId: null }, never())
    })

    test('finds the order to rotate, and rotates by it once', async () => {
      const world = await createWorld()
      const { token } = await enrol(world)
      const first = await world.client.requestCredential({ token, nonce: nonce(1), orderId: null }, never())
      const deviceToken = await world.client.token(first, null, never())
      expect(await world.client.rotationOrder(deviceToken, never())).toBeNull()
      world.cloud.orderRotation('order-1')
      expect(await world.client.rotationOrder(deviceToken, never())).toBe('order-1')
      const rotate = { token: deviceToken, nonce: nonce(2), orderId: 'order-1' }
      const second = await world.client.requestCredential(rotate, never())
      expect(await world.client.requestCredential(rotate, never())).toEqual(second)
      expect((await world.client.token(first, null, never())).scope).toBe('device')
      const nextToken = await world.client.token(second, null, never())
      await expect(world.client.token(first, null, never())).rejects.toMatchObject({ code: 'ERR_CLOUD_REFUSED' })
      expect(await world.client.rotationOrder(nextToken, never())).toBeNull()
    })

    test('gets no secret without an order, and keeps its credential', async () => {
      const world = await createWorld()
      const { token } = await enrol(world)
      const first = await world.client.requestCredential({ token, nonce: nonce(1), orderId: null }, never())
      const deviceToken = await world.client.token(first, null, never())
      for (const orderId of [null, 'order-1']) {
        const asking = world.client.requestCredential({ token: deviceToken, nonce: nonce(2), orderId }, never())
        await expect(asking).rejects.toMatchObject({ code: 'ERR_CLOUD_ANSWER' })
      }
      expect((await world.client.token(first, null, never())).scope).toBe('device')
    })

    test('says that a token is not good any more, and that is no reason to try another credential', async () => {
      const world = await createWorld()
      const { token } = await enrol(world)
      world.cloud.befall({ kind: 'problem', type: 'invalid-token', retryAfterS: 0 })
      await expect(world.client.requestCredential({ token, nonce: nonce(1), orderId: null }, never())).rejects.toMatchObject({
        code: 'ERR_CLOUD_ANSWER',
      })
    })

    test('ends with the reason of its signal, for every call, before and while it waits', async () => {
      const world = await createWorld()
      const { temporary, token } = await enrol(world)
      const calls = [
        (signal: AbortSignal) => world.client.time(signal),
        (signal: AbortSignal) => world.client.token(temporary, null, signal),
        (signal: AbortSignal) => world.client.requestCredential({ token, nonce: nonce(1), orderId: null }, signal),
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
  return client.requestCredential({ token: await client.token(temporary, null, never()), nonce: nonce(9), orderId: null }, never())
}
