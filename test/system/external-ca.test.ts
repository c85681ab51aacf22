import { execFile } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { dataFiles } from '../../cloud/data-folder.ts'
import { certificateAsk, certificateIn, newDeviceKey, postSwap, swapForCertificate } from './certificate-device.ts'
import { type DeviceCredential, temporaryCredential, tokenOf, tokenOutcome } from './cloud-device.ts'
import { type RunningCloud, startCloud } from './cloud-server.ts'

const run = promisify(execFile)
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

let folder: string
let cloud: RunningCloud
let key: Uint8Array
let log = ''

/** What the command does, as a shell script beside the CA: `sign` is openssl's, and `runs` counts how often it was started. */
const command = (script: string): Promise<void> =>
  writeFile(
    join(folder, 'hook'),
    `#!/bin/sh
echo x >> runs
sign() { openssl x509 -req -CA "$1.pem" -CAkey "$1.key" -days 30 -extfile client.ext 2>/dev/null; cat "$1.pem"; }
${script}
`,
  )

async function makeCa(name: string, ...issuer: readonly string[]): Promise<void> {
  const file = (suffix: string) => join(folder, `${name}.${suffix}`)
  const usage = ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign']
  const kind = ['req', '-x509', ...NEW_KEY, '-subj', `/CN=${name}`, '-days', '30', ...usage, ...issuer]
  await run('openssl', [...kind, '-keyout', file('key'), '-out', file('pem')])
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zipkey-external-ca-'))
  await makeCa('root')
  await makeCa('issuing', '-CA', join(folder, 'root.pem'), '-CAkey', join(folder, 'root.key'))
  await makeCa('foreign')
  await writeFile(join(folder, 'client.ext'), 'basicConstraints=CA:FALSE\nextendedKeyUsage=clientAuth\n')
  await command('sign issuing')
  await chmod(join(folder, 'hook'), 0o755)
  const dir = join(folder, 'cloud')
  await mkdir(dir)
  cloud = await startCloud({ dir, mode: 'child', onLog: (text) => (log += text) })
  await cloud.createAccount('acme')
  key = (await cloud.createProvisioningKey('acme', 'line-7')).bytes
  await cloud.stop()
  await configure({ command: ['/bin/sh', '-c', `cd ${folder} && exec ./hook`], ca: join(folder, 'root.pem'), timeoutMs: 2000 })
  await cloud.start()
})

afterAll(async () => {
  await cloud.stop()
  await rm(folder, { recursive: true })
})

afterEach(() => command('sign issuing'))

async function configure(deviceCa: Readonly<Record<string, unknown>>, more: Readonly<Record<string, unknown>> = {}): Promise<void> {
  const { config } = dataFiles(cloud.dir)
  const before = z.record(z.string(), z.unknown()).parse(JSON.parse(await readFile(config, 'utf8')))
  await writeFile(config, JSON.stringify({ ...before, deviceCa, ...more }))
}

let count = 0
const newDevice = (): DeviceCredential => temporaryCredential({ account: 'acme', device: `SN-${++count}` }, 'line-7', key)
const runs = async () => (await readFile(join(folder, 'runs'), 'utf8')).split('\n').length - 1
const isKnown = async ({ name }: DeviceCredential) => (await cloud.showDevice('acme', name.device)).issued.length

describe('a CA elsewhere, asked by a command', () => {
  it('signs, its chain leads to the CA that hotspots get, and it is not asked again for the same key', async () => {
    const temporary = newDevice()
    const certificate = await swapForCertificate(cloud, temporary)
    const before = await runs()
    const again = await swapForCertificate(cloud, temporary, { privateKey: certificate.privateKey })
    expect(again.chainPem).toBe(certificate.chainPem)
    expect(await runs()).toBe(before)
    const device = join(folder, 'device.pem')
    await writeFile(device, certificate.chainPem)
    const root = await cloud.writeDeviceCa(folder)
    const { stdout } = await run('openssl', ['verify', '-purpose', 'sslclient', '-CAfile', root, '-untrusted', device, device])
    expect(stdout).toContain('OK')
    expect(await tokenOutcome(cloud, certificate)).toBe('granted')
    expect(await tokenOutcome(cloud, temporary)).toBe('already-enrolled')
  })

  it('is told whose certificate it is', async () => {
    await command('echo "$ZIPKEY_ACCOUNT/$ZIPKEY_DEVICE" > asked; sign issuing')
    const temporary = newDevice()
    await swapForCertificate(cloud, temporary)
    expect(await readFile(join(folder, 'asked'), 'utf8')).toBe(`acme/${temporary.name.device}\n`)
  })

  it('gets no request that names anything but the device', async () => {
    const [temporary, before] = [newDevice(), await runs()]
    const token = await tokenOf(cloud, temporary)
    const answer = await postSwap(cloud, token.value, certificateAsk(newDeviceKey(), { account: 'acme', device: 'SN-0' }))
    expect(answer.problem).toBe('invalid-request')
    expect(await runs()).toBe(before)
  })

  const otherName = `openssl req -new ${NEW_KEY.join(' ')} -subj /CN=SN-0 -keyout /dev/null 2>/dev/null`
  it.each([
    ['ends with an error', 'echo "the CA is closed" >&2; exit 3', /exit code 3: the CA is closed/],
    ['cannot be run', 'exec /no/such/program', /exit code 127/],
    ['takes too long', 'exec sleep 60', /took too long/],
    ['answers nothing', 'true', /no PEM certificate/],
    ['answers without end', 'exec yes', /answered too much/],
    ['answers another key', `${otherName} | sign issuing`, /another key/],
    [
      'answers another name',
      'openssl x509 -req -CA issuing.pem -CAkey issuing.key -subj /CN=SN-0 2>/dev/null; cat issuing.pem',
      /device id/,
    ],
    ['answers a chain of another CA', 'sign foreign', /does not lead/],
    ['answers a chain with a gap', 'sign issuing | sed "/END/q"; cat foreign.pem root.pem', /not issued by the next/],
    ['answers a certificate of a CA', 'openssl x509 -req -CA issuing.pem -CAkey issuing.key -extfile ca.ext', /one of a CA/],
    [
      'answers one for servers',
      'sed -i s/clientAuth/serverAuth/ client.ext; sign issuing; sed -i s/server/client/ client.ext',
      /TLS clients/,
    ],
    [
      'answers one too long for a hotspot',
      'echo "nsComment=$(head -c 3000 /dev/zero | tr "\\0" x)" > ca.ext; openssl x509 -req -CA issuing.pem -CAkey issuing.key -extfile ca.ext 2>/dev/null',
      /longer than/,
    ],
    ['answers one that has ended', 'openssl x509 -req -CA issuing.pem -CAkey issuing.key -days -1 2>/dev/null', /dates/],
  ])('that %s keeps the device waiting, and the operator reads why', async (_, script, reason) => {
    await writeFile(join(folder, 'ca.ext'), 'basicConstraints=CA:TRUE\n')
    await command(script)
    const temporary = newDevice()
    const token = await tokenOf(cloud, temporary)
    const privateKey = newDeviceKey()
    log = ''
    const answer = await postSwap(cloud, token.value, certificateAsk(privateKey, temporary.name))
    expect(answer).toMatchObject({ status: 503, problem: 'unavailable' })
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
    expect(log).toMatch(reason)
    expect(await isKnown(temporary)).toBe(0)
    await command('sign issuing')
    expect((await postSwap(cloud, token.value, certificateAsk(privateKey, temporary.name))).status).toBe(201)
  })

  it('runs once for a device that asks again meanwhile', async () => {
    await command('sleep 0.5; sign issuing')
    const [temporary, before, privateKey] = [newDevice(), await runs(), newDeviceKey()]
    const token = await tokenOf(cloud, temporary)
    const ask = () => postSwap(cloud, token.value, certificateAsk(privateKey, temporary.name))
    const chains = (await Promise.all([ask(), ask(), ask()])).map((answer) => certificateIn(answer, temporary.name, privateKey).chainPem)
    expect(new Set(chains).size).toBe(1)
    expect(await runs()).toBe(before + 1)
  })

  it('does not hold up others while it signs', async () => {
    await command('sleep 1; sign issuing')
    const slow = swapForCertificate(cloud, newDevice())
    await setTimeout(200)
    const startedMs = performance.now()
    expect(await tokenOutcome(cloud, newDevice())).toBe('granted')
    expect(performance.now() - startedMs).toBeLessThan(700)
    await slow
  })

  it('may be cut while it signs: the device asks again with the same key and gets its certificate', async () => {
    await command('sleep 1; sign issuing')
    const temporary = newDevice()
    const token = await tokenOf(cloud, temporary)
    const privateKey = newDeviceKey()
    const lost = postSwap(cloud, token.value, certificateAsk(privateKey, temporary.name)).catch(() => 'lost')
    await setTimeout(300)
    await cloud.stop('SIGKILL')
    expect(await lost).toBe('lost')
    await cloud.start()
    expect(await isKnown(temporary)).toBe(0)
    const certificate = await swapForCertificate(cloud, temporary, { privateKey })
    expect(await tokenOutcome(cloud, certificate)).toBe('granted')
    expect(await isKnown(temporary)).toBe(1)
  })

  it('records nothing where the device may not swap any more when it has signed', async () => {
    await command('sleep 0.5; sign issuing')
    const temporary = newDevice()
    const token = await tokenOf(cloud, temporary)
    const asked = postSwap(cloud, token.value, certificateAsk(newDeviceKey(), temporary.name))
    await setTimeout(200)
    await cloud.retireProvisioningKey('acme', 'line-7')
    expect((await asked).problem).toBe('revoked')
    expect(await isKnown(temporary)).toBe(0)
  })
})

it.each([
  ['a program without its path', { command: ['sign'], ca: 'x' }, {}, /command/],
  ['no CA', { command: ['/bin/true'] }, {}, /deviceCa\.ca/],
  ['a CA that is not there', { command: ['/bin/true'], ca: 'nowhere.pem' }, {}, /deviceCa\.ca: .*nowhere\.pem cannot be read/],
  ['a CA that is none', { command: ['/bin/true'], ca: 'config.json' }, {}, /there is no PEM certificate/],
  ['days that the command decides', { command: ['/bin/true'], ca: 'tls/ca.pem' }, { certificateDays: 3 }, /certificateDays: leave it out/],
])('a configuration with %s is refused in one line', async (_, deviceCa, more, line) => {
  const dir = await mkdtemp(join(folder, 'refused-'))
  const refused = await startCloud({ dir })
  await refused.stop()
  const { config } = dataFiles(dir)
  await writeFile(config, JSON.stringify({ ...JSON.parse(await readFile(config, 'utf8')), deviceCa, ...more }))
  await expect(refused.start()).rejects.toThrow(line)
})

it('certificates of the own CA end after certificateDays, where they are given', async () => {
  const dir = await mkdtemp(join(folder, 'days-'))
  const days = await startCloud({ dir })
  await days.createAccount('acme')
  const dailyKey = (await days.createProvisioningKey('acme', 'line-7')).bytes
  await days.stop()
  const { config } = dataFiles(dir)
  await writeFile(config, JSON.stringify({ ...JSON.parse(await readFile(config, 'utf8')), certificateDays: 30 }))
  await days.start()
  const { chainPem } = await swapForCertificate(days, temporaryCredential({ account: 'acme', device: 'SN-1' }, 'line-7', dailyKey))
  await days.stop()
  const leftDays = (Date.parse(new X509Certificate(chainPem).validTo) - Date.now()) / 86_400_000
  expect(leftDays).toBeGreaterThan(29.9)
  expect(leftDays).toBeLessThanOrEqual(30)
})
