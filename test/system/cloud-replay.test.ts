import { createHmac, randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { deriveApiKey } from '../../agent/contract/derivation.ts'
import { ROUTES } from '../../agent/contract/routes.ts'
import { verifySignedTime } from '../../agent/contract/signed-time.ts'
import {
  askForCredential,
  assertionOf,
  callCloud,
  type DeviceCredential,
  freshNonce,
  hotspotLogin,
  sendAssertion,
  swap,
  temporaryCredential,
  tokenOf,
  tokenOutcome,
} from './cloud-device.ts'
import { type RunningCloud, startCloud } from './cloud-server.ts'
import { openDatabaseOf } from './cloud-stage.ts'

let folder: string
let cloud: RunningCloud
let key: Uint8Array
let aaa: { readonly id: string; readonly secret: string }

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zipkey-cloud-replay-'))
  cloud = await startCloud({ dir: join(folder, 'cloud'), mode: 'child' })
  await cloud.createAccount('acme')
  key = (await cloud.createProvisioningKey('acme', 'line-7')).bytes
  aaa = await cloud.createAaaClient('berlin', 'zipkey.test', ['acme'])
})

afterAll(async () => {
  await cloud.stop()
  await rm(folder, { recursive: true })
})

const temporary = (device: string): DeviceCredential => temporaryCredential({ account: 'acme', device }, 'line-7', key)
const dieAndRise = async (): Promise<void> => {
  await cloud.stop('SIGKILL')
  await cloud.start()
}

describe('a cloud that was killed and is back knows', () => {
  test('every assertion and challenge that was used', async () => {
    const nonce = freshNonce()
    const time = await verifySignedTime(String((await callCloud(cloud, 'GET', `${ROUTES.time}?nonce=${nonce}`)).body), cloud.jwks, nonce)
    if (!time.ok) throw new Error(time.problem)
    const { challenge } = time.value
    const plain = await assertionOf(cloud, temporary('replay-1'))
    expect((await sendAssertion(cloud, plain)).status).toBe(200)
    expect(await tokenOutcome(cloud, temporary('replay-2'), { nowMs: 0, challenge })).toBe('granted')
    await dieAndRise()
    expect((await sendAssertion(cloud, plain)).problem).toBe('assertion-replayed')
    expect(await tokenOutcome(cloud, temporary('replay-2'), { nowMs: 0, challenge })).toBe('clock-skew')
  })

  test('every nonce: the one that waits, the one that was superseded and the one that was used', async () => {
    const device = temporary('replay-3')
    const [superseded, waiting] = [freshNonce(), freshNonce()]
    await swap(cloud, device, superseded)
    const issued = await swap(cloud, device, waiting)
    await dieAndRise()
    const token = await tokenOf(cloud, device)
    expect((await askForCredential(cloud, token.value, superseded)).problem).toBe('nonce-spent')
    expect(await swap(cloud, device, waiting)).toEqual(issued)
    expect(await tokenOutcome(cloud, issued)).toBe('granted')
    await dieAndRise()
    expect((await askForCredential(cloud, token.value, waiting)).problem).toBe('already-enrolled')
    expect(await tokenOutcome(cloud, device)).toBe('already-enrolled')
    expect(await tokenOutcome(cloud, issued)).toBe('granted')
  })
})

describe('an id that is spelled otherwise', () => {
  const ID = 'Kelvin-1.a'
  let issued: DeviceCredential

  beforeAll(async () => {
    issued = await swap(cloud, temporary(ID))
    await tokenOf(cloud, issued)
  })

  /** Signed by the device's own key, since a thief may have it. */
  function assertionFor(subject: string): string {
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
    const iat = Math.floor(Date.now() / 1000)
    const kid = issued.id.kind === 'issued' ? `s.${issued.id.secretId}` : ''
    const claims = { iss: subject, sub: subject, aud: cloud.issuer, iat, exp: iat + 60, jti: randomUUID() }
    const signed = `${part({ alg: 'HS256', kid })}.${part(claims)}`
    return `${signed}.${createHmac('sha256', deriveApiKey(issued.secret, issued.name)).update(signed).digest('base64url')}`
  }

  async function passwordFor(identity: string): Promise<string> {
    const authorization = `Basic ${Buffer.from(`${aaa.id}:${aaa.secret}`).toString('base64')}`
    const headers = { authorization, 'content-type': 'application/json' }
    const body = JSON.stringify({ identity, method: 'TTLS-PAP', calling_station: '', called_station: '' })
    const answer = z.object({ 'control:Cleartext-Password': z.object({ value: z.tuple([z.string()]) }) })
    return answer.parse((await callCloud(cloud, 'POST', ROUTES.aaaAuthorize, { headers, body })).body)['control:Cleartext-Password']
      .value[0]
  }

  test('as it is, it opens', async () => {
    expect((await sendAssertion(cloud, assertionFor(`acme/${ID}`))).status).toBe(200)
    const { identity, password } = hotspotLogin(issued, 'zipkey.test', 'zipkey.test')
    expect(await passwordFor(identity)).toBe(password)
  })

  test.each([
    ['in lower case', 'kelvin-1.a', 'unknown-credential'],
    ['in upper case', 'KELVIN-1.A', 'unknown-credential'],
    ['without its dot', 'Kelvin-1a', 'unknown-credential'],
    ['with an underscore', 'Kelvin_1.a', 'unknown-credential'],
    ['with the Kelvin sign, whose lower case is a k', '\u212Aelvin-1.a', 'invalid-request'],
    ['with a hyphen that does not break', 'Kelvin\u20111.a', 'invalid-request'],
    ['in full width', '\uFF2Belvin-1.a', 'invalid-request'],
    ['with a dot too many', 'Kelvin-1..a', 'invalid-request'],
    ['with a dot at its end', 'Kelvin-1.a.', 'invalid-request'],
    ['with a blank', 'Kelvin-1.a ', 'invalid-request'],
    ['with a new line', 'Kelvin-1.a\n', 'invalid-request'],
    ['with a NUL', 'Kelvin-1.a\0', 'invalid-request'],
    ['in percent', 'Kelvin-1%2Ea', 'invalid-request'],
    ['with a path', 'x/../Kelvin-1.a', 'invalid-request'],
    ['too long', `Kelvin-1.${'a'.repeat(55)}`, 'invalid-request'],
    ['not at all', '', 'invalid-request'],
  ])('%s it opens nothing, and makes no device', async (_, id, problem) => {
    const db = await openDatabaseOf(cloud.dir)
    const devices = async () => JSON.stringify(await db.selectFrom('device').select(['account', 'id', 'temporary', 'flashed']).execute())
    const before = await devices()
    expect((await sendAssertion(cloud, assertionFor(`acme/${id}`))).problem).toBe(problem)
    const { identity, password } = hotspotLogin(issued, 'zipkey.test', 'zipkey.test')
    expect(await passwordFor(identity.replace(ID, id))).not.toBe(password)
    const isAnother = problem === 'unknown-credential' && id.toLowerCase() !== ID.toLowerCase()
    if (!isAnother) expect(await cloud.registerDevice('acme', id, 'an old secret of ours', 'opaque')).not.toBe('registered')
    expect(await devices()).toBe(before)
    await db.destroy()
  })

  test.each(['ACME', 'acme.', 'acme ', 'аcme', 'acme/x'])('the account %j is not acme', async (account) => {
    expect((await sendAssertion(cloud, assertionFor(`${account}/${ID}`))).problem).toBe('invalid-request')
    const { identity, password } = hotspotLogin(issued, 'zipkey.test', 'zipkey.test')
    expect(await passwordFor(identity.replace('@acme', `@${account}`))).not.toBe(password)
  })
})
