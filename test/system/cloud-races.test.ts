import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { formatSecretText } from '../../agent/contract/secret-text.ts'
import { verifySignedTime } from '../../agent/contract/signed-time.ts'
import {
  type Answer,
  askForCredential,
  assertionOf,
  callCloud,
  type DeviceCredential,
  freshNonce,
  sendAssertion,
  swap,
  temporaryCredential,
  tokenOf,
  tokenOutcome,
} from './cloud-device.ts'
import { type RunningCloud, startCloud } from './cloud-server.ts'

const ROUNDS = 5

let folder: string
let cloud: RunningCloud
let key: Uint8Array
let otherKey: Uint8Array

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zipkey-cloud-races-'))
  cloud = await startCloud({ dir: join(folder, 'cloud') })
  await cloud.createAccount('acme')
  key = (await cloud.createProvisioningKey('acme', 'line-7')).bytes
  otherKey = (await cloud.createProvisioningKey('acme', 'line-8')).bytes
})

afterAll(async () => {
  await cloud.stop()
  await rm(folder, { recursive: true })
})

const temporary = (device: string, keyId = 'line-7', bytes = key) => temporaryCredential({ account: 'acme', device }, keyId, bytes)
const atOnce = <T>(count: number, call: (index: number) => Promise<T>): Promise<readonly T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => call(index)))
const said = ({ status, problem }: Answer): string => (status < 300 ? 'good' : (problem ?? String(status)))

/** What a device ends with that comes again when it is told to. */
async function patiently(credential: DeviceCredential): Promise<string> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const outcome = await tokenOutcome(cloud, credential)
    if (outcome !== 'unavailable') return outcome
    await setTimeout(20)
  }
  return 'unavailable'
}

const eventsOf = async (device: string) => (await cloud.audit('acme', device)).map(({ event }) => event)
const count = (events: readonly string[], event: string): number => events.filter((each) => each === event).length

test('an assertion that arrives several times at once is good once', async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const assertion = await assertionOf(cloud, temporary(`replay-${round}`))
    const answers = (await atOnce(4, () => sendAssertion(cloud, assertion))).map(said).sort()
    expect(answers).toEqual(['assertion-replayed', 'assertion-replayed', 'assertion-replayed', 'good'])
  }
})

test('a challenge that is used several times at once is good once', async () => {
  const nonce = freshNonce()
  const time = await verifySignedTime(String((await callCloud(cloud, 'GET', `/v1/time?nonce=${nonce}`)).body), cloud.jwks, nonce)
  if (!time.ok) throw new Error(time.problem)
  const { challenge } = time.value
  const outcomes = await atOnce(4, (index) => tokenOutcome(cloud, temporary(`challenge-${index}`), { nowMs: 0, challenge }))
  expect([...outcomes].sort()).toEqual(['clock-skew', 'clock-skew', 'clock-skew', 'granted'])
})

test('a device with many nonces at once has one pending secret in the end, and each answer was of its own', async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const device = `nonces-${round}`
    const token = await tokenOf(cloud, temporary(device))
    const answers = await atOnce(4, () => askForCredential(cloud, token.value, freshNonce()))
    expect(answers.map(said)).toEqual(['good', 'good', 'good', 'good'])
    expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(4)
    const states = (await cloud.showDevice('acme', device)).issued.map(({ generation, state }) => `${generation} ${state}`)
    expect(states).toEqual(['1 superseded', '2 superseded', '3 superseded', '4 pending'])
  }
})

test('a secret that is proved several times at once becomes current once', async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const device = `proof-${round}`
    const issued = await swap(cloud, temporary(device))
    expect(await atOnce(4, () => tokenOutcome(cloud, issued))).toEqual(['granted', 'granted', 'granted', 'granted'])
    expect(count(await eventsOf(device), 'became-current')).toBe(1)
  }
})

test('a proof and a request for another secret at once leave the device with a good one', async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const device = `both-${round}`
    const token = await tokenOf(cloud, temporary(device))
    const issued = await swap(cloud, temporary(device))
    const [proof, again] = await Promise.all([tokenOutcome(cloud, issued), askForCredential(cloud, token.value, freshNonce())])
    // Whichever came first decides.
    expect(['revoked good', 'granted already-enrolled']).toContain(`${proof} ${said(again)}`)
    const live = (await cloud.showDevice('acme', device)).issued.filter(({ state }) => state === 'current' || state === 'pending')
    expect(live).toHaveLength(1)
    expect(live[0]?.state).toBe(proof === 'granted' ? 'current' : 'pending')
  }
})

test('two keys that enrol one new id at once make one device, which one of them swaps', async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const device = `keys-${round}`
    const pair = [temporary(device), temporary(device, 'line-8', otherKey)] as const
    expect(await Promise.all(pair.map(patiently))).toEqual(['granted', 'granted'])
    const shown = await cloud.showDevice('acme', device)
    const winner = shown.temporary.provisioning_key === 'line-7' ? pair[0] : pair[1]
    expect(await tokenOutcome(cloud, await swap(cloud, winner))).toBe('granted')
    expect(await Promise.all(pair.map(patiently))).toEqual(['already-enrolled', 'already-enrolled'])
  }
})

test('two new ids that differ by case at once make one device', async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const outcomes = await Promise.all([`Case-${round}`, `CASE-${round}`].map((device) => patiently(temporary(device))))
    expect([...outcomes].sort()).toEqual(['granted', 'unknown-credential'])
  }
})

test('a device that is registered and enrolled at once is one of them', async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const device = `either-${round}`
    const [registered, enrolled] = await Promise.all([
      cloud.registerDevice('acme', device, formatSecretText('zks_', new Uint8Array(32))),
      patiently(temporary(device)),
    ])
    const isRegistered = registered === 'registered'
    expect(enrolled).toBe(isRegistered ? 'unknown-credential' : 'granted')
    expect((await cloud.showDevice('acme', device)).flashed).toBe(isRegistered ? 'good' : 'none')
  }
})

test('a key enrols no more devices than it may, however many come at once', async () => {
  for (let round = 0; round < 3; round++) {
    const keyId = `max-${round}`
    const { bytes } = await cloud.createProvisioningKey('acme', keyId, { maxDevices: 3 })
    const outcomes = await atOnce(8, (index) => patiently(temporary(`${keyId}-${index}`, keyId, bytes)))
    expect(count(outcomes, 'granted')).toBe(3)
    expect(count(outcomes, 'unknown-credential')).toBe(5)
  }
})
