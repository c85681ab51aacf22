import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { ROUTES } from '../../agent/contract/routes.ts'
import { parseSwapAnswer } from '../../agent/contract/swap.ts'
import { parseTokenAnswer } from '../../agent/contract/token.ts'
import {
  askForCredential,
  assertionOf,
  callCloud,
  type DeviceCredential,
  freshNonce,
  hotspotLogin,
  sendAssertion,
  temporaryCredential,
  tokenOutcome,
} from './cloud-device.ts'
import { type RunningCloud, startCloud } from './cloud-server.ts'
import { type LoadOrder, type LoadReport, loadReport } from './load-process.ts'

const REPOSITORY = resolve(import.meta.dirname, '../..')
/** No target of speed: a device gives a call 10 s. */
const LONGEST_MS = 5_000
const PLENTY = 100_000_000
/** What a generator on the same two cores is sure to offer; ten times and more where it has cores of its own. */
const OVERLOAD = 3

let folder: string
let cloud: RunningCloud
let key: Uint8Array
let aaa: { readonly id: string; readonly secret: string }

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zipkey-overload-'))
  const dir = join(folder, 'cloud')
  cloud = await startCloud({ dir, mode: 'child' })
  await cloud.createAccount('acme')
  key = (await cloud.createProvisioningKey('acme', 'line-7')).bytes
  aaa = await cloud.createAaaClient('berlin', 'zipkey.test', ['acme'])
  // All of the load comes from one address.
  await cloud.reconfigure({ requestsPerMinutePerAddress: PLENTY, requestsAtOnce: 128 })
})

afterAll(async () => {
  await cloud.stop()
  await rm(folder, { recursive: true })
})

const run = (program: string, args: readonly string[]): ChildProcess & { readonly stdout: Readable } =>
  spawn(process.execPath, ['--import', 'tsx', program, ...args], { cwd: REPOSITORY, stdio: ['pipe', 'pipe', 'inherit'] })

async function textOf(child: ChildProcess & { readonly stdout: Readable }): Promise<string> {
  let text = ''
  for await (const part of child.stdout.setEncoding('utf8')) text += part
  return text
}

async function load(order: Pick<LoadOrder, 'seconds' | 'connections'>): Promise<LoadReport> {
  const generator = run('test/system/load-process.ts', [])
  const { url, caPem, issuer } = cloud
  const provisioningKey = Buffer.from(key).toString('base64url')
  generator.stdin?.end(JSON.stringify({ url, caPem, issuer, account: 'acme', keyId: 'line-7', provisioningKey, ...order }))
  return loadReport.parse(JSON.parse(await textOf(generator)))
}

const perSecond = (count: number | undefined, { seconds }: LoadReport): number => (count ?? 0) / seconds

/** Asks again, as Retry-After would have it but sooner, until it is let in. */
async function insist<T extends { readonly status: number }>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    const answer = await ask()
    if (answer.status !== 503) return answer
    await setTimeout(20)
  }
}

async function walk(temporary: DeviceCredential): Promise<DeviceCredential> {
  const nonce = freshNonce()
  for (;;) {
    const first = parseTokenAnswer((await insist(async () => sendAssertion(cloud, await assertionOf(cloud, temporary)))).body)
    if (!first.ok) throw new Error(first.problem)
    const swapped = await askForCredential(cloud, first.value.accessToken, nonce)
    // As the agent does it: whoever is sent away here begins with a token again.
    if (swapped.status === 503) continue
    const issued = parseSwapAnswer(swapped.body)
    if (!issued.ok || issued.value.kind !== 'secret') throw new Error('no secret')
    const { secretId, secret } = issued.value
    const permanent = { name: temporary.name, id: { kind: 'issued', secretId }, secret } as const
    expect((await insist(async () => sendAssertion(cloud, await assertionOf(cloud, permanent)))).status).toBe(200)
    return permanent
  }
}

async function lookUp(identity: string): Promise<number> {
  const headers = {
    authorization: `Basic ${Buffer.from(`${aaa.id}:${aaa.secret}`).toString('base64')}`,
    'content-type': 'application/json',
  }
  const body = JSON.stringify({ identity, method: 'TTLS-PAP', calling_station: '', called_station: '' })
  return (await callCloud(cloud, 'POST', ROUTES.aaaAuthorize, { headers, body })).status
}

const newDevice = (id: string): DeviceCredential => temporaryCredential({ account: 'acme', device: id }, 'line-7', key)

/** Asks ten times a second until the end; gives what came and the longest time that it took. */
async function askUntil<T>(ended: Promise<unknown>, ask: () => Promise<T>): Promise<{ readonly came: Set<T>; readonly longestMs: number }> {
  const came = new Set<T>()
  let longestMs = 0
  for (let over = false; !over; ) {
    const askedMs = performance.now()
    came.add(await ask())
    longestMs = Math.max(longestMs, performance.now() - askedMs)
    over = await Promise.race([ended.then(() => true), setTimeout(100, false)])
  }
  return { came, longestMs }
}

test('a multiple of what it can do is answered at once, with work or with Retry-After, and costs no device anything', {
  timeout: 90_000,
}, async () => {
  const able = await load({ seconds: 3, connections: 16 })
  expect(Object.keys(able.answers)).toEqual(['200'])
  const flood = load({ seconds: 6, connections: 800 })
  await setTimeout(2500)
  const { identity } = hotspotLogin(newDevice('load-1'), 'zipkey.test', 'zipkey.test')
  const [lookUps, health, ...walked] = await Promise.all([
    askUntil(flood, () => lookUp(identity)),
    askUntil(flood, async () => (await callCloud(cloud, 'GET', '/v1/health')).status),
    ...['walk-1', 'walk-2', 'walk-3', 'walk-4'].map((id) => walk(newDevice(id))),
  ])
  const told = await flood
  expect(perSecond(told.offered, told)).toBeGreaterThan(OVERLOAD * perSecond(able.answers[200], able))
  expect(Object.keys(told.answers)).toEqual(['200', '503'])
  expect(told).toMatchObject({ withoutRetryAfter: 0, unanswered: 0 })
  expect(told.answers[200]).toBeGreaterThan(50)
  expect(told.admittedP99Ms).toBeLessThan(LONGEST_MS)
  // They are not all told the same, and nobody for longer than it would take to answer them all.
  expect(told.retryAfterS.length).toBeGreaterThan(3)
  expect(Math.max(...told.retryAfterS)).toBeLessThan(900)
  // Whom RADIUS could only refuse is never sent away, and a load balancer is not told that the process is broken.
  expect([...lookUps.came, ...health.came]).toEqual([200, 200])
  expect(Math.max(lookUps.longestMs, health.longestMs)).toBeLessThan(LONGEST_MS)
  for (const { name } of walked) {
    const { issued } = await cloud.showDevice('acme', name.device)
    expect(issued.map(({ generation, state }) => `${generation} ${state}`)).toEqual(['1 current'])
  }
  const askedMs = performance.now()
  expect(await tokenOutcome(cloud, newDevice('after'))).toBe('granted')
  expect(performance.now() - askedMs).toBeLessThan(1000)
})

test('more handshakes than it can do keep nobody waiting for long who has a connection, and nobody for ever who wants one', {
  timeout: 60_000,
}, async () => {
  const flood = run('test/system/handshake-flood-process.ts', [String(cloud.port), '4', '1500'])
  const ended = once(flood, 'exit')
  const counts = textOf(flood)
  await setTimeout(2000)
  const { identity } = hotspotLogin(newDevice('load-1'), 'zipkey.test', 'zipkey.test')
  const [lookUps, tokens] = await Promise.all([
    askUntil(ended, () => lookUp(identity)),
    askUntil(ended, () => tokenOutcome(cloud, newDevice('handshake'))),
  ])
  expect(z.object({ answered: z.number() }).parse(JSON.parse(await counts)).answered).toBeGreaterThan(1000)
  expect([...lookUps.came, ...tokens.came]).toEqual([200, 'granted'])
  expect(lookUps.longestMs).toBeLessThan(LONGEST_MS)
  expect(tokens.longestMs).toBeLessThan(2 * LONGEST_MS)
})

test('a company whose secrets are stretched by the hundred holds up nobody', { timeout: 60_000 }, async () => {
  const rows = Array.from({ length: 30 }, (_, index) => ({ id: `opaque-${index}`, secret: `an old secret ${index}`, format: 'opaque' }))
  const registered = cloud.api.call('POST', '/v1/accounts/acme/devices', z.unknown(), { devices: rows })
  let isOver = false
  const ended = registered.finally(() => {
    isOver = true
  })
  let answered = 0
  for (; !isOver; answered++) expect((await callCloud(cloud, 'GET', '/v1/health')).status).toBe(200)
  await ended
  // Between two rows there would be time for one or two.
  expect(answered).toBeGreaterThan(5 * rows.length)
})
