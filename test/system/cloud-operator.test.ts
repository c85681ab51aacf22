import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { z } from 'zod'
import { HttpsCloudClient } from '../../agent/cloud-client/https-cloud-client.ts'
import { parseActionsAnswer, verifyAction } from '../../agent/contract/action.ts'
import { formatCredentialId } from '../../agent/contract/names.ts'
import { ROUTES } from '../../agent/contract/routes.ts'
import { parseSwapAnswer } from '../../agent/contract/swap.ts'
import { Secret } from '../../agent/credential/secret.ts'
import { createKeptLog } from '../fakes/log.ts'
import { swapForCertificate } from './certificate-device.ts'
import {
  type Answer,
  askForCredential,
  type CertificateCredential,
  type CloudAddress,
  callCloud,
  type DeviceCredential,
  freshNonce,
  hotspotLogin,
  swap,
  temporaryCredential,
  tokenOf,
  tokenOutcome,
} from './cloud-device.ts'
import { type RunningCloud, startCloud } from './cloud-server.ts'

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
const ACCOUNT = '/v1/accounts/acme'

let folder: string
let cloud: RunningCloud
let devices: CloudAddress
let key: Uint8Array
let aaa: string
let offsetMs = 0
const nowMs = (): number => Date.now() + offsetMs
const later = async (ms: number): Promise<void> => {
  offsetMs += ms
  // Processes of their own hear of the time before any request by this.
  await cloud.api.call('GET', '/v1/jwks', z.unknown())
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zipkey-operator-'))
  cloud = await startCloud({ dir: join(folder, 'cloud'), nowMs })
  const { caPem, issuer } = cloud
  devices = {
    get url() {
      return cloud.url
    },
    caPem,
    issuer,
    nowMs,
  }
  await cloud.createAccount('acme')
  key = (await cloud.createProvisioningKey('acme', 'line-7')).bytes
  const client = await cloud.createAaaClient('berlin', 'zipkey.test')
  aaa = `Basic ${Buffer.from(`${client.id}:${client.secret}`).toString('base64')}`
})

afterAll(async () => {
  await cloud.stop()
  await rm(folder, { recursive: true })
})

const post = <T>(path: string, answer: z.ZodType<T>, body?: unknown): Promise<T> =>
  cloud.api.call('POST', `${ACCOUNT}${path}`, answer, body)
const get = <T>(path: string, answer: z.ZodType<T>): Promise<T> => cloud.api.call('GET', `${ACCOUNT}${path}`, answer)

let count = 0
const temporaryOf = (device = `SN-${++count}`): DeviceCredential => temporaryCredential({ account: 'acme', device }, 'line-7', key)

/** A device that swapped: what the factory gave it, and what it works with. */
async function newDevice(
  device?: string,
): Promise<{ readonly temporary: DeviceCredential; readonly current: DeviceCredential; readonly id: string }> {
  const temporary = temporaryOf(device)
  const current = await swap(devices, temporary)
  await tokenOf(devices, current)
  return { temporary, current, id: temporary.name.device }
}

async function askByToken(token: string, order: string | null, nonce = freshNonce()): Promise<Answer> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  return callCloud(devices, 'POST', ROUTES.deviceCredential, { headers, body: JSON.stringify({ nonce, order }) })
}

type AnyCredential = DeviceCredential | CertificateCredential

const ask = async (credential: AnyCredential, order: string | null, nonce?: string): Promise<Answer> =>
  askByToken((await tokenOf(devices, credential)).value, order, nonce)

function issuedTo({ name }: AnyCredential, answer: Answer): DeviceCredential {
  const issued = parseSwapAnswer(answer.body)
  if (!issued.ok || issued.value.kind !== 'secret') throw new Error(`no secret: ${answer.problem}`)
  return { name, id: { kind: 'issued', secretId: issued.value.secretId }, secret: issued.value.secret }
}

async function actionsBy(token: string): Promise<Answer> {
  return callCloud(devices, 'GET', ROUTES.deviceActions, { headers: { authorization: `Bearer ${token}` } })
}

/** The orders that a device finds. */
async function ordersOf(credential: AnyCredential): Promise<readonly string[]> {
  const actions = parseActionsAnswer((await actionsBy((await tokenOf(devices, credential)).value)).body)
  if (!actions.ok) throw new Error(actions.problem)
  const verified = await Promise.all(actions.value.map((jws) => verifyAction(jws, cloud.jwks, credential.name, nowMs())))
  return verified.map((action) => (action.ok ? action.value.id : action.problem))
}

const label = ({ id }: AnyCredential): string => formatCredentialId(id) ?? 'flashed'

/** Whether the hotspot would let the credential in: it was told the device's own password and no other. */
async function joins(credential: DeviceCredential): Promise<boolean> {
  const { identity, password } = hotspotLogin(credential, 'zipkey.test', 'zipkey.test')
  const headers = { authorization: aaa, 'content-type': 'application/json' }
  const body = JSON.stringify({ identity, method: 'TTLS-PAP', calling_station: '', called_station: '' })
  const answer = await callCloud(devices, 'POST', ROUTES.aaaAuthorize, { headers, body })
  expect(answer.status).toBe(200)
  return JSON.stringify(answer.body).includes(password)
}

const orderResults = z.object({
  results: z.array(z.object({ id: z.string(), status: z.string(), order: z.string().nullable(), message: z.string() })),
})
const orderMany = async (...ids: readonly string[]) => (await post('/rotation-orders', orderResults, { devices: ids })).results
const takeBack = async (...ids: readonly string[]) => (await post('/rotation-orders/take-back', orderResults, { devices: ids })).results
const orderOne = async (id: string): Promise<string> =>
  (await post(`/devices/${id}/rotation-orders`, z.object({ order: z.string() }))).order

const care = (id: string, what: string, body?: unknown) => post(`/devices/${id}/${what}`, z.unknown(), body)
const rearm = (id: string, credential: string) => care(id, 'rearm', { credential })

const alarm = z.object({ id: z.string(), device: z.string(), kind: z.string(), count: z.number(), acknowledged_by: z.string().nullable() })
const alarmsOf = async (id: string, state = 'open') =>
  (await get(`/alarms?device=${id}&state=${state}`, z.object({ alarms: z.array(alarm) }))).alarms
const openAlarms = async (id: string) => (await alarmsOf(id)).map(({ kind, count: times }) => `${kind} ×${times}`)

const shown = z.looseObject({
  frozen_since_ms: z.number().nullable(),
  rearmed: z.object({ credential: z.string() }).nullable(),
  runs: z.array(z.unknown()),
})
const show = (id: string) => get(`/devices/${id}`, shown)
const eventsOf = async (id: string) => (await cloud.audit('acme', id)).map(({ event, principal }) => `${event} by ${principal}`)

describe('orders for a list', () => {
  it('have a result for every device, and are given again while they are open', async () => {
    const [one, other] = [await newDevice(), await newDevice()]
    const enrolling = temporaryOf()
    await tokenOf(devices, enrolling)
    const ids = [one.id, other.id, enrolling.name.device, 'SN-404', 'no id']
    const results = await orderMany(...ids)
    expect(results.map(({ id, status }) => `${id} ${status}`)).toEqual([
      `${one.id} done`,
      `${other.id} done`,
      `${enrolling.name.device} error`,
      'SN-404 error',
      'no id error',
    ])
    expect(results.slice(2).map(({ message }) => message)).toEqual([
      expect.stringContaining('no permanent credential'),
      expect.stringContaining('there is no device'),
      expect.stringContaining('a device id is'),
    ])
    expect(await ordersOf(one.current)).toEqual([results[0]?.order])
    expect(await orderMany(...ids)).toEqual(results)
    expect(await orderOne(other.id)).toBe(results[1]?.order)
  })

  it('can be taken back: whoever asks by one is told so, and what it issued before stays good', async () => {
    const [one, other] = [await newDevice(), await newDevice()]
    const [order = '', others = ''] = (await orderMany(one.id, other.id)).map((result) => result.order ?? '')
    const pending = issuedTo(other.current, await ask(other.current, others))
    const taken = await takeBack(one.id, other.id, 'SN-404')
    expect(taken.map(({ status, order: id }) => [status, id])).toEqual([
      ['done', order],
      ['done', others],
      ['error', null],
    ])
    expect(await ordersOf(one.current)).toEqual([])
    expect((await ask(one.current, order)).problem).toBe('order-closed')
    expect(await tokenOutcome(devices, pending)).toBe('granted')
    expect((await takeBack(one.id))[0]?.message).toContain('no open order')
    expect(await eventsOf(one.id)).toContain('rotation-order-taken-back by operator:first')
  })
})

describe('a rotation schedule', () => {
  const create = (id: string, body: object) => post('/rotation-schedules', z.unknown(), { id, allow: ['*'], ...body })
  const remove = (id: string) => post(`/rotation-schedules/${id}/delete`, z.null())

  it('orders a device to rotate in its time, once, and again a period later', async () => {
    const { current, id } = await newDevice()
    await create('quarterly', { every_ms: 90 * DAY_MS, allow: [id, 'XN-*'] })
    await later(67 * DAY_MS)
    expect(await ordersOf(current)).toEqual([])
    await later(23 * DAY_MS)
    // Each process that is asked finds the same order.
    const found = await Promise.all([ordersOf(current), ordersOf(current), ordersOf(current)])
    const [[order = ''] = []] = found
    expect(found).toEqual([[order], [order], [order]])
    expect((await eventsOf(id)).filter((event) => event === 'rotation-ordered by schedule:quarterly')).toHaveLength(1)
    const rotated = issuedTo(current, await ask(current, order))
    expect(await ordersOf(rotated)).toEqual([])
    await later(67 * DAY_MS)
    expect(await ordersOf(rotated)).toEqual([])
    await later(23 * DAY_MS)
    expect(await ordersOf(rotated)).toHaveLength(1)
    await takeBack(id)
    expect(await ordersOf(rotated), 'what was taken back is not ordered again at once').toEqual([])
    await remove('quarterly')
    await later(200 * DAY_MS)
    expect(await ordersOf(rotated)).toEqual([])
  })

  it('does not have a whole fleet rotate at once, though all are past their time', async () => {
    const fleet: Awaited<ReturnType<typeof newDevice>>[] = []
    for (let index = 0; index < 12; index++) fleet.push(await newDevice())
    await later(1000 * DAY_MS)
    await create('yearly', { every_ms: 360 * DAY_MS })
    const due = async (): Promise<number> => {
      const orders = []
      for (const { current } of fleet) orders.push(...(await ordersOf(current)))
      return orders.length
    }
    expect(await due()).toBe(0)
    await later(45 * DAY_MS)
    const half = await due()
    expect(half).toBeGreaterThan(0)
    expect(half).toBeLessThan(12)
    await later(45 * DAY_MS)
    expect(await due()).toBe(12)
    const { rotation_schedules: shownSchedules } = await get('/rotation-schedules', z.object({ rotation_schedules: z.array(z.unknown()) }))
    expect(shownSchedules).toMatchObject([{ id: 'yearly', allow: ['*'], every_ms: 360 * DAY_MS }])
    await expect(create('yearly', { every_ms: DAY_MS })).rejects.toThrow(/exists already/)
    await remove('yearly')
    await expect(remove('yearly')).rejects.toThrow(/no rotation schedule/)
  })
})

test('retiring a provisioning key leaves who swapped untouched, also one that has yet to prove its secret, and refuses the others', async () => {
  const { bytes } = await cloud.createProvisioningKey('acme', 'line-8')
  const of = (device: string) => temporaryCredential({ account: 'acme', device }, 'line-8', bytes)
  const swapped = await swap(devices, of('retired-1'))
  await tokenOf(devices, swapped)
  const pending = await swap(devices, of('retired-2'))
  const enrolled = await tokenOf(devices, of('retired-3'))
  const before = await cloud.showDevice('acme', 'retired-1')
  await cloud.retireProvisioningKey('acme', 'line-8')
  expect(await cloud.showDevice('acme', 'retired-1')).toEqual(before)
  expect([await tokenOutcome(devices, swapped), await joins(swapped)]).toEqual(['granted', true])
  expect([await joins(pending), await tokenOutcome(devices, pending)]).toEqual([true, 'granted'])
  expect((await askForCredential(devices, enrolled.value, freshNonce())).problem).toBe('revoked')
  for (const device of ['retired-3', 'retired-4'])
    expect([await tokenOutcome(devices, of(device)), await joins(of(device))]).toEqual(['revoked', false])
})

describe('revoking', () => {
  it('a device ends its credentials, its tokens and its way in at once', async () => {
    const { temporary, current, id } = await newDevice()
    const order = await orderOne(id)
    const pending = issuedTo(current, await ask(current, order))
    const token = await tokenOf(devices, current)
    await care(id, 'revoke', { credential: null })
    for (const credential of [temporary, current, pending]) {
      expect([await tokenOutcome(devices, credential), await joins(credential)]).toEqual(['revoked', false])
    }
    expect((await actionsBy(token.value)).problem).toBe('revoked')
    expect((await askByToken(token.value, order)).problem).toBe('revoked')
    expect(await openAlarms(id)).toEqual([])
    expect((await eventsOf(id)).filter((event) => event === 'credential-revoked by operator:first')).toHaveLength(3)
    await expect(care(id, 'revoke', { credential: null })).rejects.toThrow(/not revoked yet/)
  })

  it('one credential leaves the others good', async () => {
    const { current, id } = await newDevice()
    const pending = issuedTo(current, await ask(current, await orderOne(id)))
    await care(id, 'revoke', { credential: label(pending) })
    expect([await tokenOutcome(devices, pending), await tokenOutcome(devices, current)]).toEqual(['revoked', 'granted'])
    await expect(care(id, 'revoke', { credential: 's.m1-9-aaaaaaaaaaaaaaaa-aaaaaaaaaaaaa' })).rejects.toThrow(/no such credential/)
    await expect(care(id, 'revoke', {})).rejects.toThrow(/invalid-request/)
    await expect(care('SN-404', 'revoke', { credential: null })).rejects.toThrow(/there is no device/)
  })
})

describe('re-arming', () => {
  it('brings a wiped device back, whatever is lost on the way, and ends the secret that was lost', async () => {
    const { temporary, current, id } = await newDevice()
    expect([await joins(temporary), await tokenOutcome(devices, temporary)]).toEqual([false, 'already-enrolled'])
    await rearm(id, 't.line-7')
    expect((await show(id)).rearmed?.credential).toBe('t.line-7')
    const nonce = freshNonce()
    for (let attempt = 0; attempt < 3; attempt++) {
      expect(await joins(temporary)).toBe(true)
      await askForCredential(devices, (await tokenOf(devices, temporary)).value, nonce)
    }
    const issued = await swap(devices, temporary, nonce)
    await later(3 * 60 * MINUTE_MS)
    expect([await joins(temporary), await tokenOutcome(devices, temporary)]).toEqual([false, 'already-enrolled'])
    expect([await joins(issued), await tokenOutcome(devices, issued)]).toEqual([true, 'granted'])
    expect([await joins(current), await tokenOutcome(devices, current)]).toEqual([false, 'revoked'])
    expect(await eventsOf(id)).toEqual(
      expect.arrayContaining(['credential-rearmed by operator:first', 'rearmed-credential-used by device']),
    )
  })

  it('lasts an hour', async () => {
    const { temporary, id } = await newDevice()
    await rearm(id, 't.line-7')
    await later(59 * MINUTE_MS)
    expect(await tokenOutcome(devices, temporary)).toBe('granted')
    await later(2 * MINUTE_MS)
    expect([await joins(temporary), await tokenOutcome(devices, temporary)]).toEqual([false, 'already-enrolled'])
  })

  it.each(['a token', 'its orders'])('is cancelled when the current secret asks for %s, with what it issued', async (what) => {
    const { temporary, current, id } = await newDevice()
    const token = await tokenOf(devices, current)
    await rearm(id, 't.line-7')
    const issued = await swap(devices, temporary)
    if (what === 'a token') expect(await tokenOutcome(devices, current)).toBe('granted')
    else expect((await actionsBy(token.value)).status).toBe(200)
    expect((await show(id)).rearmed).toBeNull()
    expect(await tokenOutcome(devices, temporary)).toBe('already-enrolled')
    expect(await tokenOutcome(devices, issued)).toBe('revoked')
    expect(await tokenOutcome(devices, current)).toBe('granted')
    expect(await eventsOf(id)).toContain('rearm-cancelled by device')
  })

  it('lets a device that was put back with a former secret rotate at once', async () => {
    const { current: former, id } = await newDevice()
    const current = issuedTo(former, await ask(former, await orderOne(id)))
    await tokenOf(devices, current)
    expect(await tokenOutcome(devices, former)).toBe('revoked')
    await rearm(id, label(former))
    const [order = ''] = await ordersOf(former)
    const next = issuedTo(former, await ask(former, order))
    expect(await tokenOutcome(devices, next)).toBe('granted')
    expect(await tokenOutcome(devices, current)).toBe('revoked')
  })

  it('lets a device that was put back with a former certificate get a new one', async () => {
    const { current, id } = await newDevice()
    const former = await swapForCertificate(devices, current, { order: await orderOne(id) })
    await tokenOf(devices, former)
    await tokenOf(devices, issuedTo(former, await ask(former, await orderOne(id))))
    expect(await tokenOutcome(devices, former)).toBe('revoked')
    await rearm(id, label(former))
    const [order = null] = await ordersOf(former)
    const next = await swapForCertificate(devices, former, { order })
    expect([await tokenOutcome(devices, next), await tokenOutcome(devices, former)]).toEqual(['granted', 'revoked'])
  })

  it('is the way back for a device that was revoked', async () => {
    const { temporary, id } = await newDevice()
    await care(id, 'revoke', { credential: null })
    await rearm(id, 't.line-7')
    expect(await tokenOutcome(devices, await swap(devices, temporary))).toBe('granted')
  })

  it('is refused for what is good, or was never there', async () => {
    const { current, id } = await newDevice()
    await expect(rearm(id, label(current))).rejects.toThrow(/conflict/)
    await expect(rearm(id, 'flashed')).rejects.toThrow(/not-found/)
    await expect(rearm(id, 't.line-404')).rejects.toThrow(/there is no provisioning key/)
    await expect(rearm(id, 'colour')).rejects.toThrow(/invalid-request/)
  })
})

describe('alarms', () => {
  it('count a thief who shows the temporary secret after the swap, until an operator has seen to it', async () => {
    const { temporary, current, id } = await newDevice()
    for (let attempt = 0; attempt < 3; attempt++) expect(await tokenOutcome(devices, temporary)).toBe('already-enrolled')
    expect(await openAlarms(id)).toEqual(['temporary-shown-after-swap ×3'])
    const [open] = await alarmsOf(id)
    await post(`/alarms/${open?.id}/acknowledge`, z.null())
    expect(await openAlarms(id)).toEqual([])
    await expect(post(`/alarms/${open?.id}/acknowledge`, z.null())).rejects.toThrow(/no open alarm/)
    await tokenOutcome(devices, temporary)
    expect(await openAlarms(id)).toEqual(['temporary-shown-after-swap ×1'])
    expect((await alarmsOf(id, 'all')).map(({ acknowledged_by: by }) => by)).toEqual(['first', null])
    expect([await tokenOutcome(devices, current), (await show(id)).frozen_since_ms]).toEqual(['granted', null])
    expect(await eventsOf(id)).toContain('alarm-acknowledged by operator:first')
  })

  it('tell of a superseded secret, which freezes rotation until an operator lets it go on', async () => {
    const { current: former, id } = await newDevice()
    const current = issuedTo(former, await ask(former, await orderOne(id)))
    await tokenOf(devices, current)
    const order = await orderOne(id)
    expect(await tokenOutcome(devices, former)).toBe('revoked')
    expect(await openAlarms(id)).toEqual(['superseded-credential-shown ×1'])
    expect((await show(id)).frozen_since_ms).not.toBeNull()
    expect(await ordersOf(current)).toEqual([])
    expect((await ask(current, order)).problem).toBe('order-closed')
    await expect(orderOne(id)).rejects.toThrow(/conflict: rotation of this device is frozen/)
    expect([await tokenOutcome(devices, current), await joins(current)]).toEqual(['granted', true])
    await care(id, 'unfreeze')
    expect(await ordersOf(current)).toEqual([order])
    expect((await ask(current, order)).status).toBe(201)
    await care(id, 'freeze')
    expect(await ordersOf(current)).toEqual([])
    expect((await eventsOf(id)).filter((event) => event.startsWith('rotation-frozen') || event.startsWith('rotation-unfrozen'))).toEqual([
      'rotation-frozen by device',
      'rotation-unfrozen by operator:first',
      'rotation-frozen by operator:first',
    ])
  })

  it('do not come from a message that was on its way when the secret ended', async () => {
    const { temporary, current: former, id } = await newDevice()
    const current = issuedTo(former, await ask(former, await orderOne(id)))
    await later(30_000)
    await tokenOf(devices, current)
    const nowMsThen = nowMs() - 20_000
    expect(await tokenOutcome(devices, temporary, { nowMs: nowMsThen })).toBe('already-enrolled')
    expect(await tokenOutcome(devices, former, { nowMs: nowMsThen })).toBe('revoked')
    expect([await openAlarms(id), (await show(id)).frozen_since_ms]).toEqual([[], null])
  })
})

describe('two devices with one identity', () => {
  const agents: HttpsCloudClient[] = []
  afterAll(() => {
    for (const agent of agents) agent.close()
  })

  /** The agent's own client of the Cloud API, as a process of it would make it. */
  function startAgent({ name }: DeviceCredential): HttpsCloudClient {
    const clock = { nowMs, monotonicMs: () => performance.now(), sleep: () => Promise.reject(new Error('nobody sleeps here')) }
    const { caPem, issuer, jwks: signingKeys } = cloud
    const agent = new HttpsCloudClient({
      cloud: { url: cloud.url, issuer, caPem, signingKeys },
      identity: { ...name, realm: 'zipkey.test' },
      clock,
      timers: { cloudCallMs: 10_000 },
      log: createKeptLog().log,
      tokens: null,
      mutualTls: false,
    })
    agents.push(agent)
    return agent
  }

  const tokenBy = (agent: HttpsCloudClient, { id, secret }: DeviceCredential) => {
    if (id.kind !== 'issued') throw new Error('an issued secret is asked for')
    return agent.token({ kind: 'shared-secret', id, secret: new Secret(secret) }, null, new AbortController().signal)
  }

  it('are noticed when both renew their tokens, and reported', async () => {
    const { current, id } = await newDevice()
    const [device, clone] = [startAgent(current), startAgent(current)]
    for (const agent of [device, clone, device]) {
      await tokenBy(agent, current)
      await later(6 * MINUTE_MS)
    }
    expect(await openAlarms(id)).toEqual(['identity-shared ×1'])
    for (const agent of [clone, device, clone, device]) {
      await tokenBy(agent, current)
      await later(6 * MINUTE_MS)
    }
    expect(await openAlarms(id)).toEqual(['identity-shared ×3'])
    expect(await eventsOf(id)).toContain('identity-shared by device')
    expect((await show(id)).runs.length).toBeGreaterThan(0)
  })

  it('are not what a device looks like that restarts again and again', async () => {
    const { current, id } = await newDevice()
    for (let start = 0; start < 12; start++) {
      const agent = startAgent(current)
      for (let renewal = 0; renewal < 2; renewal++) {
        await tokenBy(agent, current)
        await later(start % 3 === 0 ? MINUTE_MS / 2 : 12 * MINUTE_MS)
      }
    }
    expect(await openAlarms(id)).toEqual([])
    expect((await show(id)).runs).toHaveLength(8)
  })

  it('are not judged where the agent is too old to say its run', async () => {
    const { current, id } = await newDevice()
    await tokenBy(startAgent(current), current)
    await later(6 * MINUTE_MS)
    await tokenOf(devices, current)
    await later(6 * MINUTE_MS)
    await tokenOf(devices, current)
    expect([await openAlarms(id), (await show(id)).runs.length]).toEqual([[], 1])
  })
})

describe('the list of devices', () => {
  const listed = z.object({ devices: z.array(z.object({ id: z.string() })), next: z.string().nullable() })
  const list = async (query: string) => {
    const { devices: rows, next } = await get(`/devices?${query}`, listed)
    return { ids: rows.map(({ id }) => id), next }
  }

  it('goes page by page, by id whatever its case', async () => {
    for (const id of ['list-c', 'List-B', 'list-a']) await newDevice(id)
    expect(await list('pattern=*ist-?')).toEqual({ ids: ['list-a', 'List-B', 'list-c'], next: null })
    const first = await list('after=list&limit=2')
    expect(first).toEqual({ ids: ['list-a', 'List-B'], next: 'List-B' })
    expect((await list(`after=${first.next}&limit=1`)).ids).toEqual(['list-c'])
    expect(await list('pattern=list-c&after=list&limit=2'), 'a page that a pattern empties still has a next').toEqual({
      ids: [],
      next: 'List-B',
    })
  })

  it('tells by state what is the matter', async () => {
    const states = ['enrolling', 'permanent', 'ended', 'frozen', 'rearmed']
    await tokenOf(devices, temporaryOf('state-enrolling'))
    for (const state of ['permanent', 'ended', 'frozen', 'rearmed']) await newDevice(`state-${state}`)
    await cloud.registerDevice('acme', 'state-flashed', 'open sesame', 'opaque')
    await care('state-ended', 'revoke', { credential: null })
    await care('state-frozen', 'freeze')
    await rearm('state-rearmed', 't.line-7')
    const found = await Promise.all(states.map(async (state) => (await list(`state=${state}&pattern=state-*`)).ids))
    expect(found).toEqual([
      ['state-enrolling'],
      ['state-flashed', 'state-frozen', 'state-permanent', 'state-rearmed'],
      ['state-ended'],
      ['state-frozen'],
      ['state-rearmed'],
    ])
    await expect(list('state=purple')).rejects.toThrow(/invalid-request/)
  })
})
