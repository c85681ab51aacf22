import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { ROUTES } from '../../agent/contract/routes.ts'
import type { Scope } from '../../agent/contract/token.ts'
import { signAccessToken } from '../../cloud/crypto/access-token.ts'
import { createSigningKey, formatSigningKeys, parseSigningKeyFile, type SigningKeys } from '../../cloud/crypto/signing-key.ts'
import { readKeys } from '../../cloud/data-folder.ts'
import { assertionOf, callCloud, type DeviceCredential, freshNonce, swap, temporaryCredential, tokenOf } from './cloud-device.ts'
import { type RunningCloud, startCloud } from './cloud-server.ts'
import { openDatabaseOf } from './cloud-stage.ts'
import { dumpDatabase } from './database-dump.ts'

/** What a caller is, as far as a route asks; a caller that proves nothing is of no kind. */
type Caller = { readonly headers: Record<string, string> } & (
  | { readonly kind: 'none' }
  | { readonly kind: 'device'; readonly scope: Scope }
  | { readonly kind: 'operator'; readonly role: string; readonly account: string | null }
  | { readonly kind: 'aaa' }
)

type Route = {
  readonly method: string
  readonly path: string
  readonly security: readonly Readonly<Record<string, readonly string[]>>[]
}

const ROLES = ['auditor', 'operator', 'admin']
/** It changes nothing, and lists more ids than a URL holds. */
const LONG_QUESTION = '/v1/accounts/{account}/device-states'
const document = z.object({
  openapi: z.literal('3.1.0'),
  paths: z.record(z.string(), z.record(z.string(), z.object({ security: z.array(z.record(z.string(), z.array(z.string()))) }))),
})

let folder: string
let cloud: RunningCloud
let keys: SigningKeys
let device: DeviceCredential
let temporary: DeviceCredential
let routes: readonly Route[]
let callers: Readonly<Record<string, Caller>>

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const basic = (id: string, secret: string) => ({ authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` })

async function operatorKey(id: string, role: string, account: string | null): Promise<string> {
  const body = { id, role, accounts: account === null ? null : [account] }
  return (await cloud.api.call('POST', '/v1/operator-keys', z.object({ key: z.string() }), body)).key
}

const operator = (role: string, account: string | null, key: string): Caller => ({ kind: 'operator', role, account, headers: bearer(key) })
const nobody = (headers: Record<string, string>): Caller => ({ kind: 'none', headers })

async function foreignSigningKeys(kid: string): Promise<SigningKeys> {
  const foreign = parseSigningKeyFile(formatSigningKeys([{ ...(await createSigningKey()), kid }]))
  if (!foreign.ok) throw new Error(foreign.problem)
  return foreign.value
}

async function forgedTokens(): Promise<Readonly<Record<string, Caller>>> {
  const claims = { name: device.name, scope: 'device', credentialId: device.id } as const
  const hourAgoMs = Date.now() - 3_600_000
  const good = await signAccessToken(keys, cloud.issuer, claims, Date.now())
  const [, payload = ''] = good.split('.')
  const unsigned = `${Buffer.from(JSON.stringify({ alg: 'none', typ: 'at+jwt' })).toString('base64url')}.${payload}.`
  const time = await callCloud(cloud, 'GET', `${ROUTES.time}?nonce=${freshNonce()}`)
  return {
    'an expired token': nobody(bearer(await signAccessToken(keys, cloud.issuer, claims, hourAgoMs))),
    'a token by a key of the same name': nobody(
      bearer(await signAccessToken(await foreignSigningKeys(keys.kid), cloud.issuer, claims, Date.now())),
    ),
    'a token by another key': nobody(bearer(await signAccessToken(await foreignSigningKeys('other'), cloud.issuer, claims, Date.now()))),
    'a token of another issuer': nobody(bearer(await signAccessToken(keys, 'https://elsewhere.example', claims, Date.now()))),
    'a token without a signature': nobody(bearer(unsigned)),
    'a token cut short': nobody(bearer(good.slice(0, -1))),
    'a good token as a password': nobody(basic('berlin', good)),
    'a client assertion as a token': nobody(bearer(await assertionOf(cloud, device))),
    'the signed time as a token': nobody(bearer(String(time.body))),
  }
}

async function everyCaller(): Promise<Readonly<Record<string, Caller>>> {
  const aaa = await cloud.createAaaClient('berlin', 'zipkey.test', ['acme'])
  const admin = await operatorKey('all-admin', 'admin', null)
  const changed = (text: string): string => `${text.slice(0, -2)}${text.endsWith('AA') ? 'BB' : 'AA'}`
  return {
    nobody: nobody({}),
    'an empty header': nobody({ authorization: '' }),
    'a bearer without a token': nobody(bearer('')),
    'a token that is garbage': nobody(bearer('x'.repeat(3000))),
    'a password that is garbage': nobody({ authorization: 'Basic !!!' }),
    'an unknown scheme': nobody({ authorization: `Digest ${admin}` }),
    ...(await forgedTokens()),
    'an operator key with a wrong secret': nobody(bearer(changed(admin))),
    'an operator key of another id': nobody(bearer(admin.replace('zko_all-admin', 'zko_nobody'))),
    'an operator key as a password': nobody(basic('all-admin', admin)),
    'an operator key as an AAA client’s secret': nobody(basic('berlin', admin.split('_').at(-1) ?? '')),
    'an AAA secret as a token': nobody(bearer(aaa.secret)),
    'an AAA secret as an operator key': nobody(bearer(`zko_all-admin_${aaa.secret}`)),
    'an AAA client with a wrong secret': nobody(basic(aaa.id, changed(aaa.secret))),
    'an AAA client of another id': nobody(basic('paris', aaa.secret)),
    'a device that enrols': { kind: 'device', scope: 'enrol', headers: bearer((await tokenOf(cloud, temporary)).value) },
    'a device': { kind: 'device', scope: 'device', headers: bearer((await tokenOf(cloud, device)).value) },
    'an AAA client': { kind: 'aaa', headers: basic(aaa.id, aaa.secret) },
    'an admin': operator('admin', null, admin),
    'an operator': operator('operator', null, await operatorKey('all-operator', 'operator', null)),
    'an auditor': operator('auditor', null, await operatorKey('all-auditor', 'auditor', null)),
    'an admin of another account': operator('admin', 'umbra', await operatorKey('umbra-admin', 'admin', 'umbra')),
    'an operator of another account': operator('operator', 'umbra', await operatorKey('umbra-operator', 'operator', 'umbra')),
    'an auditor of another account': operator('auditor', 'umbra', await operatorKey('umbra-auditor', 'auditor', 'umbra')),
  }
}

/** How a route must refuse a caller; null where it may let it in. */
function refusalOf({ path, security }: Route, caller: Caller): 'invalid-token' | 'insufficient-scope' | null {
  const [needed] = security
  if (needed === undefined) return null
  const asked = needed[caller.kind]
  if (asked === undefined) return 'invalid-token'
  switch (caller.kind) {
    case 'none':
      return 'invalid-token'
    case 'aaa':
      return null
    case 'device':
      return asked.includes(caller.scope) ? null : 'insufficient-scope'
    case 'operator': {
      const isForeign = caller.account !== null && path.includes('{account}')
      return isForeign || ROLES.indexOf(caller.role) < ROLES.indexOf(asked[0] ?? '') ? 'insufficient-scope' : null
    }
  }
}

const NAMES: Readonly<Record<string, string>> = { account: 'acme', key: 'line-7', device: 'refused-1' }
const concrete = (path: string): string => path.replace(/\{(\w+)\}/g, (_, name: string) => NAMES[name] ?? 'any')

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zipkey-refusals-'))
  cloud = await startCloud({ dir: join(folder, 'cloud') })
  // Every wrong caller at every route, all from one address within a minute.
  await cloud.reconfigure({ requestsPerMinutePerAddress: 100_000 })
  keys = (await readKeys(cloud.dir)).signingKeys
  await cloud.createAccount('acme')
  await cloud.createAccount('umbra')
  const { bytes } = await cloud.createProvisioningKey('acme', 'line-7')
  temporary = temporaryCredential({ account: 'acme', device: 'refused-2' }, 'line-7', bytes)
  device = await swap(cloud, temporaryCredential({ account: 'acme', device: 'refused-1' }, 'line-7', bytes))
  callers = await everyCaller()
  const { paths } = document.parse((await callCloud(cloud, 'GET', '/openapi.json')).body)
  routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { security }]) => ({ method: method.toUpperCase(), path, security })),
  )
})

afterAll(async () => {
  await cloud.stop()
  await rm(folder, { recursive: true })
})

describe('the OpenAPI document', () => {
  test('names who may call each route, and nobody has to be anybody on these alone', () => {
    expect(
      routes
        .filter(({ security }) => security.length === 0)
        .map(({ method, path }) => `${method} ${path}`)
        .sort(),
    ).toEqual([
      'GET /openapi.json',
      'GET /v1/device-ca',
      'GET /v1/health',
      'GET /v1/jwks',
      'GET /v1/registration-key',
      'GET /v1/time',
      'POST /v1/token',
    ])
  })

  test('lets nobody change anything who may only read', () => {
    const changing = routes.filter(
      ({ method, path, security }) =>
        method !== 'GET' && path !== LONG_QUESTION && security.some(({ operator: roles }) => roles !== undefined),
    )
    expect(changing.length).toBeGreaterThan(6)
    for (const { path, security } of changing) expect(`${path} ${security[0]?.operator}`).not.toMatch(/auditor/)
  })
})

test('every route refuses every wrong caller by the right problem, and nothing changes in the database', async () => {
  const db = await openDatabaseOf(cloud.dir)
  const before = await dumpDatabase(db)
  const refused = new Map<string, number>()
  for (const route of routes) {
    for (const [who, caller] of Object.entries(callers)) {
      const problem = refusalOf(route, caller)
      if (problem === null) continue
      const body = route.method === 'GET' ? {} : { body: '{}' }
      const headers = { ...caller.headers, 'content-type': 'application/json' }
      const answer = await callCloud(cloud, route.method, concrete(route.path), { headers, ...body })
      const said = `${who}: ${route.method} ${route.path}`
      expect(`${said}: ${answer.status} ${answer.problem}`).toBe(`${said}: ${problem === 'invalid-token' ? 401 : 403} ${problem}`)
      expect(String(answer.headers['content-type'])).toMatch(/^application\/problem\+json/)
      const scheme = route.security[0]?.aaa === undefined ? 'Bearer' : 'Basic'
      expect(answer.headers['www-authenticate']).toBe(problem === 'invalid-token' ? `${scheme} realm="zipkey"` : undefined)
      refused.set(who, (refused.get(who) ?? 0) + 1)
    }
  }
  expect(await dumpDatabase(db)).toBe(before)
  await db.destroy()
  const guarded = routes.filter(({ security }) => security.length > 0).length
  for (const [who, caller] of Object.entries(callers)) {
    expect(refused.get(who), `${who} was refused somewhere`).toBeGreaterThan(0)
    if (caller.kind === 'none') expect(refused.get(who), `${who} was refused everywhere`).toBe(guarded)
  }
})

test('a request that its caller may make is not refused for who they are', async () => {
  for (const route of routes) {
    for (const [who, caller] of Object.entries(callers)) {
      if (route.security.length === 0 || refusalOf(route, caller) !== null) continue
      const headers = { ...caller.headers, 'content-type': 'application/json' }
      const body = route.method === 'GET' ? {} : { body: '{"nothing": "of the kind"}' }
      const { problem } = await callCloud(cloud, route.method, concrete(route.path), { headers, ...body })
      expect(`${who} ${route.method} ${route.path} ${problem}`).not.toMatch(/invalid-token|insufficient-scope/)
    }
  }
})
