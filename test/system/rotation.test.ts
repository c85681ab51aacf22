import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { parseActionsAnswer, verifyAction } from '../../agent/contract/action.ts'
import { ROUTES } from '../../agent/contract/routes.ts'
import { parseSwapAnswer } from '../../agent/contract/swap.ts'
import {
  type Answer,
  callCloud,
  type DeviceCredential,
  freshNonce,
  swap,
  temporaryCredential,
  tokenOf,
  tokenOutcome,
} from './cloud-device.ts'
import { type RunningCloud, startCloud } from './cloud-server.ts'

let folder: string
let cloud: RunningCloud
let key: Uint8Array

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zipkey-rotation-'))
  cloud = await startCloud({ dir: join(folder, 'cloud') })
  await cloud.createAccount('acme')
  key = (await cloud.createProvisioningKey('acme', 'line-7')).bytes
})

afterAll(async () => {
  await cloud.stop()
  await rm(folder, { recursive: true })
})

const orderFor = async (device: string): Promise<string> => {
  const path = `/v1/accounts/acme/devices/${device}/rotation-orders`
  return (await cloud.api.call('POST', path, z.object({ order: z.string() }))).order
}

async function deviceWithSecret(device: string): Promise<DeviceCredential> {
  const issued = await swap(cloud, temporaryCredential({ account: 'acme', device }, 'line-7', key))
  await tokenOf(cloud, issued)
  return issued
}

async function actionsOf(credential: DeviceCredential): Promise<readonly string[]> {
  const token = await tokenOf(cloud, credential)
  const answer = await callCloud(cloud, 'GET', ROUTES.deviceActions, { headers: { authorization: `Bearer ${token.value}` } })
  const actions = parseActionsAnswer(answer.body)
  if (!actions.ok) throw new Error(actions.problem)
  return actions.value
}

async function askToRotate(credential: DeviceCredential, order: string | null, nonce = freshNonce()): Promise<Answer> {
  const token = await tokenOf(cloud, credential)
  const headers = { authorization: `Bearer ${token.value}`, 'content-type': 'application/json' }
  return callCloud(cloud, 'POST', ROUTES.deviceCredential, { headers, body: JSON.stringify({ nonce, order }) })
}

async function rotated(credential: DeviceCredential, order: string): Promise<DeviceCredential> {
  const issued = parseSwapAnswer((await askToRotate(credential, order)).body)
  if (!issued.ok || issued.value.kind !== 'secret') throw new Error('no secret')
  return { name: credential.name, id: { kind: 'issued', secretId: issued.value.secretId }, secret: issued.value.secret }
}

describe('a rotation ordered by an operator', () => {
  it('reaches the device signed, is followed once, and ends the former secret only when the new one is proved', async () => {
    const first = await deviceWithSecret('SN-1')
    expect(await actionsOf(first)).toEqual([])
    const order = await orderFor('SN-1')
    expect(await orderFor('SN-1')).toBe(order)
    const [jws = ''] = await actionsOf(first)
    expect(await verifyAction(jws, cloud.jwks, first.name, Date.now())).toMatchObject({ ok: true, value: { id: order } })
    const second = await rotated(first, order)
    expect(await tokenOutcome(cloud, first)).toBe('granted')
    expect(await tokenOutcome(cloud, second)).toBe('granted')
    expect(await tokenOutcome(cloud, first)).toBe('revoked')
    expect(await actionsOf(second)).toEqual([])
    expect((await askToRotate(second, order)).problem).toBe('order-closed')
  })

  it('is told in the audit log', async () => {
    const events = (await cloud.audit('acme', 'SN-1')).map(({ event }) => event)
    expect(events).toEqual(expect.arrayContaining(['rotation-ordered', 'secret-issued', 'became-current', 'current-superseded']))
  })

  it('gets the same answer for the same nonce, and none without an order of its own', async () => {
    const first = await deviceWithSecret('SN-2')
    const other = await deviceWithSecret('SN-3')
    const order = await orderFor('SN-2')
    const nonce = freshNonce()
    expect((await askToRotate(first, order, nonce)).body).toEqual((await askToRotate(first, order, nonce)).body)
    expect((await askToRotate(first, null)).problem).toBe('order-closed')
    expect((await askToRotate(other, order)).problem).toBe('order-closed')
  })

  it('cannot be ordered for a device that is not there, or has nothing to rotate', async () => {
    await expect(orderFor('SN-404')).rejects.toThrow(/there is no device/)
    await tokenOf(cloud, temporaryCredential({ account: 'acme', device: 'SN-5' }, 'line-7', key))
    await expect(orderFor('SN-5')).rejects.toThrow(/no permanent credential/)
  })
})
