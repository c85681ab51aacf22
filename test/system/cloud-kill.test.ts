import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type DeviceCredential, freshNonce, swap, temporaryCredential, tokenOf, tokenOutcome } from './cloud-device.ts'
import { type RunningCloud, startCloud } from './cloud-server.ts'

const DEVICES = 12
const KILLS = 4

let folder: string
let cloud: RunningCloud
let key: Uint8Array

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zipkey-cloud-kill-'))
  cloud = await startCloud({ dir: join(folder, 'cloud'), mode: 'child' })
  await cloud.createAccount('acme')
  key = (await cloud.createProvisioningKey('acme', 'line-7')).bytes
})

afterAll(async () => {
  await cloud.stop()
  await rm(folder, { recursive: true })
})

/** One device on its way: keeps its nonce, and asks again until it has a permanent secret that was proved. */
async function walk(temporary: DeviceCredential, isOver: () => boolean): Promise<DeviceCredential> {
  const nonce = freshNonce()
  let issued: DeviceCredential | null = null
  for (;;) {
    try {
      issued ??= await swap(cloud, temporary, nonce)
      await tokenOf(cloud, issued)
      return issued
    } catch (error) {
      if (isOver()) throw error
      await setTimeout(20)
    }
  }
}

test('a cloud that is killed again and again locks no device out, and its audit log tells of every promotion', {
  timeout: 60_000,
}, async () => {
  const devices = Array.from({ length: DEVICES }, (_, index) =>
    temporaryCredential({ account: 'acme', device: `SN-${index}` }, 'line-7', key),
  )
  const deadlineMs = Date.now() + 50_000
  const waves = async (): Promise<readonly DeviceCredential[]> => {
    const issued = []
    // One after another, so that every kill meets a device in the middle of its way.
    for (const device of devices) {
      issued.push(await walk(device, () => Date.now() > deadlineMs))
      await setTimeout(60)
    }
    return issued
  }
  const walking = waves()
  for (let kill = 0; kill < KILLS; kill++) {
    await setTimeout(50 + kill * 37)
    await cloud.stop('SIGKILL')
    await cloud.start()
  }
  const issued = await walking
  for (const [index, credential] of issued.entries()) {
    expect(await tokenOutcome(cloud, credential)).toBe('granted')
    const { name, id } = credential
    const temporary = devices[index]
    if (temporary === undefined || id.kind !== 'issued') throw new Error('not a device of this test')
    expect(await tokenOutcome(cloud, temporary)).toBe('already-enrolled')
    expect((await cloud.showDevice('acme', name.device)).issued.filter(({ state }) => state === 'current')).toHaveLength(1)
    const promotions = (await cloud.audit('acme', name.device)).filter(({ event }) => event === 'became-current')
    expect(promotions.map(({ credential: label }) => label)).toEqual([`s.${id.secretId}`])
  }
})
