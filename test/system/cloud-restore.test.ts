import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { DeviceName } from '../../agent/contract/names.ts'
import { ROUTES } from '../../agent/contract/routes.ts'
import { formatSecretText } from '../../agent/contract/secret-text.ts'
import { backUp } from '../../cloud/backup/backup.ts'
import { restore } from '../../cloud/backup/restore.ts'
import { createMasterKey, formatMasterKeys } from '../../cloud/crypto/master-key.ts'
import { dataFiles } from '../../cloud/data-folder.ts'
import { startService } from '../../cloud/service.ts'
import { swapForCertificate } from './certificate-device.ts'
import {
  assertionOf,
  type CertificateCredential,
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

const WINDOW_MS = 3_600_000
const flashed = new Uint8Array(32).fill(9)

let folder: string
let backup: string
let cloud: RunningCloud
let key: Uint8Array
let aaa: { readonly id: string; readonly secret: string }
let offsetMs = 0
/** The last entry of the audit log that somebody had seen before the restore. */
let seen: number
let held: Readonly<Record<string, DeviceCredential>>
/** Devices that ask for certificates: one that rotated in the lost time, and one that enrolled in it. */
let formerCertificate: CertificateCredential
let certificates: readonly CertificateCredential[]

const nowMs = (): number => Date.now() + offsetMs
const temporary = (device: string) => temporaryCredential({ account: 'acme', device }, 'line-7', key)
const idOf = ({ id }: DeviceCredential): string => (id.kind === 'issued' ? `s.${id.secretId}` : '')

async function promoted(device: string): Promise<DeviceCredential> {
  const issued = await swap(cloud, temporary(device))
  await tokenOf(cloud, issued)
  return issued
}

async function tokenNow(credential: DeviceCredential): Promise<string> {
  const answer = await sendAssertion(cloud, await assertionOf(cloud, credential, { nowMs: nowMs() }))
  return z.object({ access_token: z.string() }).parse(answer.body).access_token
}

const orderFor = async (device: string): Promise<string> =>
  (await cloud.api.call('POST', `/v1/accounts/acme/devices/${device}/rotation-orders`, z.object({ order: z.string() }))).order

async function rotated(former: DeviceCredential): Promise<DeviceCredential> {
  const order = await orderFor(former.name.device)
  const headers = { authorization: `Bearer ${await tokenNow(former)}`, 'content-type': 'application/json' }
  const body = JSON.stringify({ nonce: freshNonce(), order })
  const answer = await callCloud(cloud, 'POST', ROUTES.deviceCredential, { headers, body })
  const issued = credentialOf(former, answer.body)
  await tokenNow(issued)
  return issued
}

function credentialOf({ name }: DeviceCredential, body: unknown): DeviceCredential {
  const { secret_id: secretId, secret } = z.object({ secret_id: z.string(), secret: z.string() }).parse(body)
  const bytes = Buffer.from(secret.slice('zks_'.length), 'base64url').subarray(0, 32)
  return { name, id: { kind: 'issued', secretId }, secret: new Uint8Array(bytes) }
}

/** Whether a hotspot lets in who shows this certificate in EAP-TLS. */
async function opens(name: DeviceName, chainPem: string): Promise<boolean> {
  const headers = {
    authorization: `Basic ${Buffer.from(`${aaa.id}:${aaa.secret}`).toString('base64')}`,
    'content-type': 'application/json',
  }
  const shown = { identity: `anonymous@${name.account}.zipkey.test`, method: 'TLS', certificate: chainPem }
  const body = JSON.stringify({ ...shown, calling_station: '', called_station: '' })
  return JSON.stringify((await callCloud(cloud, 'POST', '/v1/aaa/authorize', { headers, body })).body).includes('"Accept"')
}

const events = async (device: string) => (await cloud.audit('acme', device)).map(({ event }) => event)

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zipkey-restore-'))
  backup = join(folder, 'backup')
  cloud = await startCloud({ dir: join(folder, 'cloud'), nowMs })
  await cloud.createAccount('acme')
  key = (await cloud.createProvisioningKey('acme', 'line-7')).bytes
  aaa = await cloud.createAaaClient('berlin', 'zipkey.test')
  await cloud.registerDevice('acme', 'flashed', formatSecretText('zks_', flashed))
  const kept = await promoted('unchanged')
  const former = await promoted('rotates')
  const away = await promoted('away')
  await tokenOf(cloud, temporary('enrolled'))
  formerCertificate = await swapForCertificate(cloud, temporary('certified'))
  await tokenOf(cloud, formerCertificate)
  const pending = await swap(cloud, temporary('pending'))
  expect(await backUp(cloud.dir, backup)).toBeGreaterThan(1000)
  // The time that will be lost.
  await tokenOf(cloud, pending)
  held = {
    ...{ kept, former, pending, awayFormer: away },
    rotates: await rotated(former),
    away: await rotated(away),
    enrolled: await promoted('enrolled'),
    unknown: await promoted('unknown'),
    twiceFormer: await promoted('twice'),
  }
  held = { ...held, twice: await rotated(of('twiceFormer')) }
  const order = await orderFor('certified')
  certificates = [
    await swapForCertificate(cloud, formerCertificate, { order }),
    await swapForCertificate(cloud, temporary('certified-later')),
  ]
  for (const certificate of certificates) await tokenOf(cloud, certificate)
  await cloud.createProvisioningKey('acme', 'line-8')
  seen = (await cloud.audit('acme')).at(-1)?.seq ?? 0
})

afterAll(async () => {
  await cloud.stop()
  await rm(folder, { recursive: true })
})

function of(name: string): DeviceCredential {
  const credential = held[name]
  if (credential === undefined) throw new Error(name)
  return credential
}

describe('a backup', () => {
  test('is for its owner alone, holds no key, and is never written over another', async () => {
    expect((await stat(backup)).mode & 0o777).toBe(0o600)
    const bytes = await readFile(backup)
    const keys = z
      .object({ keys: z.array(z.object({ key: z.string() })) })
      .parse(JSON.parse(await readFile(dataFiles(cloud.dir).masterKeys, 'utf8')))
    for (const secret of [...keys.keys.map((each) => each.key), formatSecretText('zks_', flashed)])
      expect(bytes.includes(secret)).toBe(false)
    await expect(backUp(cloud.dir, backup)).rejects.toThrow(/there already/)
    expect((await readdir(folder)).filter((name) => name.includes('unfinished'))).toEqual([])
  })
})

describe('a restore', () => {
  test('is refused while a service runs, and with what is no backup', async () => {
    const options = { folder: cloud.dir, file: backup, windowMs: WINDOW_MS, nowMs: nowMs() }
    await expect(restore(options)).rejects.toThrow(/a service runs|a service works/)
    await cloud.stop()
    const nothing = join(folder, 'nothing')
    await writeFile(nothing, 'nothing')
    await expect(restore({ ...options, file: nothing })).rejects.toThrow()
    await expect(restore({ ...options, file: join(folder, 'none') })).rejects.toThrow()
    await cloud.start()
    expect(await tokenOutcome(cloud, of('rotates'))).toBe('granted')
  })

  test('is refused with other master keys than the backup was made with', async () => {
    await cloud.stop()
    const { masterKeys } = dataFiles(cloud.dir)
    const before = await readFile(masterKeys, 'utf8')
    await writeFile(masterKeys, formatMasterKeys([createMasterKey()]))
    const options = { folder: cloud.dir, file: backup, windowMs: WINDOW_MS, nowMs: nowMs() }
    await expect(restore(options)).rejects.toThrow(/master key m1/)
    await writeFile(masterKeys, before)
    await cloud.start()
    expect(await tokenOutcome(cloud, of('rotates'))).toBe('granted')
  })

  test('keeps what it replaced, and says what was lost and is to be done again', async () => {
    await cloud.stop('SIGKILL')
    const restored = await restore({ folder: cloud.dir, file: backup, windowMs: WINDOW_MS, nowMs: nowMs() })
    expect(restored.replaced).toMatch(/before/)
    expect(restored.lost?.entries).toBeGreaterThan(20)
    expect(restored.lost?.acts.map(({ event, detail }) => `${event} ${detail}`)).toContain('provisioning-key-created line-8')
    await cloud.start()
    const told = await cloud.api.call('GET', `/v1/audit?after=${seen}`, z.object({ entries: z.array(z.object({ event: z.string() })) }))
    expect(told.entries.map(({ event }) => event)).toContain('database-restored')
  })
})

describe('within the window', () => {
  const hotspot = async (credential: DeviceCredential): Promise<boolean> => {
    const { identity, password } = hotspotLogin(credential, 'zipkey.test', 'zipkey.test')
    const headers = {
      authorization: `Basic ${Buffer.from(`${aaa.id}:${aaa.secret}`).toString('base64')}`,
      'content-type': 'application/json',
    }
    const body = JSON.stringify({ identity, method: 'TTLS-PAP', calling_station: '', called_station: '' })
    return JSON.stringify((await callCloud(cloud, 'POST', '/v1/aaa/authorize', { headers, body })).body).includes(password)
  }

  test('what the backup calls good waits, whoever shows it, and gets into hotspots', async () => {
    for (const credential of [of('kept'), of('former'), of('pending'), temporary('enrolled'), temporary('unknown'), temporary('new')]) {
      const answer = await sendAssertion(cloud, await assertionOf(cloud, credential, { nowMs: nowMs() }))
      expect([credential.name.device, answer.status, answer.problem]).toEqual([credential.name.device, 503, 'unavailable'])
      const waitS = Number(answer.headers['retry-after'])
      expect(waitS).toBeGreaterThan(WINDOW_MS / 1000 - 120)
      expect(waitS).toBeLessThanOrEqual(WINDOW_MS / 1000 + 300)
      expect(await hotspot(credential)).toBe(true)
    }
    const name = { account: 'acme', device: 'flashed' }
    expect(await tokenOutcome(cloud, { name, id: { kind: 'flashed' }, secret: flashed }, { nowMs: nowMs() })).toBe('unavailable')
  })

  test.each(['rotates', 'enrolled', 'unknown', 'twice'])(
    '%s, which moved on in the lost time, is let in at once and audited',
    async (name) => {
      expect(await hotspot(of(name))).toBe(true)
      expect(await tokenOutcome(cloud, of(name))).toBe('granted')
      expect(await tokenOutcome(cloud, of(name))).toBe('granted')
      const told = await cloud.audit('acme', of(name).name.device)
      expect(told.filter(({ event }) => event === 'rolled-forward').map(({ credential }) => credential)).toEqual([idOf(of(name))])
      expect(told.map(({ event }) => event)).not.toContain('line-conflict')
      const { issued } = await cloud.showDevice('acme', of(name).name.device)
      expect(issued.filter(({ state }) => state === 'current').map(({ credential }) => credential)).toEqual([idOf(of(name))])
    },
  )

  test('who has what they replaced is refused', async () => {
    expect(await tokenOutcome(cloud, of('former'))).toBe('revoked')
    expect(await tokenOutcome(cloud, of('twiceFormer'))).toBe('revoked')
    expect(await tokenOutcome(cloud, temporary('enrolled'))).toBe('already-enrolled')
    expect(await tokenOutcome(cloud, temporary('unknown'))).toBe('already-enrolled')
    expect(await hotspot(of('former'))).toBe(false)
  })

  test('certificates of the own CA that were issued in the lost time are let in at once, and what they replaced is not', async () => {
    for (const { name, id, chainPem } of certificates) expect([id, await opens(name, chainPem)]).toEqual([id, true])
    expect(await tokenOutcome(cloud, formerCertificate)).toBe('unavailable')
    for (const certificate of certificates) {
      expect(await tokenOutcome(cloud, certificate)).toBe('granted')
      expect(await tokenOutcome(cloud, certificate)).toBe('granted')
      expect(await events(certificate.name.device)).toContain('rolled-forward')
    }
    const [certificate] = certificates
    if (certificate === undefined) throw new Error('no certificate')
    const next = await swapForCertificate(cloud, certificate, { order: await orderFor('certified') })
    expect(await tokenOutcome(cloud, next)).toBe('granted')
    // At the end, since it freezes the rotation.
    for (const former of [formerCertificate, certificate]) {
      expect(await tokenOutcome(cloud, former)).toBe('revoked')
      expect(await opens(former.name, former.chainPem)).toBe(false)
    }
  })

  test('a device that rolled forward can be rotated', async () => {
    const next = await rotated(of('enrolled'))
    expect(await tokenOutcome(cloud, of('enrolled'))).toBe('revoked')
    expect(await tokenOutcome(cloud, next)).toBe('granted')
  })

  test('an id that nobody made is refused, as ever', async () => {
    const { name, secret } = of('rotates')
    const forged = { name, id: { kind: 'issued', secretId: `m1-9-${'a'.repeat(16)}-${'b'.repeat(13)}` }, secret } as const
    expect(await tokenOutcome(cloud, forged)).toBe('unknown-credential')
    expect(await hotspot(forged)).toBe(false)
  })
})

describe('after the window', () => {
  beforeAll(() => {
    offsetMs = WINDOW_MS + 1000
  })
  const now = () => ({ nowMs: nowMs() })

  test('what the backup calls good is good again', async () => {
    expect(await tokenOutcome(cloud, of('kept'), now())).toBe('granted')
    expect(await tokenOutcome(cloud, temporary('new'), now())).toBe('granted')
    expect(await tokenOutcome(cloud, of('pending'), now())).toBe('granted')
  })

  test('a device that was away is let in over whoever used what it had replaced, and people are alarmed', async () => {
    const stolen = await rotated(of('awayFormer'))
    expect(await tokenOutcome(cloud, of('away'), now())).toBe('granted')
    expect(await tokenOutcome(cloud, stolen, now())).toBe('revoked')
    expect(await tokenOutcome(cloud, of('awayFormer'), now())).toBe('revoked')
    expect(await tokenOutcome(cloud, of('away'), now())).toBe('granted')
    expect(await events('away')).toEqual(expect.arrayContaining(['rolled-forward', 'line-conflict']))
    const alarms = await cloud.api.call(
      'GET',
      '/v1/accounts/acme/alarms',
      z.object({ alarms: z.array(z.looseObject({ kind: z.string(), device: z.string() })) }),
    )
    expect(alarms.alarms.map(({ kind, device }) => `${device} ${kind}`)).toContain('away line-conflict')
  })
})

test('a service does not start on a restore that was interrupted', async () => {
  await cloud.stop()
  const marked = async (isMarked: boolean): Promise<void> => {
    const { database } = dataFiles(cloud.dir)
    const isPostgres = JSON.parse(await readFile(dataFiles(cloud.dir).config, 'utf8')).database !== undefined
    if (!isPostgres) return isMarked ? writeFile(`${database}.restoring`, '') : rm(`${database}.restoring`)
    const db = await openDatabaseOf(cloud.dir)
    await (isMarked ? sql`create table restoring as select 'x'::text as kept` : sql`drop table restoring`).execute(db)
    await db.destroy()
  }
  await marked(true)
  await expect(startService(cloud.dir, { listen: '127.0.0.1:0' })).rejects.toThrow(/interrupted/)
  await marked(false)
  await cloud.start()
  expect(await tokenOutcome(cloud, of('rotates'), { nowMs: nowMs() })).toBe('granted')
})
