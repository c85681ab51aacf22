import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { PROBLEMS } from '../../agent/contract/problems.ts'
import { ROUTES } from '../../agent/contract/routes.ts'
import { formatSecretText } from '../../agent/contract/secret-text.ts'
import { callCloud, hotspotLogin, swap, temporaryCredential } from './cloud-device.ts'
import { type RunningCloud, startCloud } from './cloud-server.ts'
import { openDatabaseOf, storedBytes } from './cloud-stage.ts'

let folder: string
let cloud: RunningCloud
let provisioning: { readonly text: string; readonly bytes: Uint8Array }
let aaa: { readonly id: string; readonly secret: string }
const operatorKeys: Record<string, string> = {}
const flashed = new Uint8Array(32).fill(5)

async function createOperatorKey(id: string, role: string, accounts: readonly string[] | null): Promise<void> {
  const { key } = await cloud.api.call('POST', '/v1/operator-keys', z.object({ key: z.string() }), { id, role, accounts })
  operatorKeys[id] = key
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zipkey-cloud-api-'))
  cloud = await startCloud({ dir: join(folder, 'cloud') })
  await cloud.createAccount('acme')
  await cloud.createAccount('umbra')
  provisioning = await cloud.createProvisioningKey('acme', 'line-7')
  aaa = await cloud.createAaaClient('berlin', 'zipkey.test', ['acme'])
  await cloud.registerDevice('acme', 'flashed-1', formatSecretText('zks_', flashed))
  await createOperatorKey('admin', 'admin', null)
  await createOperatorKey('acme-admin', 'admin', ['acme'])
  await createOperatorKey('acme-operator', 'operator', ['acme'])
  await createOperatorKey('acme-auditor', 'auditor', ['acme'])
  await createOperatorKey('umbra-operator', 'operator', ['umbra'])
})

afterAll(async () => {
  await cloud.stop()
  await rm(folder, { recursive: true })
})

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const basic = (id: string, secret: string) => ({ authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` })
const json = { 'content-type': 'application/json' }
const post = (path: string, headers: Record<string, string>, body: unknown) =>
  callCloud(cloud, 'POST', path, { headers: { ...headers, ...json }, body: JSON.stringify(body) })

describe('operators', () => {
  const key = (id: string) => ({ id, allow: ['*'] })
  test.each([
    ['admin', 'acme', 201],
    ['acme-admin', 'acme', 201],
    ['acme-operator', 'acme', 201],
    ['acme-auditor', 'acme', 403],
    ['umbra-operator', 'acme', 403],
    ['acme-operator', 'umbra', 403],
  ])('%s creates a provisioning key in %s: %i', async (who, account, status) => {
    const path = `/v1/accounts/${account}/provisioning-keys`
    expect((await post(path, bearer(operatorKeys[who] ?? ''), key(`by-${who}`))).status).toBe(status)
  })

  test.each([
    ['acme-auditor', 'acme', 200],
    ['umbra-operator', 'acme', 403],
  ])('%s reads the audit log of %s: %i', async (who, account, status) => {
    const answer = await callCloud(cloud, 'GET', `/v1/accounts/${account}/audit`, { headers: bearer(operatorKeys[who] ?? '') })
    expect(answer.status).toBe(status)
  })

  test('nobody gives away more than they have', async () => {
    const headers = bearer(operatorKeys['acme-admin'] ?? '')
    expect((await post('/v1/operator-keys', headers, { id: 'all', role: 'admin', accounts: null })).problem).toBe('insufficient-scope')
    expect((await post('/v1/operator-keys', headers, { id: 'umbra', role: 'auditor', accounts: ['umbra'] })).problem).toBe(
      'insufficient-scope',
    )
    expect((await post('/v1/aaa-clients', headers, { id: 'all', aaa_domain: 'x.test', accounts: null })).problem).toBe('insufficient-scope')
    expect((await post('/v1/accounts', headers, { id: 'other' })).problem).toBe('insufficient-scope')
    expect((await post('/v1/operator-keys', headers, { id: 'mine', role: 'auditor', accounts: ['acme'] })).status).toBe(201)
    const audit = await callCloud(cloud, 'GET', '/v1/audit', { headers })
    expect(JSON.stringify(audit.body)).not.toContain('umbra')
  })

  test('a wrong key, a cut key and no key are told alike, before the request is looked at', async () => {
    const good = operatorKeys.admin ?? ''
    for (const token of [
      '',
      'x',
      good.slice(0, -1),
      good.replace('zko_admin', 'zko_nobody'),
      `${good.slice(0, -1)}${good.endsWith('A') ? 'B' : 'A'}`,
    ]) {
      const answer = await post('/v1/accounts', bearer(token), { nonsense: true })
      expect([answer.status, answer.problem, answer.headers['www-authenticate']]).toEqual([401, 'invalid-token', 'Bearer realm="zipkey"'])
    }
  })

  test('what exists already, or is not there, is said', async () => {
    const headers = bearer(operatorKeys.admin ?? '')
    expect((await post('/v1/accounts', headers, { id: 'acme' })).problem).toBe('conflict')
    expect((await post('/v1/accounts', headers, { id: 'No Name' })).problem).toBe('invalid-request')
    expect((await post('/v1/accounts/nobody/provisioning-keys', headers, key('k'))).problem).toBe('not-found')
    expect((await post('/v1/accounts/acme/provisioning-keys', headers, key('line-7'))).problem).toBe('conflict')
    expect((await post('/v1/accounts/acme/provisioning-keys', headers, { id: 'k', allow: ['(a+)+$'] })).problem).toBe('invalid-request')
  })
})

describe('AAA clients', () => {
  const ask = (identity: string, headers = basic(aaa.id, aaa.secret)) =>
    post(ROUTES.aaaAuthorize, headers, { identity, method: 'TTLS-PAP', calling_station: '02-00-00-00-00-01', called_station: '' })
  const attribute = (value: z.ZodType) => z.strictObject({ op: z.literal(':='), do_xlat: z.literal(false), value: z.tuple([value]) })
  const grant = z.strictObject({
    'control:Cleartext-Password': attribute(z.string().regex(/^[A-Za-z0-9_-]{43}$/)),
    'reply:Session-Timeout': attribute(z.number().max(3600)),
    'reply:Class': attribute(z.string().regex(/^0x[0-9a-f]{32}$/)),
  })
  const passwordFor = async (identity: string) => grant.parse((await ask(identity)).body)['control:Cleartext-Password'].value[0]

  test('get the password of a good credential, for their own AAA domain', async () => {
    const name = { account: 'acme', device: 'flashed-1' }
    const { identity, password } = hotspotLogin({ name, id: { kind: 'flashed' }, secret: flashed }, 'zipkey.test', 'zipkey.test')
    expect(await passwordFor(identity)).toBe(password)
  })

  test.each([
    ['a device that nobody knows', 'nobody@acme.zipkey.test'],
    ['a device in another spelling', 'FLASHED-1@acme.zipkey.test'],
    ['an unknown key', 'SN-1+t.line-9@acme.zipkey.test'],
    ['a secret id that nobody made', `SN-1+s.m1-1-${'a'.repeat(16)}-${'b'.repeat(13)}@acme.zipkey.test`],
    ['an account that they may not see', 'x@umbra.zipkey.test'],
    ['an account that is not there', 'x@nobody.zipkey.test'],
    ['nothing at all', ''],
    ['an expansion', '%{User-Password}'],
  ])('get a password that nobody has for %s, the same each time', async (_, identity) => {
    const password = await passwordFor(identity)
    expect(await passwordFor(identity)).toBe(password)
    expect(await passwordFor(`a${identity}`)).not.toBe(password)
  })

  test('get the same answer for a device that exists and one that does not, but for the password and the handle', async () => {
    const shape = async (identity: string) => {
      const answer = await ask(identity)
      const { 'control:Cleartext-Password': _password, 'reply:Class': _handle, ...rest } = grant.parse(answer.body)
      return { status: answer.status, length: answer.headers['content-length'], rest }
    }
    expect(await shape('SN-nobody+t.line-9@acme.zipkey.test')).toEqual(await shape('SN-1+t.line-7@acme.zipkey.test'))
    expect(await shape('nobody@acme.zipkey.test')).toEqual(await shape('flashed-1@acme.zipkey.test'))
  })

  test('are not believed about a session without a handle, or of another AAA client', async () => {
    const other = await cloud.createAaaClient('paris', 'zipkey.test', ['acme'])
    const handle = `0x${'ab'.repeat(16)}`
    const report = (client: typeof other, session: string) =>
      post(ROUTES.aaaAccounting, basic(client.id, client.secret), {
        event: 'Start',
        session,
        seconds: '',
        calling_station: '',
        called_station: '',
      })
    const accept = {
      identity: 'flashed-1@acme.zipkey.test',
      method: 'TTLS-PAP',
      result: 'Access-Accept',
      calling_station: '',
      called_station: '',
    }
    for (const session of ['', handle]) await post(ROUTES.aaaPostAuth, basic(aaa.id, aaa.secret), { ...accept, session })
    const sessions = async () => (await cloud.audit('acme', 'flashed-1')).filter(({ event }) => event === 'hotspot-session').length
    for (const [client, session] of [
      [aaa, ''],
      [other, handle],
    ] as const)
      expect((await report(client, session)).status).toBe(204)
    expect(await sessions()).toBe(0)
    expect((await report(aaa, handle)).status).toBe(204)
    expect(await sessions()).toBe(1)
  })

  test('may bring a secret that was drawn elsewhere, if it is as long as ours', async () => {
    const secret = 'A'.repeat(43)
    const headers = bearer(operatorKeys.admin ?? '')
    const request = { id: 'rome', aaa_domain: 'zipkey.test', accounts: ['acme'] }
    expect((await post('/v1/aaa-clients', headers, { ...request, secret: 'short' })).problem).toBe('invalid-request')
    expect((await post('/v1/aaa-clients', headers, { ...request, secret })).status).toBe(201)
    expect((await ask('flashed-1@acme.zipkey.test', basic('rome', secret))).status).toBe(200)
  })

  test('are refused with a wrong secret', async () => {
    const answer = await ask('flashed-1@acme.zipkey.test', basic(aaa.id, `${aaa.secret.slice(0, -1)}_`))
    expect([answer.status, answer.headers['www-authenticate']]).toEqual([401, 'Basic realm="zipkey"'])
  })

  test('report nothing into an account that they may not see', async () => {
    const before = (await cloud.audit('umbra')).length
    const body = {
      identity: 'x@umbra.zipkey.test',
      method: 'TTLS-PAP',
      result: 'Access-Accept',
      session: '',
      calling_station: '',
      called_station: '',
    }
    expect((await post(ROUTES.aaaPostAuth, basic(aaa.id, aaa.secret), body)).status).toBe(204)
    expect(await cloud.audit('umbra')).toHaveLength(before)
  })
})

describe('the service', () => {
  test.each([
    ['a path that is not there', 'GET', '/v1/nothing', {}, undefined, 'not-found'],
    ['a method that is not there', 'DELETE', ROUTES.token, {}, undefined, 'not-found'],
    [
      'a form with a parameter twice',
      'POST',
      ROUTES.token,
      { 'content-type': 'application/x-www-form-urlencoded' },
      'a=1&a=2',
      'invalid-request',
    ],
    ['a body of another kind', 'POST', ROUTES.token, { 'content-type': 'text/xml' }, '<a/>', 'invalid-request'],
    [
      'an assertion that is none',
      'POST',
      ROUTES.token,
      { 'content-type': 'application/x-www-form-urlencoded' },
      'client_assertion=x',
      'invalid-request',
    ],
    ['a time without a nonce', 'GET', ROUTES.time, {}, undefined, 'invalid-request'],
  ])('answers %s with a problem document', async (_, method, path, headers, body, problem) => {
    const answer = await callCloud(cloud, method, path, { headers, ...(body === undefined ? {} : { body }) })
    expect(answer.problem).toBe(problem)
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/)
    expect(Object.keys(PROBLEMS)).toContain(problem)
  })

  test('answers a body that is too large with a problem document', async () => {
    const answer = await callCloud(cloud, 'POST', '/v1/accounts', {
      headers: { ...bearer(operatorKeys.admin ?? ''), ...json },
      body: `"${'x'.repeat(2 << 20)}"`,
    })
    expect(answer.problem).toBe('too-large')
  })

  test('keeps its keys and its database to itself', async () => {
    const modes = []
    for (const entry of await readdir(cloud.dir, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name)
      const isPublic = entry.name.endsWith('.pem')
      if (!isPublic) modes.push(`${entry.name} ${((await stat(path)).mode & 0o077).toString(8)}`)
    }
    expect(modes.length).toBeGreaterThan(6)
    expect(modes.filter((mode) => !mode.endsWith(' 0'))).toEqual([])
  })

  test('stores no secret in the clear', async () => {
    const device = await swap(cloud, temporaryCredential({ account: 'acme', device: 'clear-1' }, 'line-7', provisioning.bytes))
    const stored = await storedBytes(cloud.dir)
    expect(stored.includes('clear-1')).toBe(true)
    const secrets = [device.secret, flashed, provisioning.bytes]
    const texts = [
      ...Object.values(operatorKeys),
      aaa.secret,
      provisioning.text,
      ...secrets.map((secret) => Buffer.from(secret).toString('base64url')),
    ]
    for (const secret of secrets) expect(stored.includes(Buffer.from(secret))).toBe(false)
    for (const text of texts) expect(stored.includes(text)).toBe(false)
  })

  test('adds to its audit log and can do nothing else to it', async () => {
    const db = await openDatabaseOf(cloud.dir)
    try {
      await expect(db.updateTable('audit').set({ detail: 'never happened' }).execute()).rejects.toThrow(/only added to/)
      await expect(db.deleteFrom('audit').execute()).rejects.toThrow(/only added to/)
    } finally {
      await db.destroy()
    }
  })
})
