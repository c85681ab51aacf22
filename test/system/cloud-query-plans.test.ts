/** How the database finds what a device's way asks for: by an index that leads to a few rows, however many devices there are. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CompiledQuery, DefaultQueryExecutor, type Kysely, sql } from 'kysely'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { ROUTES } from '../../agent/contract/routes.ts'
import { formatSecretText } from '../../agent/contract/secret-text.ts'
import type { Tables } from '../../cloud/store/tables.ts'
import { swapForCertificate } from './certificate-device.ts'
import {
  assertionOf,
  type CertificateCredential,
  callCloud,
  type DeviceCredential,
  hotspotLogin,
  sendAssertion,
  swap,
  temporaryCredential,
  tokenOf,
  tokenOutcome,
} from './cloud-device.ts'
import { type RunningCloud, startCloud } from './cloud-server.ts'
import { cloudStage, openDatabaseOf } from './cloud-stage.ts'

/** Of these there are rows for each device, or for each time that it was seen. */
const LARGE = ['device', 'issued_secret', 'rotation_order', 'audit', 'used_once', 'alarm']

let folder: string
let cloud: RunningCloud
let key: Uint8Array
let aaa: { readonly id: string; readonly secret: string }
const asked = new Map<string, CompiledQuery>()

const temporary = (device: string) => temporaryCredential({ account: 'acme', device }, 'line-7', key)

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zipkey-plans-'))
  cloud = await startCloud({ dir: join(folder, 'cloud') })
  await cloud.createAccount('acme')
  key = (await cloud.createProvisioningKey('acme', 'line-7', { maxDevices: 100 })).bytes
  aaa = await cloud.createAaaClient('berlin', 'zipkey.test')
})

afterAll(async () => {
  vi.restoreAllMocks()
  await cloud.stop()
  await rm(folder, { recursive: true })
})

function writeDown(): void {
  const { executeQuery } = DefaultQueryExecutor.prototype
  vi.spyOn(DefaultQueryExecutor.prototype, 'executeQuery').mockImplementation(function (this: DefaultQueryExecutor, query) {
    asked.set(query.sql, query)
    return executeQuery.call(this, query)
  })
}

async function atHotspot(identity: string, method: string, certificate = ''): Promise<void> {
  const authorization = `Basic ${Buffer.from(`${aaa.id}:${aaa.secret}`).toString('base64')}`
  const headers = { authorization, 'content-type': 'application/json' }
  const shown = { identity, method, certificate, calling_station: '', called_station: '' }
  const { body } = await callCloud(cloud, 'POST', ROUTES.aaaAuthorize, { headers, body: JSON.stringify(shown) })
  const session = z.object({ 'reply:Class': z.object({ value: z.tuple([z.string()]) }) }).parse(body)['reply:Class'].value[0]
  const result = JSON.stringify({ ...shown, result: 'Access-Accept', session })
  await callCloud(cloud, 'POST', ROUTES.aaaPostAuth, { headers, body: result })
  const begun = JSON.stringify({ event: 'Start', session, seconds: '0', calling_station: '', called_station: '' })
  await callCloud(cloud, 'POST', ROUTES.aaaAccounting, { headers, body: begun })
}

const joins = (credential: DeviceCredential) => atHotspot(hotspotLogin(credential, 'zipkey.test', 'zipkey.test').identity, 'TTLS-PAP')

const orderFor = async (device: string): Promise<string> =>
  (await cloud.api.call('POST', `/v1/accounts/acme/devices/${device}/rotation-orders`, z.object({ order: z.string() }))).order

async function asks(credential: DeviceCredential | CertificateCredential): Promise<void> {
  const authorization = `Bearer ${(await tokenOf(cloud, credential)).value}`
  for (const path of [ROUTES.deviceActions, `${ROUTES.deviceConfig}?after=0`])
    await callCloud(cloud, 'GET', path, { headers: { authorization } })
}

/** Everything that devices do, and what is done for one of them. */
async function live(): Promise<void> {
  await joins(temporary('SN-1'))
  const secret = await swap(cloud, temporary('SN-1'))
  await joins(secret)
  const replayed = await assertionOf(cloud, secret)
  for (let times = 0; times < 2; times++) await sendAssertion(cloud, replayed)
  await asks(secret)
  const certificate = await swapForCertificate(cloud, secret, { order: await orderFor('SN-1') })
  await atHotspot('anonymous@acme.zipkey.test', 'TLS', certificate.chainPem)
  await asks(certificate)
  for (const ended of [secret, temporary('SN-1')]) await tokenOutcome(cloud, ended)
  const flashed = { name: { account: 'acme', device: 'flashed-1' }, id: { kind: 'flashed' }, secret: new Uint8Array(32).fill(4) } as const
  await cloud.registerDevice('acme', 'flashed-1', formatSecretText('zks_', flashed.secret))
  await joins(flashed)
  await tokenOf(cloud, flashed)
  for (const stranger of [
    { ...flashed, name: { account: 'nobody', device: 'x' } },
    { ...secret, name: { account: 'acme', device: 'x' } },
  ]) {
    await joins(stranger)
    await tokenOutcome(cloud, stranger)
  }
  await cloud.api.call('POST', '/v1/accounts/acme/devices/SN-1/rearm', z.unknown(), { credential: 't.line-7' })
  await swap(cloud, temporary('SN-1'))
  await cloud.showDevice('acme', 'SN-1')
  await cloud.audit('acme', 'SN-1')
  await cloud.api.call('POST', '/v1/accounts/acme/devices/SN-1/revoke', z.unknown(), { credential: null })
}

/** Where a query goes through more of a large table than an index leads to; of all devices of an account there may be a million. */
async function scansOf(db: Kysely<Tables>, { sql: text, parameters }: CompiledQuery): Promise<readonly string[]> {
  if (cloudStage() === 'sqlite') {
    const { rows } = await db.executeQuery<{ detail: string }>(CompiledQuery.raw(`explain query plan ${text}`, [...parameters]))
    const isLarge = (detail: string): boolean => LARGE.includes(/^(?:SCAN|SEARCH) (\w+)/.exec(detail)?.[1] ?? '')
    return rows.map(({ detail }) => detail).filter((detail) => isLarge(detail) && /^SCAN|\(account=\?\)$/.test(detail))
  }
  return db.connection().execute(async (connection) => {
    // A table of few rows is read as a whole, whatever indexes it has.
    await sql`set enable_seqscan = off`.execute(connection)
    const explain = CompiledQuery.raw(`explain (format json) ${text}`, [...parameters])
    const { rows } = await connection.executeQuery<Record<'QUERY PLAN', unknown>>(explain)
    return rows.flatMap((row) => scansIn(row['QUERY PLAN']))
  })
}

function scansIn(plan: unknown, table = ''): readonly string[] {
  if (Array.isArray(plan)) return plan.flatMap((each) => scansIn(each, table))
  if (typeof plan !== 'object' || plan === null) return []
  const node = new Map<string, unknown>(Object.entries(plan))
  const where = String(node.get('Relation Name') ?? table)
  const condition = String(node.get('Index Cond') ?? '')
  const isScan = /Scan$/.test(String(node.get('Node Type'))) && node.get('Node Type') !== 'Bitmap Heap Scan' && LARGE.includes(where)
  const isWide = condition === '' || /^\(account = [^ ]+\)$/.test(condition)
  const here = isScan && isWide ? [`${node.get('Node Type')} of ${where} by ${condition}`] : []
  return [...here, ...['Plan', 'Plans'].flatMap((member) => scansIn(node.get(member), where))]
}

test('nothing that a device does makes the database go through all devices', async () => {
  writeDown()
  await live()
  vi.restoreAllMocks()
  const queries = [...asked.values()].filter(({ sql: text }) => /^(select|update|delete) /.test(text))
  expect(queries.length).toBeGreaterThan(15)
  const db = await openDatabaseOf(cloud.dir)
  try {
    for (const query of queries) expect([query.sql, await scansOf(db, query)]).toEqual([query.sql, []])
  } finally {
    await db.destroy()
  }
})

test('what does go through all of them would be seen', async () => {
  const db = await openDatabaseOf(cloud.dir)
  try {
    const all = [
      db.selectFrom('device').selectAll().where('runs', '=', ''),
      db.selectFrom('device').select('id').where('account', '=', 'acme'),
    ]
    for (const query of all) expect(await scansOf(db, query.compile())).toHaveLength(1)
  } finally {
    await db.destroy()
  }
})
