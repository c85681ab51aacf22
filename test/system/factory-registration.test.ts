/** A factory and its cloud: the manifest of a batch is registered by the tool as it is built, whatever happens on the way. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { parseSecretText } from '../../agent/contract/secret-text.ts'
import { dataFiles } from '../../cloud/data-folder.ts'
import { ProductionLine } from '../adapter/factory/production-line.ts'
import { tokenOutcome } from './cloud-device.ts'
import { type RunningCloud, startCloud } from './cloud-server.ts'

let folder: string
let cloud: RunningCloud
let at: ProductionLine

const jwk = z.record(z.string(), z.unknown())

/** Lets the line encrypt to the cloud's registration key of this moment. */
const takeRegistrationKey = async (): Promise<string> =>
  at.put('cloud.pub.json', JSON.stringify(await cloud.api.call('GET', '/v1/registration-key', jwk)))

async function openCloud(): Promise<void> {
  cloud = await startCloud({ dir: join(folder, 'cloud'), mode: 'child' })
  const client = JSON.parse(readFileSync(dataFiles(cloud.dir).client, 'utf8'))
  await writeFile(join(cloud.dir, 'line.json'), JSON.stringify({ ...client, url: `https://127.0.0.1:${cloud.port}` }))
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zipkey-factory-'))
  at = new ProductionLine(afterAll)
  await at.makeFactoryKey()
  await openCloud()
  await cloud.createAccount('acme')
  const key = JSON.parse(at.read('factory.key.pub.json'))
  await cloud.api.call('POST', '/v1/accounts/acme/factory-keys', z.unknown(), { id: 'line-7', key })
  await takeRegistrationKey()
})

afterAll(async () => {
  await cloud.stop()
  await rm(folder, { recursive: true })
})

const client = (): readonly string[] => ['--client', join(cloud.dir, 'line.json')]

async function make(batch: string, count: number, pattern: string): Promise<void> {
  const made = await at.run(at.batch(batch, '--count', String(count), '--pattern', pattern, '--credential', 'shared-secret'))
  expect(made).toMatchObject({ code: 0, stderr: '' })
}

const register = (batch: string, ...more: readonly string[]) => at.run(['register', '--batch', batch, ...client(), ...more])

/** A device as its config makes it. */
function deviceOf(batch: string, id: string) {
  const [{ secret }] = JSON.parse(at.read(`${batch}/configs/${id}.json`)).credentials
  const bytes = parseSecretText('zks_', secret)
  if (!bytes.ok) throw new Error(bytes.problem)
  return { name: { account: 'acme', device: id }, id: { kind: 'flashed' }, secret: bytes.value } as const
}

/** How often each device was registered, from the cloud's own log. */
async function registrations(prefix: string): Promise<ReadonlyMap<string, number>> {
  const page = z.object({ entries: z.array(z.object({ seq: z.number(), device: z.string().nullable(), event: z.string() })) })
  const counts = new Map<string, number>()
  for (let after = 0; ; ) {
    const { entries } = await cloud.api.call('GET', `/v1/accounts/acme/audit?after=${after}&limit=1000`, page)
    for (const { device, event } of entries)
      if (event === 'registered' && device?.startsWith(prefix) === true) counts.set(device, (counts.get(device) ?? 0) + 1)
    const last = entries.at(-1)
    if (last === undefined) return counts
    after = last.seq
  }
}

describe('a batch', () => {
  it('is registered, once, and its devices are let in', async () => {
    await make('first', 2050, 'A-{0001..}')
    expect(await tokenOutcome(cloud, deviceOf('first', 'A-0001'))).toBe('unknown-credential')
    const would = await register('first', '--dry-run')
    expect(would.stdout).toMatch(/first: 2050 devices in 3 parts; the cloud has had 0 of them; nothing was given\n/)
    expect(existsSync(at.path('first/registration-log.ndjson'))).toBe(false)
    const done = await register('first')
    expect(done).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringMatching(/first: 2050 devices registered, 0 were already, 0 were not\n/),
    })
    for (const id of ['A-0001', 'A-1000', 'A-2050']) expect(await tokenOutcome(cloud, deviceOf('first', id))).toBe('granted')
    const again = await register('first', '--json')
    expect(JSON.parse(again.stdout)).toMatchObject({ ok: true, exit: 0, registered: 2050, unchanged: 0, failed: 0, parts: 3, before: 3 })
    const given = await register('first', '--json', '--again')
    expect(JSON.parse(given.stdout)).toMatchObject({ ok: true, registered: 0, unchanged: 2050, failed: 0, before: 0 })
    const counts = await registrations('A-')
    expect([counts.size, Math.max(...counts.values())]).toEqual([2050, 1])
  })

  it('with devices that something else is registered for tells of each, registers the others, and overwrites nothing', async () => {
    await make('second', 3, 'B-{1..}')
    await cp(at.path('second'), at.path('second-kept'), { recursive: true })
    expect(await cloud.registerDevice('acme', 'B-2', `zks_${'x'.repeat(3)}`)).not.toBe('registered')
    expect(await cloud.registerDevice('acme', 'B-2', 'correct horse', 'opaque')).toBe('registered')
    const done = await register('second')
    expect(done.code).toBe(1)
    expect(done.stdout.split('\n').slice(0, 2)).toEqual([
      'B-2  CONFLICT: the device is registered with another credential',
      `${at.path('second').replace(`${at.folder}/`, '')}: 2 devices registered, 0 were already, 1 were not`,
    ])
    expect(await tokenOutcome(cloud, deviceOf('second', 'B-2'))).not.toBe('granted')
    expect(await tokenOutcome(cloud, deviceOf('second', 'B-3'))).toBe('granted')
    const status = await at.run(['status', '--batch', 'second', 'B-2', 'B-3', ...client()])
    expect(status.stdout).toMatch(
      /^B-2 {2}flashed: no {2}verified: no {2}registered: conflict {2}cloud: permanent\nB-3 .* registered: yes {2}cloud: permanent\n/,
    )
  })

  it('comes to the same end when the tool is killed again and again', async () => {
    await make('third', 6000, 'C-{0001..}')
    let kills = 0
    for (; kills < 12; kills += 1) {
      const child = at.start(['register', '--batch', 'third', ...client()])
      const ended = once(child, 'exit')
      // A little longer each time, so that every run gets a little further.
      const first = await Promise.race([ended, setTimeout(300 + 150 * kills, null)])
      if (first !== null) break
      child.kill('SIGKILL')
      await ended
    }
    expect(kills).toBeGreaterThan(0)
    expect(JSON.parse((await register('third', '--json')).stdout)).toMatchObject({ ok: true, failed: 0, parts: 6 })
    const counts = await registrations('C-')
    expect([counts.size, Math.max(...counts.values())]).toEqual([6000, 1])
  })

  it('comes to the same end when the cloud is killed amid it and comes back', async () => {
    await make('fourth', 5000, 'D-{0001..}')
    const running = register('fourth', '--json')
    while (!existsSync(at.path('fourth/registration-log.ndjson'))) await setTimeout(20)
    await cloud.stop('SIGKILL')
    await setTimeout(300)
    await cloud.start()
    const { stdout } = await running
    const answer = JSON.parse(stdout)
    expect(answer).toMatchObject({ ok: true, failed: 0, parts: 5 })
    expect(answer.registered + answer.unchanged).toBe(5000)
    const counts = await registrations('D-')
    expect([counts.size, Math.max(...counts.values())]).toEqual([5000, 1])
  })

  it('is given up by Ctrl-C while the cloud is away, and goes on later', async () => {
    await make('fifth', 2, 'E-{1..}')
    await cloud.stop()
    const child = at.start(['register', '--batch', 'fifth', ...client()])
    const said: string[] = []
    child.stderr.on('data', (text: Buffer) => said.push(text.toString()))
    const ended = once(child, 'close')
    while (said.length === 0) await setTimeout(20)
    child.kill('SIGINT')
    expect((await ended)[0]).toBe(130)
    expect(said.join('')).toMatch(/^https:\S+: cannot be reached \(connect ECONNREFUSED .*\); trying again\ninterrupted\n$/)
    await cloud.start()
    expect((await register('fifth')).code).toBe(0)
  })
})

describe('after a rotation of the master key', () => {
  it('a manifest for the former one is read, and the line is told of the new key', async () => {
    await make('former', 2, 'F-{1..}')
    await cloud.stop()
    const files = dataFiles(cloud.dir)
    const former = JSON.parse(await readFile(files.masterKeys, 'utf8'))
    const key = randomBytes(32).toString('base64url')
    const text = JSON.stringify({ ...former, keys: [{ id: 'm2', key }, ...former.keys] })
    await writeFile(files.masterKeys, text)
    await cloud.start()
    const done = await register('former')
    expect(done.code).toBe(0)
    expect(done.stdout).toMatch(
      /2 devices registered.*\nthe cloud has a new registration key, \S{43}: give this line what zipkey-cloud registration-key prints\n/,
    )
    expect(await tokenOutcome(cloud, deviceOf('former', 'F-2'))).toBe('granted')
    await takeRegistrationKey()
    await make('new', 2, 'G-{1..}')
    expect((await register('new')).stdout).not.toMatch(/registration key/)
  })
})

describe('registering is refused, in one line,', () => {
  const refused = async (parameters: readonly string[]) => {
    const { code, stdout, stderr } = await at.run(parameters)
    expect(stdout).toBe('')
    expect(stderr.split('\n')).toHaveLength(2)
    return `${code}: ${stderr}`
  }

  it('without a client file, or with a wrong one', async () => {
    await make('sixth', 2, 'H-{1..}')
    const parameters = ['register', '--batch', 'sixth']
    expect(await refused(parameters)).toMatch(/^65: --client: name the client file/)
    expect(await refused([...parameters, '--client', 'none.json'])).toMatch(/^65: none.json: cannot be read/)
    at.put('odd.json', '{"url": "http://cloud"}')
    expect(await refused([...parameters, '--client', 'odd.json'])).toMatch(/^65: odd.json: url: expected https/)
    const good = JSON.parse(readFileSync(join(cloud.dir, 'line.json'), 'utf8'))
    const named = { ...good, ca: join(cloud.dir, good.ca), operatorKey: at.put('open.key', 'zko_x', 0o644) }
    at.put('open.json', JSON.stringify(named))
    expect(await refused([...parameters, '--client', 'open.json'])).toMatch(/^65: .*open.key: others than its owner can read this key/)
  })

  it('with an operator key that is not known, or may only read', async () => {
    const good = JSON.parse(readFileSync(join(cloud.dir, 'line.json'), 'utf8'))
    const created = z.object({ key: z.string() })
    const { key } = await cloud.api.call('POST', '/v1/operator-keys', created, { id: 'looker', role: 'auditor' })
    for (const [text, problem] of [
      [`zko_nobody_${'A'.repeat(43)}`, /operatorKey: the operator key is missing or not known/],
      [key, /operatorKey: this needs an operator key of role operator/],
    ] as const) {
      const client_ = { ...good, ca: join(cloud.dir, good.ca), operatorKey: at.put('some.key', text) }
      at.put('some.json', JSON.stringify(client_))
      const { code, stderr } = await at.run(['register', '--batch', 'sixth', '--client', 'some.json'])
      expect(code).toBe(65)
      expect(stderr).toMatch(problem)
      expect(stderr).not.toContain(text)
    }
  })

  it('of a batch without a manifest, and of a factory that the account does not believe', async () => {
    const without = at.batch('bare', '--no-registration', '--count', '1', '--pattern', 'I-{1..}', '--credential', 'shared-secret')
    expect((await at.run(without)).code).toBe(0)
    expect(await refused(['register', '--batch', 'bare', ...client()])).toMatch(/made with --no-registration/)
    await cloud.api.call('POST', '/v1/accounts/acme/factory-keys/line-7/retire', z.null())
    const { code, stderr } = await register('sixth')
    expect(code).toBe(65)
    expect(stderr).toMatch(/signed by factory key line-7, which is retired\n.*0 of 1 parts are registered; the same command goes on\n/)
  })
})

describe('a stolen pallet', () => {
  it('is revoked by its list, and the rest of the batch works on', async () => {
    at.put('pallet.csv', 'id\nA-0003\nA-0004\nA-2050\n')
    const would = await at.run(['revoke', '--batch', 'first', '--ids', 'pallet.csv', ...client(), '--dry-run'])
    expect(would.stdout).toMatch(/3 of 2050 devices are meant; none was revoked/)
    expect(await tokenOutcome(cloud, deviceOf('first', 'A-0003'))).toBe('granted')
    const done = await at.run(['revoke', '--batch', 'first', '--ids', 'pallet.csv', ...client()])
    expect(done).toMatchObject({ code: 0, stderr: '', stdout: '3 devices revoked, 0 were already, 0 are not registered\n' })
    for (const id of ['A-0003', 'A-0004', 'A-2050']) expect(await tokenOutcome(cloud, deviceOf('first', id))).toBe('revoked')
    expect(await tokenOutcome(cloud, deviceOf('first', 'A-0005'))).toBe('granted')
    const again = await at.run(['revoke', '--batch', 'first', 'A-0003', ...client(), '--json'])
    expect(JSON.parse(again.stdout)).toEqual({ ok: true, exit: 0, revoked: 0, unchanged: 1, unknown: [] })
  })

  it('may be a whole batch', async () => {
    expect((await at.run(['revoke', '--batch', 'first', '--all', ...client()])).stdout).toMatch(/^2047 devices revoked, 3 were already/)
    const status = await at.run(['status', '--batch', 'first', ...client(), '--json'])
    expect(JSON.parse(status.stdout).counts).toMatchObject({ registered: 2050, 'in the cloud: ended': 2050, 'in the cloud: unknown': 0 })
  })

  it('that was never registered is told, and so is a device that is not of the batch', async () => {
    const unknown = await at.run(['revoke', '--batch', 'sixth', '--all', ...client()])
    expect(unknown.code).toBe(1)
    expect(unknown.stdout).toMatch(
      /^H-1 {2}UNKNOWN: it is not registered.*\nH-2 .*\n0 devices revoked, 0 were already, 2 are not registered\n$/,
    )
    const foreign = await at.run(['revoke', '--batch', 'sixth', 'A-0001', ...client()])
    expect(foreign).toMatchObject({ code: 65, stderr: 'sixth: there is no device A-0001 in this batch\n' })
    expect((await at.run(['revoke', '--batch', 'sixth', ...client()])).stderr).toMatch(/name devices, or a list/)
  })
})

describe('the report', () => {
  it('counts what became of a batch, in words and pictures, in one file that runs and loads nothing', async () => {
    await make('seen', 4, 'J-{1..}')
    for (const id of ['J-1', 'J-2', 'J-3']) mkdirSync(at.path(`device-${id}`))
    at.put(
      'jobs.csv',
      `id,target\n${['J-1', 'J-2'].map((id) => `${id},directory:${at.path(`device-${id}`)}`).join('\n')}\nJ-3,directory:${at.path('none')}\n`,
    )
    expect((await at.run(['flash', '--batch', 'seen', '--jobs', 'jobs.csv'])).code).toBe(1)
    expect((await at.run(['flash', '--batch', 'seen', 'J-3', `directory:${at.path('device-J-3')}`])).code).toBe(0)
    expect((await at.run(['verify', '--batch', 'seen', `directory:${at.path('device-J-1')}`])).code).toBe(0)
    expect((await at.run(['verify', '--batch', 'seen', '--id', 'J-1', `directory:${at.path('device-J-2')}`])).code).toBe(1)
    const done = await at.run(['report', 'seen', 'second', '--out', 'report.html', '--json'])
    const [seen, second] = JSON.parse(done.stdout).batches
    expect(seen.steps).toEqual([
      { step: 'flashed', tried: 3, first: 2, good: 3 },
      { step: 'verified', tried: 2, first: 1, good: 1 },
      { step: 'registered', tried: 0, first: 0, good: 0 },
    ])
    expect(seen.reasons.map(({ reason }: { reason: string }) => reason)).toContain('verify: device')
    expect(second.steps[2]).toEqual({ step: 'registered', tried: 3, first: 2, good: 2 })
    const page = at.read('report.html')
    expect(page.match(/<svg /g)?.length).toBeGreaterThan(3)
    expect(page).toContain('66.7 %')
    expect(page).toContain('<code>B-2</code></td><td>not registered (conflict)')
    expect(page).not.toMatch(/<script|https?:\/\/|zks_/)
  })
})
