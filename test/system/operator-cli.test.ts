import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { formatCredentialId } from '../../agent/contract/names.ts'
import { type DeviceCredential, swap, temporaryCredential, tokenOf, tokenOutcome } from './cloud-device.ts'
import { buildCloudProgram, type CloudProgram } from './cloud-program.ts'
import { type RunningCloud, startCloud } from './cloud-server.ts'

let folder: string
let program: CloudProgram
let cloud: RunningCloud
let key: Uint8Array
let log = ''

/** A command that ends well; the lines that it prints. */
async function operate(...parameters: readonly string[]): Promise<readonly string[]> {
  const { code, stdout, stderr } = await program.run(parameters)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return stdout.split('\n').slice(0, -1)
}

/** A command that ends badly; what it prints, and the one line that says why. */
async function fail(...parameters: readonly string[]): Promise<{ readonly stdout: readonly string[]; readonly why: string }> {
  const { code, stdout, stderr } = await program.run(parameters)
  expect(code).toBe(1)
  expect(stderr).toMatch(/^[^\n]+\n$/)
  return { stdout: stdout.split('\n').slice(0, -1), why: stderr.trim() }
}

/** Looks until it is there. */
async function soon<T>(look: () => Promise<T | null>): Promise<T> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const found = await look()
    if (found !== null) return found
    await setTimeout(100)
  }
  throw new Error('it did not come')
}

const temporaryOf = (device: string): DeviceCredential => temporaryCredential({ account: 'acme', device }, 'line-7', key)

async function newDevice(device: string): Promise<DeviceCredential> {
  const issued = await swap(cloud, temporaryOf(device))
  await tokenOf(cloud, issued)
  return issued
}

const label = ({ id }: DeviceCredential): string => formatCredentialId(id) ?? 'flashed'

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zipkey-operator-cli-'))
  program = await buildCloudProgram(folder)
  const dir = join(folder, 'cloud')
  const onLog = (text: string): void => {
    log += text
  }
  cloud = await startCloud({ dir, mode: 'child', logLevel: 'warn', onLog })
  await cloud.reconfigure({ alarmCommand: ['sh', '-c', `cat >> '${folder}/told'; echo 'the pager is broken' >&2; exit 3`] })
  const client = { url: cloud.url, ca: 'cloud/tls/ca.pem', operatorKey: 'cloud/operator.key', serverName: 'localhost' }
  await writeFile(join(folder, 'client.json'), JSON.stringify(client))
  await cloud.createAccount('acme')
  key = (await cloud.createProvisioningKey('acme', 'line-7')).bytes
  for (const device of ['SN-1', 'SN-2', 'SN-3']) await newDevice(device)
  await tokenOf(cloud, temporaryOf('NEW-1'))
})

afterAll(async () => {
  await cloud.stop()
  await rm(folder, { recursive: true })
})

test('device list tells how each device stands', async () => {
  const lines = await operate('device', 'list', 'acme')
  expect(lines.map((line) => line.split('  ')[0])).toEqual(['NEW-1', 'SN-1', 'SN-2', 'SN-3'])
  expect(lines[0]).toBe('NEW-1  enrolling')
  expect(lines[1]).toMatch(/^SN-1 {2}s\.m1-1-\S+ since 20\S+Z$/)
  const [row = ''] = await operate('device', 'list', 'acme', '--state', 'enrolling', '--json')
  expect(JSON.parse(row)).toMatchObject({ id: 'NEW-1', temporary: 'open', current: null })
  expect(await operate('device', 'list', 'acme', '--pattern', 'XN-*')).toEqual([])
})

test('device rotate orders one, a file of them, a pattern or all, and takes orders back', async () => {
  const [order = ''] = await operate('device', 'rotate', 'acme', 'SN-1')
  expect(order).toMatch(/^[a-z2-7]{16}$/)
  const file = join(folder, 'ids.txt')
  await writeFile(file, 'SN-1\r\n\nSN-2\nSN-404\n')
  const { stdout, why } = await fail('device', 'rotate', 'acme', '--file', file)
  expect(stdout).toEqual([`SN-1 ordered ${order}`, expect.stringMatching(/^SN-2 ordered /), 'SN-404 error: there is no device SN-404'])
  expect(why).toBe('zipkey-cloud: 1 of 3 devices were left as they were')
  expect(await operate('device', 'rotate', 'acme', '--pattern', 'SN-?', '--json')).toHaveLength(3)
  expect((await operate('device', 'rotate', 'acme', '--all')).map((line) => line.split(' ')[0])).toEqual(['SN-1', 'SN-2', 'SN-3'])
  expect(await operate('device', 'rotate', 'acme', 'SN-1', 'SN-2', '--take-back')).toEqual([
    `SN-1 taken back ${order}`,
    expect.stringMatching(/^SN-2 taken back /),
  ])
  expect((await operate('device', 'show', 'acme', 'SN-3')).join('\n')).toMatch(/\norder {6}[a-z2-7]{16} since /)
})

test('rotation-schedule creates, lists and deletes', async () => {
  expect(await operate('rotation-schedule', 'create', 'acme', '--every', '90d', '--allow', 'SN-*', 'XN-1')).toEqual(['every-90d'])
  expect(await operate('rotation-schedule', 'list', 'acme')).toEqual([
    expect.stringMatching(/^every-90d every 90 d, since \S+: SN-\* XN-1$/),
  ])
  await operate('rotation-schedule', 'delete', 'acme', 'every-90d')
  expect(await operate('rotation-schedule', 'list', 'acme', '--json')).toEqual([])
})

test('a thief is told of: by alarms --follow, by the alarm command, in the log; ack ends it', async () => {
  const following = program.start('alarms', 'acme', '--follow')
  let followed = ''
  following.stdout?.setEncoding('utf8').on('data', (part: string) => {
    followed += part
  })
  for (let attempt = 0; attempt < 3; attempt++) expect(await tokenOutcome(cloud, temporaryOf('SN-1'))).toBe('already-enrolled')
  await soon(async () => /temporary-shown-after-swap ×3 t\.line-7/.exec(followed))
  following.kill()
  const told = await soon(async () => {
    const lines = (await readFile(join(folder, 'told'), 'utf8').catch(() => '')).split('\n').slice(0, -1)
    return lines.length === 2 ? lines.map((line) => JSON.parse(line)) : null
  })
  expect(told.map(({ account, device, kind, count }) => `${account}/${device} ${kind} ×${count}`)).toEqual([
    'acme/SN-1 temporary-shown-after-swap ×1',
    'acme/SN-1 temporary-shown-after-swap ×2',
  ])
  await soon(async () => (/the pager is broken/.test(log) ? log : null))
  const warned = log.split('\n').flatMap((line) => (line.includes('"alarm: temporary-shown-after-swap"') ? [JSON.parse(line)] : []))
  expect(warned).toMatchObject([{ level: 40, account: 'acme', device: 'SN-1', count: 1 }, { count: 2 }])

  const [line = ''] = await operate('alarm', 'list', 'acme')
  const [, id = ''] = line.split(' ')
  expect(line).toMatch(/^20\S+Z [0-9a-f]{22} acme\/SN-1 temporary-shown-after-swap ×3 t\.line-7: the device has a permanent credential$/)
  expect(await operate('device', 'show', 'acme', 'SN-1')).toContain(
    `alarm      ${id} temporary-shown-after-swap ×3 t.line-7: the device has a permanent credential`,
  )
  await operate('alarm', 'ack', 'acme', id)
  expect(await operate('alarm', 'list')).toEqual([])
  expect(await operate('alarm', 'list', '--all', '--device', 'SN-1')).toEqual([`${line} (acknowledged by first)`])
  expect((await fail('alarm', 'ack', 'acme', id)).why).toContain(`there is no open alarm ${id}`)
})

test('freeze and unfreeze hold a rotation up and let it go on', async () => {
  await operate('device', 'freeze', 'acme', 'SN-2')
  expect((await operate('device', 'show', 'acme', 'SN-2')).join('\n')).toMatch(/\nrotation {3}frozen since /)
  expect(await operate('device', 'list', 'acme', '--state', 'frozen')).toEqual([expect.stringMatching(/^SN-2 .* frozen since /)])
  expect((await fail('device', 'rotate', 'acme', 'SN-2')).stdout).toEqual([expect.stringContaining('rotation of this device is frozen')])
  await operate('device', 'unfreeze', 'acme', 'SN-2')
  await operate('device', 'rotate', 'acme', 'SN-2')
})

test('revoke ends a device, and rearm is its way back', async () => {
  const current = await newDevice('SN-4')
  await operate('device', 'revoke', 'acme', 'SN-4', '--credential', label(current))
  expect(await tokenOutcome(cloud, current)).toBe('revoked')
  await operate('device', 'revoke', 'acme', 'SN-4')
  expect(await tokenOutcome(cloud, temporaryOf('SN-4'))).toBe('revoked')
  expect(await operate('device', 'list', 'acme', '--state', 'ended')).toEqual(['SN-4  no good credential'])
  expect(await operate('device', 'rearm', 'acme', 'SN-4')).toEqual([expect.stringMatching(/^t\.line-7 is good until 20\S+Z$/)])
  expect((await operate('device', 'show', 'acme', 'SN-4')).join('\n')).toMatch(/\nrearmed {4}t\.line-7 until /)
  await tokenOf(cloud, await swap(cloud, temporaryOf('SN-4')))
  const former = await operate('device', 'rearm', 'acme', 'SN-4', '--credential', label(current))
  expect(former).toEqual([expect.stringContaining(`${label(current)} is good until `)])
})

test('what a person can correct is told in one line', async () => {
  for (const parameters of [
    ['device', 'rotate', 'acme'],
    ['device', 'rotate', 'acme', 'SN-1', '--all'],
    ['device', 'rotate', 'nobody', 'SN-1'],
    ['device', 'list', 'nobody'],
    ['device', 'list', 'acme', '--state', 'purple'],
    ['device', 'revoke', 'acme', 'SN-404'],
    ['device', 'rearm', 'acme', 'SN-1', '--credential', 'purple'],
    ['rotation-schedule', 'create', 'acme', '--every', '90 days'],
    ['rotation-schedule', 'create', 'acme', '--every', '99999w'],
    ['alarm', 'ack', 'acme', 'purple'],
  ]) {
    expect((await fail(...parameters)).why, parameters.join(' ')).toMatch(/^(zipkey-cloud|error): /)
  }
})
