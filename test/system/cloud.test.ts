import { createHmac } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { deriveApiKey, stretchOpaqueSecret } from '../../agent/contract/derivation.ts'
import { formatSecretText } from '../../agent/contract/secret-text.ts'
import { verifySignedTime } from '../../agent/contract/signed-time.ts'
import {
  askForCredential,
  assertionOf,
  callCloud,
  freshNonce,
  sendAssertion,
  swap,
  temporaryCredential,
  tokenOf,
  tokenOutcome,
} from './cloud-device.ts'
import { type RunningCloud, startCloud } from './cloud-server.ts'

let folder: string
let cloud: RunningCloud
let key: Uint8Array
let anyKey: Uint8Array
let offsetMs = 0
const nowMs = (): number => Date.now() + offsetMs

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zipkey-cloud-'))
  cloud = await startCloud({ dir: join(folder, 'cloud'), nowMs })
  await cloud.createAccount('acme')
  anyKey = (await cloud.createProvisioningKey('acme', 'any')).bytes
  key = (await cloud.createProvisioningKey('acme', 'line-7', { allow: ['SN-*'] })).bytes
})

afterAll(async () => {
  await cloud.stop()
  await rm(folder, { recursive: true })
})

let count = 0
const newDevice = () => temporaryCredential({ account: 'acme', device: `SN-${++count}` }, 'line-7', key)
const events = async (device: string) => (await cloud.audit('acme', device)).map(({ event }) => event)

describe('the way from the temporary to the permanent secret', () => {
  test('the first token of the issued secret makes it current and ends the temporary one, and the audit log tells all of it', async () => {
    const temporary = newDevice()
    expect((await tokenOf(cloud, temporary)).scope).toBe('enrol')
    const issued = await swap(cloud, temporary)
    expect(await tokenOutcome(cloud, temporary)).toBe('granted')
    expect((await tokenOf(cloud, issued)).scope).toBe('device')
    expect(await tokenOutcome(cloud, temporary)).toBe('already-enrolled')
    expect(await tokenOutcome(cloud, issued)).toBe('granted')
    expect(await events(temporary.name.device)).toEqual([
      'enrolled',
      'token-issued',
      'token-issued',
      'secret-issued',
      'token-issued',
      'became-current',
      'temporary-superseded',
      'token-issued',
      'temporary-refused-after-swap',
      'token-issued',
    ])
  })

  test('the same nonce gets the same secret, a new one supersedes it, and a spent one is refused for ever', async () => {
    const temporary = newDevice()
    const [first, second] = [freshNonce(), freshNonce()]
    const issued = await swap(cloud, temporary, first)
    expect(await swap(cloud, temporary, first)).toEqual(issued)
    const later = await swap(cloud, temporary, second)
    expect(later.secret).not.toEqual(issued.secret)
    const token = await tokenOf(cloud, temporary)
    expect((await askForCredential(cloud, token.value, first)).problem).toBe('nonce-spent')
    expect(await tokenOutcome(cloud, issued)).toBe('revoked')
    expect(await tokenOutcome(cloud, later)).toBe('granted')
  })

  test('a token from before the promotion is not good for another secret', async () => {
    const temporary = newDevice()
    const token = await tokenOf(cloud, temporary)
    const issued = await swap(cloud, temporary)
    expect(await tokenOutcome(cloud, issued)).toBe('granted')
    expect((await askForCredential(cloud, token.value, freshNonce())).problem).toBe('already-enrolled')
  })

  test('a token of scope device asks for no secret without an order', async () => {
    const issued = await swap(cloud, newDevice())
    const token = await tokenOf(cloud, issued)
    expect((await askForCredential(cloud, token.value, freshNonce())).problem).toBe('order-closed')
  })

  test.each([
    ['no token', ''],
    ['a token of somebody else', 'eyJhbGciOiJFUzI1NiJ9.e30.AAAA'],
  ])('with %s there is no secret', async (_, token) => {
    expect((await askForCredential(cloud, token, freshNonce())).problem).toBe('invalid-token')
  })

  test('an access token ends after 15 minutes', async () => {
    const token = await tokenOf(cloud, newDevice())
    offsetMs = 15 * 60_000 + 1000
    const late = await askForCredential(cloud, token.value, freshNonce())
    offsetMs = 0
    expect(late.problem).toBe('invalid-token')
  })

  test('twenty requests at once with one nonce get one secret', async () => {
    const temporary = newDevice()
    const token = await tokenOf(cloud, temporary)
    const nonce = freshNonce()
    const answers = await Promise.all(Array.from({ length: 20 }, () => askForCredential(cloud, token.value, nonce)))
    expect(new Set(answers.map(({ status, body }) => `${status} ${JSON.stringify(body)}`)).size).toBe(1)
    expect((await cloud.showDevice('acme', temporary.name.device)).issued).toHaveLength(1)
  })
})

describe('who gets a token', () => {
  test('a device that the rules do not admit, a wrong secret and an unknown account look the same', async () => {
    const admitted = newDevice()
    const wrongSecret = { ...admitted, secret: new Uint8Array(32) }
    const strangers = [
      wrongSecret,
      temporaryCredential({ account: 'acme', device: 'SN-none' }, 'line-8', key),
      temporaryCredential({ account: 'nobody', device: 'SN-1' }, 'line-7', key),
      { name: admitted.name, id: { kind: 'flashed' }, secret: key } as const,
      { name: admitted.name, id: { kind: 'issued', secretId: `m1-1-${'a'.repeat(16)}-${'a'.repeat(13)}` }, secret: key } as const,
    ]
    const answers = await Promise.all(strangers.map(async (stranger) => sendAssertion(cloud, await assertionOf(cloud, stranger))))
    expect(new Set(answers.map(({ status, body }) => `${status} ${JSON.stringify(body)}`)).size).toBe(1)
    expect(answers[0]?.problem).toBe('unknown-credential')
    expect(await tokenOutcome(cloud, temporaryCredential({ account: 'acme', device: 'other-1' }, 'line-7', key))).toBe('unknown-credential')
  })

  test('an id that differs by case from one that is enrolled is refused', async () => {
    const temporary = newDevice()
    await tokenOf(cloud, temporary)
    const spelling = temporary.name.device.toLowerCase()
    expect(await tokenOutcome(cloud, temporaryCredential({ account: 'acme', device: spelling }, 'any', anyKey))).toBe('unknown-credential')
    expect(await cloud.registerDevice('acme', spelling, 'an old secret of ours', 'opaque')).toMatch(/another case/)
  })

  test('a maximum holds when many devices enrol at once', async () => {
    const few = await cloud.createProvisioningKey('acme', 'few', { maxDevices: 3 })
    const devices = Array.from({ length: 8 }, (_, index) =>
      temporaryCredential({ account: 'acme', device: `few-${index}` }, 'few', few.bytes),
    )
    const outcomes = await Promise.all(devices.map((device) => tokenOutcome(cloud, device)))
    expect(outcomes.filter((outcome) => outcome === 'granted')).toHaveLength(3)
    expect(outcomes.filter((outcome) => outcome === 'unknown-credential')).toHaveLength(5)
  })

  test('a retired key enrols nobody, and devices that swapped do not notice', async () => {
    const old = await cloud.createProvisioningKey('acme', 'old')
    const device = temporaryCredential({ account: 'acme', device: 'old-1' }, 'old', old.bytes)
    const issued = await swap(cloud, device)
    await tokenOf(cloud, issued)
    await cloud.retireProvisioningKey('acme', 'old')
    expect(await tokenOutcome(cloud, temporaryCredential({ account: 'acme', device: 'old-2' }, 'old', old.bytes))).toBe('revoked')
    expect(await tokenOutcome(cloud, issued)).toBe('granted')
  })

  test('a flashed secret, in our form or one that the company had, is good for everything', async () => {
    const name = { account: 'acme', device: 'flashed-1' }
    const secret = new Uint8Array(32).fill(7)
    expect(await cloud.registerDevice('acme', 'flashed-1', formatSecretText('zks_', secret))).toBe('registered')
    expect((await tokenOf(cloud, { name, id: { kind: 'flashed' }, secret })).scope).toBe('device')
    const opaque = { account: 'acme', device: 'flashed-2' }
    expect(await cloud.registerDevice('acme', 'flashed-2', 'sesame', 'opaque')).toBe('registered')
    expect(await tokenOutcome(cloud, { name: opaque, id: { kind: 'flashed' }, secret: stretchOpaqueSecret('sesame', opaque) })).toBe(
      'granted',
    )
    const intruder = temporaryCredential({ account: 'acme', device: 'flashed-1' }, 'any', anyKey)
    expect(await tokenOutcome(cloud, intruder)).toBe('unknown-credential')
  })
})

describe('assertions', () => {
  test('one that was used before is refused', async () => {
    const assertion = await assertionOf(cloud, newDevice())
    expect((await sendAssertion(cloud, assertion)).status).toBe(200)
    expect((await sendAssertion(cloud, assertion)).problem).toBe('assertion-replayed')
  })

  test.each([
    ['an hour ago', -3_600_000, 'clock-skew'],
    ['in an hour', 3_600_000, 'clock-skew'],
    ['a few seconds ago', -5_000, 'granted'],
  ])('one made %s: %s', async (_, offset, outcome) => {
    expect(await tokenOutcome(cloud, newDevice(), { nowMs: Date.now() + offset })).toBe(outcome)
  })

  test('one for another audience is refused', async () => {
    expect(await tokenOutcome(cloud, newDevice(), { issuer: 'https://elsewhere.example' })).toBe('invalid-request')
  })

  test.each(['HS384', 'HS512', 'none'])('the algorithm is the credential’s own: %s is refused, whatever the header says', async (alg) => {
    const temporary = newDevice()
    const good = await assertionOf(cloud, temporary)
    const [, payload = ''] = good.split('.')
    const header = Buffer.from(JSON.stringify({ alg, kid: 't.line-7' })).toString('base64url')
    const hash = alg === 'none' ? null : `sha${alg.slice(2)}`
    const signed = `${header}.${payload}`
    const apiKey = deriveApiKey(temporary.secret, temporary.name)
    const signature = hash === null ? '' : createHmac(hash, apiKey).update(signed).digest('base64url')
    expect((await sendAssertion(cloud, `${signed}.${signature}`)).problem).toBe('unknown-credential')
    expect((await sendAssertion(cloud, good)).status).toBe(200)
  })

  test('a device without a clock gets in by the challenge of the signed time, once', async () => {
    const temporary = newDevice()
    const nonce = freshNonce()
    const jws = await callCloud(cloud, 'GET', `/v1/time?nonce=${nonce}`)
    const time = await verifySignedTime(String(jws.body), cloud.jwks, nonce)
    if (!time.ok) throw new Error(time.problem)
    expect(Math.abs(time.value.timeMs - Date.now())).toBeLessThan(2000)
    expect((await verifySignedTime(String(jws.body), cloud.jwks, freshNonce())).ok).toBe(false)
    const { challenge } = time.value
    expect(await tokenOutcome(cloud, temporary, { nowMs: 0, challenge })).toBe('granted')
    expect(await tokenOutcome(cloud, temporary, { nowMs: 0, challenge })).toBe('clock-skew')
    expect(await tokenOutcome(cloud, temporary, { nowMs: 0, challenge: 'made-up' })).toBe('clock-skew')
  })

  test('a challenge ends after a minute', async () => {
    const nonce = freshNonce()
    const time = await verifySignedTime(String((await callCloud(cloud, 'GET', `/v1/time?nonce=${nonce}`)).body), cloud.jwks, nonce)
    if (!time.ok) throw new Error(time.problem)
    offsetMs = 61_000
    const outcome = await tokenOutcome(cloud, newDevice(), { nowMs: 0, challenge: time.value.challenge })
    offsetMs = 0
    expect(outcome).toBe('clock-skew')
  })
})
