import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseSecretText } from '../../agent/contract/secret-text.ts'
import { parseSigningKeys } from '../../agent/contract/signed-time.ts'
import { swap, temporaryCredential, tokenOf } from './cloud-device.ts'
import { buildCloudProgram, type CloudProgram, type Ended } from './cloud-program.ts'
import { type RunningCloud, startCloud } from './cloud-server.ts'
import { newDatabase } from './cloud-stage.ts'

let folder: string
let program: CloudProgram
let cloud: RunningCloud

const zipkeyCloud = (...parameters: readonly string[]): Promise<Ended> => program.run(parameters)

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zipkey-cloud-cli-'))
  program = await buildCloudProgram(folder)
  const dir = join(folder, 'cloud')
  const database = await newDatabase(join(folder, 'database.password'))
  const where = database === null ? [] : ['--database', database.url, '--database-password-file', join(folder, 'database.password')]
  const made = await zipkeyCloud('init', '--data', dir, '--host', 'api.zipkey.test', ...where)
  expect(made).toMatchObject({ code: 0, stderr: '' })
  cloud = await startCloud({ dir })
  const client = { url: cloud.url, ca: 'cloud/tls/ca.pem', operatorKey: 'cloud/operator.key', serverName: 'api.zipkey.test' }
  await writeFile(join(folder, 'client.json'), JSON.stringify(client))
})

afterAll(async () => {
  await cloud.stop()
  await rm(folder, { recursive: true })
})

test('an operator sets an account up, and sees a device walk the way', async () => {
  expect(cloud.issuer).toBe('https://api.zipkey.test')
  expect(await zipkeyCloud('account', 'create', 'acme')).toMatchObject({ code: 0, stderr: '' })
  const again = await zipkeyCloud('account', 'create', 'acme')
  expect(again).toMatchObject({ code: 1, stderr: 'zipkey-cloud: conflict: account acme exists already\n' })

  const rules = ['--allow', 'SN-*', '--not-before', '2020-01-01', '--not-after', '2090-01-01', '--max', '2']
  const keyFile = join(folder, 'line-7.key')
  const created = await zipkeyCloud('provisioning-key', 'create', 'acme', 'line-7', ...rules, '--out', keyFile)
  expect(created).toEqual({ code: 0, stdout: '', stderr: '' })
  expect((await stat(keyFile)).mode & 0o777).toBe(0o600)
  const key = parseSecretText('zkp_', await readFile(keyFile, 'utf8'))
  if (!key.ok) throw new Error(key.problem)

  const issued = await swap(cloud, temporaryCredential({ account: 'acme', device: 'SN-1' }, 'line-7', key.value))
  await tokenOf(cloud, issued)
  const id = issued.id.kind === 'issued' ? issued.id.secretId : ''
  expect((await zipkeyCloud('device', 'show', 'acme', 'SN-1')).stdout).toMatch(
    `temporary  t.line-7 superseded\nflashed    none\nissued     s.${id} current since `,
  )
  const audit = (await zipkeyCloud('audit', 'acme', '--device', 'SN-1', '--json')).stdout.trim().split('\n')
  expect(audit.map((line) => JSON.parse(line).event)).toContain('became-current')
  expect((await zipkeyCloud('audit')).stdout).toContain('operator-key-created - init first admin all accounts')
})

test('the signing keys go into the CA config of devices', async () => {
  const keys = parseSigningKeys(JSON.parse((await zipkeyCloud('signing-keys')).stdout))
  expect(keys).toEqual({ ok: true, value: cloud.jwks })
})

test('devices are registered in bulk, each row with a result, from stdin', async () => {
  await zipkeyCloud('account', 'create', 'bulk')
  const many = Array.from({ length: 150 }, (_, index) =>
    JSON.stringify({ id: `ND-${index}`, secret: index === 120 ? 'zks_short' : 'zks_', format: 'zks' }),
  )
  expect((await program.run(['device', 'register', 'bulk', '--file', '-'], many.join('\n'))).stdout.trim().split('\n')).toHaveLength(150)
  const rows = 'id,secret,format\nSN-1,sesame,opaque\nsn-1,sesame,opaque\nno id,sesame,opaque\n'
  const ended = await program.run(['device', 'register', 'bulk', '--file', '-', '--json'], rows)
  expect(ended.code).toBe(1)
  expect(ended.stderr).toBe('zipkey-cloud: 2 of 3 devices were not registered\n')
  expect(
    ended.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).status),
  ).toEqual(['registered', 'error', 'error'])
  expect(ended.stdout + ended.stderr).not.toContain('sesame')
  const secretFile = join(folder, 'one.secret')
  await writeFile(secretFile, 'open sesame\n', { mode: 0o600 })
  expect(await zipkeyCloud('device', 'register', 'bulk', 'SN-2', '--secret-file', secretFile, '--format', 'opaque')).toMatchObject({
    code: 0,
    stdout: 'SN-2 registered\n',
  })
})

test('what a person can correct is told in one line', async () => {
  for (const parameters of [
    ['init', '--data', cloud.dir, '--host', 'x'],
    ['serve', '--data', folder],
    ['init', '--data', join(folder, 'new'), '--host', 'x', '--database', 'postgres://zipkey@127.0.0.1:1/nowhere'],
    ['init', '--data', join(folder, 'new'), '--host', 'x', '--database', 'postgres://zipkey:sesame@127.0.0.1/cloud'],
    ['init', '--data', join(folder, 'new'), '--host', 'x', '--database', 'postgres://zipkey@127.0.0.1/cloud', '--database-ca', 'none.pem'],
    ['--client', join(folder, 'none.json'), 'audit'],
    ['device', 'register', 'acme', 'SN-9'],
  ]) {
    const { code, stderr } = await zipkeyCloud(...parameters)
    expect(code).toBe(1)
    expect(stderr).toMatch(/^zipkey-cloud: [^\n]+\n$/)
    expect(stderr).not.toContain('sesame')
  }
})
