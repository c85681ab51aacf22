/** Batches that a factory registers: signed by it, encrypted to the cloud. */
import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { certificateFingerprint } from '../../agent/contract/certificate.ts'
import { REGISTRATION_ROUTES, type RegistrationRow } from '../../agent/contract/registration.ts'
import { formatSecretText } from '../../agent/contract/secret-text.ts'
import { OpensslFolder } from '../fakes/openssl-certificates.ts'
import { callCloud, type DeviceCredential, swap, temporaryCredential, tokenOf, tokenOutcome } from './cloud-device.ts'
import { type RunningCloud, startCloud } from './cloud-server.ts'
import { type Factory, knownFactory, type PartChanges, register, sealPart, strangeFactory } from './factory-manifest.ts'

let folder: string
let cloud: RunningCloud
let factory: Factory
let openssl: OpensslFolder

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zipkey-registrations-'))
  cloud = await startCloud({ dir: join(folder, 'cloud') })
  await cloud.createAccount('acme')
  factory = await knownFactory(cloud, 'acme', 'line-7')
  openssl = new OpensslFolder(folder)
  openssl.key('ca', 'P-256')
  openssl.certificate('ca', { issuer: null, isCa: true })
})

afterAll(async () => {
  await cloud.stop()
  await rm(folder, { recursive: true })
})

let count = 0
const nextId = (): string => `SN-${++count}`

/** A device with a secret of its own, and its row. */
function withSecret(id = nextId()): { readonly row: RegistrationRow; readonly device: DeviceCredential } {
  const secret = new Uint8Array(randomBytes(32))
  return {
    row: { kind: 'shared-secret', id, secret: formatSecretText('zks_', secret) },
    device: { name: { account: 'acme', device: id }, id: { kind: 'flashed' }, secret },
  }
}

function withCertificate(id = nextId()) {
  openssl.key(id, 'P-256')
  openssl.certificate(id, { issuer: 'ca', isCa: false })
  const [chainPem, privateKey] = [openssl.read(`${id}.pem`), createPrivateKey(openssl.read(`${id}.key`))]
  const fingerprint = certificateFingerprint(new X509Certificate(chainPem).raw)
  return {
    row: { kind: 'certificate', id, fingerprint } satisfies RegistrationRow,
    device: { name: { account: 'acme', device: id }, id: { kind: 'certificate', fingerprint } as const, privateKey, chainPem },
  }
}

const give = async (rows: readonly RegistrationRow[], changes: PartChanges = {}) =>
  register(cloud, await sealPart(cloud, factory, rows, changes))
const statuses = async (rows: readonly RegistrationRow[], changes: PartChanges = {}) =>
  (await give(rows, changes)).map(({ status, message }) => (message === '' ? status : `${status}: ${message}`))

describe('a part of a manifest', () => {
  it.each(['ndjson', 'csv'] as const)('in %s registers devices with secrets and certificates', async (content) => {
    const [secret, certificate] = [withSecret(), withCertificate()]
    expect(await tokenOutcome(cloud, secret.device)).toBe('unknown-credential')
    expect(await statuses([secret.row, certificate.row], { content })).toEqual(['registered', 'registered'])
    expect((await tokenOf(cloud, secret.device)).scope).toBe('device')
    expect((await tokenOf(cloud, certificate.device)).scope).toBe('device')
    const audit = await cloud.audit('acme', secret.row.id)
    expect(audit.map(({ event, detail }) => [event, detail])).toContainEqual(['registered', 'batch b1'])
  })

  it('enrols devices that hold a temporary secret, as far as the provisioning key allows', async () => {
    const { bytes } = await cloud.createProvisioningKey('acme', 'line-7', { allow: ['T-*', 'X-1'], maxDevices: 3 })
    const row = (id: string): RegistrationRow => ({ kind: 'temporary', id, keyId: 'line-7' })
    expect(await statuses([row('T-1'), row('X-1'), row('X-2'), row('T-2'), row('T-3')])).toEqual([
      'registered',
      'registered',
      'refused: the provisioning key does not allow this device id',
      'registered',
      'refused: the provisioning key has enrolled as many devices as it may',
    ])
    expect(await statuses([{ kind: 'temporary', id: 'T-9', keyId: 'line-8' }])).toEqual(['refused: there is no provisioning key line-8'])
    const temporary = temporaryCredential({ account: 'acme', device: 'T-1' }, 'line-7', bytes)
    const issued = await swap(cloud, temporary)
    expect(await tokenOutcome(cloud, issued)).toBe('granted')
    expect(await statuses([row('T-1')])).toEqual(['unchanged'])
    expect(await tokenOutcome(cloud, temporary)).toBe('already-enrolled')
  })

  it('changes nothing when it comes again, whatever became of the devices', async () => {
    const [one, other] = [withSecret(), withCertificate()]
    const part = await sealPart(cloud, factory, [one.row, other.row])
    await register(cloud, part)
    const before = await cloud.audit('acme')
    await cloud.api.call('POST', `/v1/accounts/acme/devices/${one.row.id}/revoke`, z.unknown(), { credential: null })
    expect((await register(cloud, part)).map(({ status }) => status)).toEqual(['unchanged', 'unchanged'])
    expect(await tokenOutcome(cloud, one.device)).toBe('revoked')
    expect(await tokenOutcome(cloud, other.device)).toBe('granted')
    expect((await cloud.audit('acme', one.row.id)).filter(({ event }) => event === 'registered')).toHaveLength(1)
    expect(before.length).toBeGreaterThan(0)
  })

  it('never writes over what is registered: such rows are conflicts, and the others are registered', async () => {
    const [secret, certificate, fresh] = [withSecret(), withCertificate(), withSecret()]
    await give([secret.row, certificate.row])
    const rows: readonly RegistrationRow[] = [
      withSecret(secret.row.id).row,
      { kind: 'certificate', id: secret.row.id, fingerprint: certificate.row.fingerprint },
      withSecret(certificate.row.id).row,
      withSecret(secret.row.id.toLowerCase()).row,
      fresh.row,
      { ...certificate.row, id: nextId() },
    ]
    const results: string[] = []
    for (const row of rows) results.push(...(await statuses([row])))
    const another = 'conflict: the device is registered with another credential'
    expect(results).toEqual([
      another,
      another,
      another,
      `conflict: a device ${secret.row.id}, in another case, is registered`,
      'registered',
      "conflict: the certificate is another device's",
    ])
    expect(await tokenOutcome(cloud, secret.device)).toBe('granted')
    expect(await tokenOutcome(cloud, certificate.device)).toBe('granted')
  })

  it('has a result for every wrong row, which does not keep the others out', async () => {
    const [good, damaged] = [withSecret(), withSecret()]
    const text = [
      JSON.stringify({ ...good.row }),
      JSON.stringify({ ...damaged.row, secret: `${'secret' in damaged.row ? damaged.row.secret.slice(0, -1) : ''}` }),
      JSON.stringify({ ...withSecret(good.row.id).row }),
      JSON.stringify({ id: 'SN 1', kind: 'shared-secret' }),
      JSON.stringify({ id: nextId(), kind: 'password' }),
      'no json',
    ]
    const results = await statuses([], { text: `${text.join('\n')}\n`, header: { rows: text.length, of: text.length } })
    expect(results).toEqual([
      'registered',
      expect.stringMatching(/^refused: .*(43|checksum|zks_)/),
      expect.stringMatching(/^refused: an earlier row/),
      expect.stringMatching(/^refused: a device id is/),
      expect.stringMatching(/^refused: the kind of a row/),
      expect.stringMatching(/^refused: a device id is/),
    ])
    expect(await tokenOutcome(cloud, good.device)).toBe('granted')
  })

  it('may come twice at once', async () => {
    const rows = Array.from({ length: 120 }, () => withSecret().row)
    const part = await sealPart(cloud, factory, rows)
    const both = await Promise.all([part, part].map((each) => register(cloud, each).catch((error: unknown) => String(error))))
    const again = both.filter((each) => typeof each === 'string')
    for (const each of again) expect(each).toMatch(/unavailable/)
    expect((await register(cloud, part)).every(({ status }) => status === 'unchanged')).toBe(true)
    const audit = await cloud.audit('acme', rows[0]?.id)
    expect(audit.filter(({ event }) => event === 'registered')).toHaveLength(1)
  })
})

describe('a part is refused as a whole', () => {
  const { row } = withSecret()
  it.each<[string, () => Promise<string>, RegExp]>([
    ['of a factory that nobody knows', async () => sealPart(cloud, await strangeFactory(), [row]), /factory key .* is not known/],
    [
      'that says another key than it is signed by',
      async () => sealPart(cloud, { ...(await strangeFactory()), kid: factory.kid }, [row]),
      /damaged/,
    ],
    ['encrypted to another cloud', async () => sealPart(cloud, factory, [row], { registrationKey: await foreignKey() }), /another cloud's/],
    ['for another account', () => sealPart(cloud, factory, [row], { header: { account: 'umbra' } }), /for account umbra/],
    ['with a row too few', () => sealPart(cloud, factory, [row], { header: { rows: 2, of: 2 } }), /as many rows/],
    ['with a row cut off', () => sealPart(cloud, factory, [row], { text: JSON.stringify(row) }), /cut off/],
    ['that says nothing of itself', () => sealPart(cloud, factory, [row], { header: { of: undefined } }), /header of a part/],
    ['of another type', () => sealPart(cloud, factory, [row], { header: { typ: 'JWT' } }), /typ of a part/],
    ['with an unknown content', () => sealPart(cloud, factory, [row], { header: { cty: 'text/plain' } }), /content of a part/],
    ['that is no JWE', async () => 'part', /damaged/],
    ['that was changed', async () => flipped(await sealPart(cloud, factory, [row])), /damaged/],
  ])('%s', async (_, part, line) => {
    await expect(register(cloud, await part())).rejects.toThrow(line)
    expect(await tokenOutcome(cloud, withSecret(row.id).device)).toBe('unknown-credential')
  })

  const foreignKey = async () => ({ ...(await strangeFactory()).jwk, kid: 'other' })
  const flipped = (part: string): string =>
    part.replace(/\.([^.]{4})([^.]+)$/, (_, tag: string, rest: string) => `.${tag === 'AAAA' ? 'BBBB' : 'AAAA'}${rest}`)

  it('of a factory whose key was retired, and of one that is not of this account', async () => {
    const retired = await knownFactory(cloud, 'acme', 'line-8')
    await cloud.api.call('POST', '/v1/accounts/acme/factory-keys/line-8/retire', z.null())
    await expect(register(cloud, await sealPart(cloud, retired, [row]))).rejects.toThrow(/line-8, which is retired/)
    await cloud.createAccount('umbra')
    const part = await sealPart(cloud, factory, [row], { header: { account: 'umbra' } })
    await expect(register(cloud, part, 'umbra')).rejects.toThrow(/not known in account umbra/)
    await expect(register(cloud, part, 'nobody')).rejects.toThrow(/no account nobody/)
  })

  it('from whoever may only read', async () => {
    const { key } = await cloud.api.call('POST', '/v1/operator-keys', z.object({ key: z.string() }), { id: 'reader', role: 'auditor' })
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
    const body = JSON.stringify({ part: await sealPart(cloud, factory, [row]) })
    const answer = await callCloud(cloud, 'POST', REGISTRATION_ROUTES.registrations('acme'), { headers, body })
    expect(answer.problem).toBe('insufficient-scope')
  })
})

describe('a factory key', () => {
  it('is added once, listed and retired', async () => {
    const { jwk, kid } = await strangeFactory()
    const add = (id: string) => cloud.api.call('POST', '/v1/accounts/acme/factory-keys', z.object({ kid: z.string() }), { id, key: jwk })
    expect(await add('line-9')).toEqual({ kid })
    await expect(add('line-9')).rejects.toThrow(/exists already/)
    await expect(add('line-10')).rejects.toThrow(/exists already/)
    const retire = () => cloud.api.call('POST', '/v1/accounts/acme/factory-keys/line-9/retire', z.null())
    await retire()
    await expect(retire()).rejects.toThrow(/no factory key line-9/)
    const listed = z.object({ factory_keys: z.array(z.object({ id: z.string(), retired: z.boolean() })) })
    const { factory_keys } = await cloud.api.call('GET', '/v1/accounts/acme/factory-keys', listed)
    expect(factory_keys).toContainEqual({ id: 'line-9', retired: true })
  })

  it('is a point of P-256', async () => {
    const key = { kty: 'EC', crv: 'P-256', x: 'A'.repeat(43), y: 'A'.repeat(43) }
    const add = cloud.api.call('POST', '/v1/accounts/acme/factory-keys', z.unknown(), { id: 'odd', key })
    await expect(add).rejects.toThrow(/no point of P-256/)
  })
})

describe('a batch', () => {
  it('shows which of its parts arrived', async () => {
    const [first, third] = [withSecret(), withSecret()]
    const header = { batch: 'b7', of: 3 }
    await give([third.row], { header: { ...header, part: 2, from: 2 } })
    await give([first.row], { header: { ...header, part: 0, from: 0 } })
    const shown = z.object({ devices: z.number().nullable(), parts: z.array(z.object({ part: z.number(), rows: z.number() })) })
    const arrived = (batch: string) => cloud.api.call('GET', `${REGISTRATION_ROUTES.registrations('acme')}/${batch}`, shown)
    expect(await arrived('b7')).toEqual({
      devices: 3,
      parts: [
        { part: 0, rows: 1 },
        { part: 2, rows: 1 },
      ],
    })
    expect(await arrived('b8')).toEqual({ devices: null, parts: [] })
  })

  it('tells how its devices stand, and is revoked whole', async () => {
    const [one, other] = [withSecret(), withCertificate()]
    await give([one.row, other.row])
    const devices = [one.row.id, other.row.id, 'SN-unknown', one.row.id.toLowerCase()]
    const states = z.object({ devices: z.array(z.object({ id: z.string(), flashed: z.string(), current: z.string().nullable() })) })
    const ask = () => cloud.api.call('POST', REGISTRATION_ROUTES.deviceStates('acme'), states, { devices })
    expect(new Map((await ask()).devices.map(({ id, flashed, current }) => [id, [flashed, current]]))).toEqual(
      new Map([
        [one.row.id, ['good', null]],
        [other.row.id, ['none', `c.${other.device.id.fingerprint}`]],
      ]),
    )
    const results = z.object({ results: z.array(z.object({ id: z.string(), status: z.string() })) })
    const revoke = () => cloud.api.call('POST', REGISTRATION_ROUTES.deviceRevocations('acme'), results, { devices })
    expect((await revoke()).results.map(({ status }) => status)).toEqual(['revoked', 'revoked', 'unknown', 'unknown'])
    expect((await revoke()).results.map(({ status }) => status)).toEqual(['unchanged', 'unchanged', 'unknown', 'unknown'])
    expect(await tokenOutcome(cloud, one.device)).toBe('revoked')
    expect(await tokenOutcome(cloud, other.device)).toBe('revoked')
    expect((await cloud.audit('acme', one.row.id)).map(({ event }) => event)).toContain('credential-revoked')
  })
})
