/** The drills of SECURITY.md, "The master key": rotation, loss with and without a copy, compromise. */
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { deriveIssuedSecret } from '../../agent/contract/derivation.ts'
import { ROUTES } from '../../agent/contract/routes.ts'
import { makeSecretId } from '../../agent/contract/secret-id.ts'
import { formatSecretText } from '../../agent/contract/secret-text.ts'
import { parseSwapAnswer } from '../../agent/contract/swap.ts'
import { masterKeyProblem } from '../../cloud/crypto/fits-keys.ts'
import { formatMasterKeys } from '../../cloud/crypto/master-key.ts'
import { dataFiles, readMasterKeys } from '../../cloud/data-folder.ts'
import {
  addMasterKey,
  distrustMasterKey,
  giveUpMasterKey,
  listMasterKeys,
  resealAll,
  retireMasterKey,
  rotateMasterKey,
  useNewestMasterKey,
} from '../../cloud/master-key-care.ts'
import { startService } from '../../cloud/service.ts'
import { callCloud, type DeviceCredential, freshNonce, swap, temporaryCredential, tokenOf, tokenOutcome } from './cloud-device.ts'
import { type RunningCloud, startCloud } from './cloud-server.ts'
import { openDatabaseOf } from './cloud-stage.ts'

const flashedSecret = new Uint8Array(32).fill(4)

let folder: string
let cloud: RunningCloud
let key: { readonly text: string; readonly bytes: Uint8Array }
let count = 0

const temporary = (device: string) => temporaryCredential({ account: 'acme', device }, 'line-7', key.bytes)
const flashed = (device: string): DeviceCredential => ({
  name: { account: 'acme', device },
  id: { kind: 'flashed' },
  secret: flashedSecret,
})
const keyOf = ({ id }: DeviceCredential): string => (id.kind === 'issued' ? id.secretId.slice(0, id.secretId.indexOf('-')) : '')

async function promoted(device = `SN-${++count}`): Promise<DeviceCredential> {
  const issued = await swap(cloud, temporary(device))
  await tokenOf(cloud, issued)
  return issued
}

/** The device follows an order. */
async function rotated(former: DeviceCredential): Promise<DeviceCredential> {
  const { name } = former
  const orders = `/v1/accounts/acme/devices/${name.device}/rotation-orders`
  const { order } = await cloud.api.call('POST', orders, z.object({ order: z.string() }))
  const headers = { authorization: `Bearer ${(await tokenOf(cloud, former)).value}`, 'content-type': 'application/json' }
  const body = JSON.stringify({ nonce: freshNonce(), order })
  const answer = parseSwapAnswer((await callCloud(cloud, 'POST', ROUTES.deviceCredential, { headers, body })).body)
  if (!answer.ok || answer.value.kind !== 'secret') throw new Error('no secret')
  const issued = { name, id: { kind: 'issued', secretId: answer.value.secretId }, secret: answer.value.secret } as const
  await tokenOf(cloud, issued)
  return issued
}

const profiles = '/v1/accounts/acme/hotspot-profiles'
const setProfiles = () =>
  cloud.api.call('POST', profiles, z.unknown(), { hotspots: [{ ssid: 'ZipKey-Setup', security: 'psk', passphrase: 'correct horse' }] })
const profilesShown = async () => (await cloud.api.call('GET', profiles, z.object({ hotspots: z.array(z.unknown()) }))).hotspots.length

async function whileStopped(work: () => Promise<unknown>): Promise<void> {
  await cloud.stop()
  await work()
  await cloud.start()
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zipkey-master-key-'))
  cloud = await startCloud({ dir: join(folder, 'cloud') })
  await cloud.createAccount('acme')
  key = await cloud.createProvisioningKey('acme', 'line-7')
  await cloud.registerDevice('acme', 'flashed-1', formatSecretText('zks_', flashedSecret))
  await setProfiles()
})

afterAll(async () => {
  await cloud.stop()
  await rm(folder, { recursive: true })
})

describe('a rotation of the master key', () => {
  test('needs the service to be stopped, and devices notice nothing', async () => {
    const before = await promoted()
    await tokenOf(cloud, temporary('SN-open'))
    await expect(rotateMasterKey(cloud.dir)).rejects.toThrow(/a service runs/)
    await whileStopped(() => rotateMasterKey(cloud.dir))
    for (const credential of [before, temporary('SN-open'), flashed('flashed-1')])
      expect(await tokenOutcome(cloud, credential)).toBe('granted')
    expect(await profilesShown()).toBe(1)
    const { keys } = await readMasterKeys(cloud.dir)
    const db = await openDatabaseOf(cloud.dir)
    expect(await masterKeyProblem(db, { keys, givenUp: [] })).toBeNull()
    expect(await masterKeyProblem(db, { keys: [keys[0]], givenUp: [] })).toMatch(/needs master key m1/)
    expect(await masterKeyProblem(db, { keys: [keys[0]], givenUp: ['m1'] })).toBeNull()
    await db.destroy()
    const after = await promoted()
    expect([keyOf(before), keyOf(after)]).toEqual(['m1', 'm2'])
    expect(await listMasterKeys(cloud.dir)).toEqual([
      { id: 'm2', isLeaked: false, sealed: 3, issued: 1 },
      { id: 'm1', isLeaked: false, sealed: 0, issued: 1 },
    ])
  })

  test('ends when nothing depends on the old key, and not before', async () => {
    const old = await promoted()
    await whileStopped(() => rotateMasterKey(cloud.dir))
    await expect(retireMasterKey(cloud.dir, 'm2')).rejects.toThrow(/2 good secrets of devices depend on m2/)
    await expect(retireMasterKey(cloud.dir, 'm3')).rejects.toThrow(/in use/)
    await expect(retireMasterKey(cloud.dir, 'm9')).rejects.toThrow(/no master key m9/)
    const next = await rotated(old)
    expect(keyOf(next)).toBe('m3')
    expect(await tokenOutcome(cloud, next)).toBe('granted')
  })

  test('goes one step at a time while services run', async () => {
    const old = await promoted()
    expect(await addMasterKey(cloud.dir)).toBe('m4')
    await expect(addMasterKey(cloud.dir)).rejects.toThrow(/m4 is known and not used yet/)
    expect(await tokenOutcome(cloud, old)).toBe('granted')
    await whileStopped(async () => {})
    expect(keyOf(await promoted())).toBe('m3')
    expect(await useNewestMasterKey(cloud.dir)).toBe('m4')
    await expect(useNewestMasterKey(cloud.dir)).rejects.toThrow(/newest and in use/)
    await whileStopped(async () => {})
    expect(keyOf(await promoted())).toBe('m4')
    expect(await resealAll(cloud.dir)).toBe(3)
    expect(await resealAll(cloud.dir)).toBe(0)
    for (const credential of [old, flashed('flashed-1'), temporary('SN-new')]) expect(await tokenOutcome(cloud, credential)).toBe('granted')
  })

  test('is told in the audit log', async () => {
    const { entries } = await cloud.api.call(
      'GET',
      '/v1/audit',
      z.object({ entries: z.array(z.looseObject({ event: z.string(), detail: z.string() })) }),
    )
    const used = entries.filter(({ event }) => event === 'master-key-used').map(({ detail }) => detail)
    expect(used).toEqual(['m2', 'm3', 'm4'])
  })
})

describe('a master key that somebody else has', () => {
  test('is of no use to them once devices have rotated, and is retired', async () => {
    const { keys } = await readMasterKeys(cloud.dir)
    const [leaked] = keys
    const devices = [await promoted(), await promoted()]
    const thief = devices.map(({ name, id }) => {
      const secretId = id.kind === 'issued' ? id.secretId : ''
      return { name, id, secret: deriveIssuedSecret(leaked.bytes, name, secretId) }
    })
    expect(await tokenOutcome(cloud, thief[0] ?? flashed('none'))).toBe('granted')
    await whileStopped(() => rotateMasterKey(cloud.dir))
    const live = await cloud.api.call(
      'GET',
      '/v1/accounts/acme/devices?limit=1000',
      z.object({ devices: z.array(z.looseObject({ id: z.string() })) }),
    )
    expect(live.devices.length).toBeGreaterThan(5)
    const moved = []
    for (const device of devices) moved.push(await rotated(device))
    for (const device of moved) expect(await tokenOutcome(cloud, device)).toBe('granted')
    for (const device of thief) expect(await tokenOutcome(cloud, device)).toBe('revoked')
    await expect(retireMasterKey(cloud.dir, leaked.id)).rejects.toThrow(/1 good secrets of devices depend/)
  })

  test('makes ids that look as if they came after all others: accepted as after a restore, until the key is distrusted', async () => {
    const { keys } = await readMasterKeys(cloud.dir)
    const [inUse, leaked] = keys
    if (leaked === undefined) throw new Error('there is no second master key')
    const forged = ({ name }: DeviceCredential): DeviceCredential => {
      const secretId = makeSecretId(leaked.id, leaked.bytes, name, 99, new Uint8Array(10))
      return { name, id: { kind: 'issued', secretId }, secret: deriveIssuedSecret(leaked.bytes, name, secretId) }
    }
    expect(await tokenOutcome(cloud, forged(await promoted()))).toBe('granted')
    const device = await promoted()
    await expect(distrustMasterKey(cloud.dir, inUse.id)).rejects.toThrow(/in use/)
    await whileStopped(() => distrustMasterKey(cloud.dir, leaked.id))
    expect(await tokenOutcome(cloud, forged(device))).toBe('unknown-credential')
    expect(await tokenOutcome(cloud, forged({ ...device, name: { ...device.name, device: 'SN-nowhere' } }))).toBe('unknown-credential')
    expect(await tokenOutcome(cloud, device)).toBe('granted')
    expect((await listMasterKeys(cloud.dir)).filter(({ isLeaked }) => isLeaked).map(({ id }) => id)).toEqual([leaked.id])
  })
})

describe('a master key that is lost', () => {
  test('keeps the service from starting, and a copy that is put back lets every device in', async () => {
    const device = await promoted()
    const { masterKeys } = dataFiles(cloud.dir)
    const copy = join(folder, 'copy')
    await copyFile(masterKeys, copy)
    await cloud.stop()
    await rm(masterKeys)
    await expect(startService(cloud.dir, { listen: '127.0.0.1:0' })).rejects.toThrow(/put a copy of it back/)
    await copyFile(copy, masterKeys)
    await cloud.start()
    expect(await tokenOutcome(cloud, device)).toBe('granted')
  })

  test('is not taken for lost where its file is there and damaged', async () => {
    const { masterKeys } = dataFiles(cloud.dir)
    const before = await readFile(masterKeys, 'utf8')
    await writeFile(masterKeys, before.slice(0, 40))
    await expect(giveUpMasterKey(cloud.dir, 'm1')).rejects.toThrow(/master key file is not/)
    expect(await readFile(masterKeys, 'utf8')).toBe(before.slice(0, 40))
    await writeFile(masterKeys, before)
  })

  test('cannot be taken for another of its name', async () => {
    const { masterKeys } = dataFiles(cloud.dir)
    const before = await readFile(masterKeys, 'utf8')
    await expect(giveUpMasterKey(cloud.dir, 'm1')).rejects.toThrow(/holds m1/)
    expect(before).toBe(await readFile(masterKeys, 'utf8'))
  })

  test('of which no copy is left is given up: factory credentials are put right and re-armed, and devices come back by them', async () => {
    const device = await promoted('SN-lost')
    const { keys } = await readMasterKeys(cloud.dir)
    await cloud.stop()
    await rm(dataFiles(cloud.dir).masterKeys)
    let inUse = ''
    // In whatever order: no new key is called like a lost one.
    for (const { id } of [...keys].reverse()) inUse = await giveUpMasterKey(cloud.dir, id)
    expect(keys.map(({ id }) => id)).not.toContain(inUse)
    await cloud.start()
    for (const credential of [device, temporary('SN-lost'), flashed('flashed-1')]) {
      expect(await tokenOutcome(cloud, credential)).toBe('unknown-credential')
    }
    const body = { id: 'line-7', allow: ['*'], key: key.text }
    await cloud.api.call('POST', '/v1/accounts/acme/provisioning-keys', z.unknown(), body)
    await expect(cloud.api.call('POST', '/v1/accounts/acme/provisioning-keys', z.unknown(), body)).rejects.toThrow(/exists already/)
    expect(await cloud.registerDevice('acme', 'flashed-1', formatSecretText('zks_', flashedSecret))).toBe('registered')
    expect(await cloud.registerDevice('acme', 'flashed-1', formatSecretText('zks_', flashedSecret))).toMatch(/exists already/)
    expect(await tokenOutcome(cloud, flashed('flashed-1'))).toBe('granted')
    expect(await profilesShown()).toBe(0)
    await setProfiles()
    expect(await profilesShown()).toBe(1)
    expect(await tokenOutcome(cloud, temporary('SN-lost'))).toBe('already-enrolled')
    await cloud.api.call('POST', '/v1/accounts/acme/devices/SN-lost/rearm', z.unknown(), { credential: 't.line-7' })
    const again = await promoted('SN-lost')
    expect(keyOf(again)).toBe(inUse)
    expect(await tokenOutcome(cloud, again)).toBe('granted')
    expect(await tokenOutcome(cloud, await promoted('SN-brand-new'))).toBe('granted')
  })
})

test('the file is the folder owner’s alone after all of that', async () => {
  const { keys, givenUp } = await readMasterKeys(cloud.dir)
  expect(formatMasterKeys(keys, givenUp)).toBe(await readFile(dataFiles(cloud.dir).masterKeys, 'utf8'))
})
