/** A database that the previous version made and filled, brought to this version's shape and used. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Kysely, Migrator, sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { deriveIssuedSecret } from '../../agent/contract/derivation.ts'
import { makeSecretId } from '../../agent/contract/secret-id.ts'
import { hashBearerKey, splitOperatorKey } from '../../cloud/crypto/bearer-key.ts'
import type { MasterKey } from '../../cloud/crypto/master-key.ts'
import { seal } from '../../cloud/crypto/sealed.ts'
import { dataFiles, readKeys } from '../../cloud/data-folder.ts'
import { initCloud } from '../../cloud/init.ts'
import { migrations } from '../../cloud/store/migrations.ts'
import { postgresEngine } from '../../cloud/store/postgres.ts'
import { sqliteEngine } from '../../cloud/store/sqlite.ts'
import {
  askForCredential,
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
import { cloudStage, newDatabase, openDatabaseOf } from './cloud-stage.ts'

const THEN = 1_790_000_000_000
const provisioningKey = new Uint8Array(32).fill(1)
const flashed = new Uint8Array(32).fill(2)
const aaaSecret = 'A'.repeat(43)
const nonces = { current: freshNonce(), pending: freshNonce(), rotating: freshNonce() }

let folder: string
let cloud: RunningCloud
let master: MasterKey
let secrets: Readonly<Record<keyof typeof nonces, DeviceCredential>>

/** A folder whose database is as the previous version left it. */
async function makePreviousVersion(dir: string): Promise<void> {
  const tls = { kind: 'self-signed' } as const
  await initCloud({ folder: dir, host: 'localhost', issuer: 'https://localhost', listen: '127.0.0.1:0', tls })
  const files = dataFiles(dir)
  const database = await newDatabase(join(folder, 'password'))
  const config: Record<string, unknown> = JSON.parse(await readFile(files.config, 'utf8'))
  await rm(files.database)
  if (database !== null) await writeFile(files.config, JSON.stringify({ ...config, database }))
  const db = await openDatabaseOf(dir)
  const provider = { getMigrations: async () => migrations(cloudStage() === 'sqlite' ? sqliteEngine : postgresEngine) }
  const { error } = await new Migrator({ db, provider }).migrateTo('0002-rotation-orders')
  if (error !== undefined) throw error
  await fill(db, dir)
  await db.destroy()
}

async function fill(db: Kysely<unknown> | Awaited<ReturnType<typeof openDatabaseOf>>, dir: string): Promise<void> {
  const { masterKeys } = await readKeys(dir)
  master = masterKeys[0]
  const operator = splitOperatorKey((await readFile(dataFiles(dir).operatorKey, 'utf8')).trim())
  const sealedKey = seal(masterKeys, ['provisioning-key', 'acme', 'line-7'], provisioningKey)
  const sealedSecret = seal(masterKeys, ['flashed-secret', 'acme', 'SN-flashed'], flashed)
  const statements = [
    sql`insert into account (id, created_at) values ('acme', ${THEN})`,
    sql`insert into operator_key (id, hash, role, accounts, created_at)
      values (${operator.id}, ${hashBearerKey(operator.secret)}, 'admin', null, ${THEN})`,
    sql`insert into aaa_client (id, hash, aaa_domain, accounts, created_at)
      values ('berlin', ${hashBearerKey(aaaSecret)}, 'zipkey.test', '["acme"]', ${THEN})`,
    sql`insert into provisioning_key (account, id, sealed_key, allow, not_before, not_after, max_devices, retired_at, revision, created_at)
      values ('acme', 'line-7', ${sealedKey}, '["SN-*"]', null, null, 5, null, 3, ${THEN})`,
    sql`insert into device (account, id, folded_id, temporary, enrolled_by, flashed, sealed_secret, revision, created_at) values
      ('acme', 'SN-open', 'sn-open', 'open', 'line-7', 'none', null, 1, ${THEN}),
      ('acme', 'SN-pending', 'sn-pending', 'open', 'line-7', 'none', null, 2, ${THEN}),
      ('acme', 'SN-current', 'sn-current', 'superseded', 'line-7', 'none', null, 3, ${THEN}),
      ('acme', 'SN-rotating', 'sn-rotating', 'superseded', 'line-7', 'none', null, 3, ${THEN}),
      ('acme', 'SN-flashed', 'sn-flashed', 'none', null, 'good', ${sealedSecret}, 0, ${THEN})`,
    sql`insert into used_once (id, expires_at) values ('jti:long-ago', ${THEN + 60_000})`,
    sql`insert into rotation_order (id, account, device, created_at, closed_at) values
      ('old-order', 'acme', 'SN-rotating', ${THEN}, ${THEN + 1}), ('order-1', 'acme', 'SN-rotating', ${THEN + 2}, null)`,
    sql`insert into audit (at, account, device, credential, event, principal, detail, session) values
      (${THEN}, null, null, null, 'operator-key-created', 'init', 'first admin all accounts', null),
      (${THEN}, 'acme', 'SN-open', 't.line-7', 'enrolled', 'device', '', null)`,
  ]
  for (const statement of statements) await statement.execute(db)
  const insertSecret = async (device: string, nonce: string, state: string): Promise<DeviceCredential> => {
    const name = { account: 'acme', device }
    const secretId = makeSecretId(master.id, master.bytes, name, 1, new Uint8Array(10).fill(3))
    await sql`insert into issued_secret (secret_id, account, device, generation, nonce, state, created_at, changed_at)
      values (${secretId}, 'acme', ${device}, 1, ${nonce}, ${state}, ${THEN}, ${THEN})`.execute(db)
    return { name, id: { kind: 'issued', secretId }, secret: deriveIssuedSecret(master.bytes, name, secretId) }
  }
  secrets = {
    pending: await insertSecret('SN-pending', nonces.pending, 'pending'),
    current: await insertSecret('SN-current', nonces.current, 'current'),
    rotating: await insertSecret('SN-rotating', nonces.rotating, 'current'),
  }
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zipkey-migrations-'))
  const dir = join(folder, 'cloud')
  await makePreviousVersion(dir)
  // On the stage `pair` both processes start at once and find it as the previous version left it.
  cloud = await startCloud({ dir })
})

afterAll(async () => {
  await cloud.stop()
  await rm(folder, { recursive: true })
})

const temporary = (device: string) => temporaryCredential({ account: 'acme', device }, 'line-7', provisioningKey)

test('every credential that was good is good, and every one that was not is not', async () => {
  expect(await tokenOutcome(cloud, temporary('SN-open'))).toBe('granted')
  expect(await tokenOutcome(cloud, secrets.current)).toBe('granted')
  expect(await tokenOutcome(cloud, temporary('SN-current'))).toBe('already-enrolled')
  expect(await tokenOutcome(cloud, { name: { account: 'acme', device: 'SN-flashed' }, id: { kind: 'flashed' }, secret: flashed })).toBe(
    'granted',
  )
})

test('a device that was in the middle of its swap gets the same answer, and goes on', async () => {
  const token = await tokenOf(cloud, temporary('SN-pending'))
  const again = await askForCredential(cloud, token.value, nonces.pending)
  expect(again.body).toMatchObject({ secret_id: secrets.pending.id.kind === 'issued' ? secrets.pending.id.secretId : '' })
  expect(await tokenOutcome(cloud, secrets.pending)).toBe('granted')
  expect(await tokenOutcome(cloud, temporary('SN-pending'))).toBe('already-enrolled')
})

test('a device starts anew, the maximum of its key counts those from before', async () => {
  const issued = await swap(cloud, temporary('SN-new'))
  expect(await tokenOutcome(cloud, issued)).toBe('granted')
  expect(await tokenOutcome(cloud, temporary('SN-one-too-many'))).toBe('unknown-credential')
})

test('an order that was open is followed', async () => {
  const token = await tokenOf(cloud, secrets.rotating)
  const headers = { authorization: `Bearer ${token.value}`, 'content-type': 'application/json' }
  const body = (order: string) => JSON.stringify({ nonce: freshNonce(), order })
  const closed = await callCloud(cloud, 'POST', '/v1/device/credential', { headers, body: body('old-order') })
  expect(closed.problem).toBe('order-closed')
  expect((await callCloud(cloud, 'POST', '/v1/device/credential', { headers, body: body('order-1') })).status).toBe(201)
})

test('hotspots open as before', async () => {
  const authorization = `Basic ${Buffer.from(`berlin:${aaaSecret}`).toString('base64')}`
  const { identity, password } = hotspotLogin(secrets.current, 'zipkey.test', 'zipkey.test')
  const asked = JSON.stringify({ identity, method: 'TTLS-PAP', calling_station: '', called_station: '' })
  const headers = { authorization, 'content-type': 'application/json' }
  const answer = await callCloud(cloud, 'POST', '/v1/aaa/authorize', { headers, body: asked })
  expect(JSON.stringify(answer.body)).toContain(password)
})

test('the audit log goes on after its old entries', async () => {
  const entries = await cloud.audit('acme', 'SN-open')
  expect(entries[0]).toMatchObject({ seq: 2, at: THEN, event: 'enrolled' })
  expect(entries.length).toBeGreaterThan(1)
})
