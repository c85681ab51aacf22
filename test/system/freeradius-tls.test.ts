import { execFile } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { certificateFingerprint } from '../../agent/contract/certificate.ts'
import { newDeviceKey, swapForCertificate } from './certificate-device.ts'
import { type CertificateCredential, hotspotLogin, temporaryCredential, tokenOf } from './cloud-device.ts'
import { type RunningCloud, startCloud } from './cloud-server.ts'
import { type RunningAaa, startAaa } from './freeradius-server.ts'

const REALM = 'zipkey.test'
const run = promisify(execFile)

let folder: string
let cloud: RunningCloud
let aaa: RunningAaa
const keys = new Map<string, Uint8Array>()

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zipkey-aaa-tls-'))
  cloud = await startCloud({ dir: join(folder, 'cloud') })
  for (const account of ['acme', 'umbra']) {
    await cloud.createAccount(account)
    keys.set(account, (await cloud.createProvisioningKey(account, 'line-7')).bytes)
  }
  const client = await cloud.createAaaClient('berlin', REALM, ['acme'])
  const deviceCaPath = await cloud.writeDeviceCa(folder)
  await mkdir(join(folder, 'aaa'))
  aaa = await startAaa({ dir: join(folder, 'aaa'), cloudUrl: cloud.url, cloudCaPath: cloud.caPath, deviceCaPath, client })
})

afterAll(async () => {
  await aaa.stop()
  await cloud.stop()
  await rm(folder, { recursive: true })
})

let count = 0
const newDevice = (account = 'acme') =>
  temporaryCredential({ account, device: `SN-${++count}` }, 'line-7', keys.get(account) ?? new Uint8Array())
const certified = (account?: string) => swapForCertificate(cloud, newDevice(account))
const login = ({ chainPem, privateKey, name }: CertificateCredential, identity = `anonymous@${name.account}.${REALM}`) => ({
  identity,
  chainPem,
  privateKey,
})
const lastEntry = async ({ name }: CertificateCredential) => (await cloud.audit(name.account, name.device)).at(-1)
const events = async ({ name }: CertificateCredential) => (await cloud.audit(name.account, name.device)).map(({ event }) => event)
const keptFiles = async () => (await readdir(join(folder, 'aaa'))).filter((name) => /^[0-9a-f]{32}\.pem$/.test(name))

describe('EAP-TLS', () => {
  test('accepts a pending certificate and says so, accepts it when it is current, and changes no credential', async () => {
    const certificate = await certified()
    expect((await aaa.eapTls(login(certificate))).success).toBe(true)
    const told = await cloud.audit('acme', certificate.name.device)
    expect(told.slice(-2).map(({ event }) => event)).toEqual(['hotspot-accepted', 'pending-seen-at-hotspot'])
    expect(told.at(-1)).toMatchObject({ credential: `c.${certificate.id.fingerprint}`, principal: 'aaa:berlin' })
    expect((await cloud.showDevice('acme', certificate.name.device)).issued[0]?.state).toBe('pending')
    await tokenOf(cloud, certificate)
    expect((await aaa.eapTls(login(certificate))).success).toBe(true)
    expect(await lastEntry(certificate)).toMatchObject({ event: 'hotspot-accepted' })
  })

  test('bounds the session like a password, is proved again at its end, and is never resumed', async () => {
    const { success, output } = await aaa.eapTls(login(await certified()), ['-r', '1'])
    expect(success).toBe(true)
    expect(output).toMatch(/Attribute 27 \(Session-Timeout\) length=6\s+Value: 3600/)
    expect(output).toMatch(/Attribute 29 \(Termination-Action\) length=6\s+Value: 1/)
    expect(output).toMatch(/Attribute 25 \(Class\) length=18\s+Value: [0-9a-f]{32}/)
    expect(output.match(/resumed=[01]/g)).toEqual(['resumed=0', 'resumed=0'])
  })

  test('tells its accounting by the handle of the accept', async () => {
    const certificate = await certified()
    const { output } = await aaa.eapTls(login(certificate))
    const handle = /Attribute 25 \(Class\) length=18\s+Value: ([0-9a-f]{32})/.exec(output)?.[1]
    const told = run('radclient', [`127.0.0.1:${aaa.acctPort}`, 'acct', aaa.radiusSecret])
    told.child.stdin?.end(`Acct-Status-Type=Start,Acct-Session-Id=s1,Class=0x${handle},NAS-IP-Address=127.0.0.1\n`)
    await told
    expect(await lastEntry(certificate)).toMatchObject({ event: 'hotspot-session', detail: 'started' })
  })

  test.each([
    ['its device', ({ name }: CertificateCredential) => `${name.device}@acme.${REALM}`],
    ['its device and the certificate', ({ name, id }: CertificateCredential) => `${name.device}+c.${id.fingerprint}@acme.${REALM}`],
  ])('accepts an identity that names %s', async (_, identity) => {
    const certificate = await certified()
    expect((await aaa.eapTls(login(certificate, identity(certificate)))).success).toBe(true)
  })

  test.each([
    ['another device, known', () => `SN-1@acme.${REALM}`],
    ['another device, unknown', () => `SN-404@acme.${REALM}`],
    ['another account', () => `anonymous@umbra.${REALM}`],
    ['another credential of the device', ({ name }: CertificateCredential) => `${name.device}+t.line-7@acme.${REALM}`],
    ['nobody', () => 'x'],
    ['quotes and backslashes', () => `SN-1"\\",\\"certificate\\":\\"@acme.${REALM}`],
    ['an expansion', () => '%{exec:/bin/true}%d'],
  ])('refuses an identity that names %s', async (_, identity) => {
    const certificate = await certified()
    await tokenOf(cloud, certificate)
    expect((await aaa.eapTls(login(certificate, identity(certificate)))).success).toBe(false)
    expect(await lastEntry(certificate)).toMatchObject({ event: 'hotspot-refused', detail: expect.stringMatching(/identity/) })
    expect((await aaa.eapTls(login(certificate))).success).toBe(true)
  })

  test('refuses a superseded certificate, and says why', async () => {
    const temporary = newDevice()
    const first = await swapForCertificate(cloud, temporary)
    const second = await swapForCertificate(cloud, temporary)
    expect((await aaa.eapTls(login(first))).success).toBe(false)
    expect(await lastEntry(first)).toMatchObject({ event: 'hotspot-refused', detail: expect.stringMatching(/superseded/) })
    expect((await aaa.eapTls(login(second))).success).toBe(true)
  })

  test('refuses a certificate that an operator revoked', async () => {
    const certificate = await certified()
    await tokenOf(cloud, certificate)
    expect((await aaa.eapTls(login(certificate))).success).toBe(true)
    const body = { credential: `c.${certificate.id.fingerprint}` }
    await cloud.api.call('POST', `/v1/accounts/acme/devices/${certificate.name.device}/revoke`, z.null(), body)
    expect((await aaa.eapTls(login(certificate))).success).toBe(false)
    expect(await lastEntry(certificate)).toMatchObject({ event: 'hotspot-refused', detail: expect.stringMatching(/revoked/) })
  })

  test('refuses a certificate of an account that this AAA client may not see, and tells that account nothing', async () => {
    const certificate = await certified('umbra')
    expect((await aaa.eapTls(login(certificate))).success).toBe(false)
    expect(await events(certificate)).not.toContain('hotspot-refused')
  })

  test('refuses a certificate of the right CA that the cloud does not know, and the log of the account says so', async () => {
    const certificate = await certified()
    const stranger = await certificateOfRightCa()
    const refused = await aaa.eapTls(login({ ...certificate, ...stranger }))
    expect(refused.success).toBe(false)
    expect(refused.output).not.toMatch(/alert/i)
    const entry = (await cloud.audit('acme')).at(-1)
    expect(entry).toMatchObject({ device: null, event: 'hotspot-refused', detail: expect.stringMatching(/not known/) })
  })

  test('refuses a certificate of another CA by the chain alone, even where it names a known device', async () => {
    const certificate = await certified()
    const other = await startCloud({ dir: join(folder, 'other') })
    await other.createAccount('acme')
    const key = (await other.createProvisioningKey('acme', 'line-7')).bytes
    const foreign = await swapForCertificate(other, temporaryCredential(certificate.name, 'line-7', key))
    await other.stop()
    const refused = await aaa.eapTls(login(foreign))
    expect(refused.success).toBe(false)
    expect(aaa.log()).toMatch(/error.*certificate/i)
    expect(await events(certificate)).not.toContain('hotspot-refused')
  })

  test.each([500, 1000, 1500, 2300])('hands over the whole of a certificate with %i characters more than usual', async (more) => {
    const long = await certificateOfRightCa(`nsComment=${'x'.repeat(more)}`)
    await aaa.eapTls(login({ ...(await certified()), ...long }))
    const credential = `c.${certificateFingerprint(new X509Certificate(long.chainPem).raw)}`
    expect((await cloud.audit('acme')).at(-1)).toMatchObject({ event: 'hotspot-refused', credential })
  })

  test('keeps no certificate for longer than a conversation needs', async () => {
    const left = join(folder, 'aaa', `${'0'.repeat(32)}.pem`)
    await writeFile(left, 'left by a conversation that broke off')
    await utimes(left, new Date(Date.now() - 180_000), new Date(Date.now() - 180_000))
    await aaa.eapTls(login(await certified()))
    expect(await keptFiles()).not.toContain(`${'0'.repeat(32)}.pem`)
  })
})

describe('EAP-TLS with TLS 1.3', () => {
  test('is agreed on where the device offers it, decides like TLS 1.2, and is never resumed', async () => {
    const certificate = await certified()
    const { success, output } = await aaa.eapTls({ ...login(certificate), tls: '1.3' }, ['-r', '1'])
    expect(success).toBe(true)
    expect(new Set(output.match(/Using TLS version \S+/g))).toEqual(new Set(['Using TLS version TLSv1.3']))
    expect(output).not.toContain('resumed=1')
    expect((await cloud.audit('acme', certificate.name.device)).slice(-2)).toMatchObject([
      { event: 'hotspot-accepted' },
      { event: 'pending-seen-at-hotspot' },
    ])
  })

  test('refuses who is not known, and an identity of another device', async () => {
    const certificate = await certified()
    const stranger = await certificateOfRightCa()
    expect((await aaa.eapTls({ ...login({ ...certificate, ...stranger }), tls: '1.3' })).success).toBe(false)
    const other = await certified()
    const { success } = await aaa.eapTls({ ...login(certificate, `${other.name.device}@acme.${REALM}`), tls: '1.3' })
    expect(success).toBe(false)
    expect(await lastEntry(certificate)).toMatchObject({ event: 'hotspot-refused', detail: expect.stringMatching(/identity/) })
  })
})

test('passwords work beside it', async () => {
  const temporary = newDevice()
  expect((await aaa.eap({ ...hotspotLogin(temporary, REALM, REALM), phase2: 'MSCHAPV2' })).success).toBe(true)
})

test('with the cloud stopped a certificate opens nothing, and with the cloud back it does', async () => {
  const certificate = await certified()
  await cloud.stop()
  const away = await aaa.eapTls(login(certificate))
  expect(away.success).toBe(false)
  expect(away.tookMs).toBeLessThan(2500)
  await cloud.start()
  expect((await aaa.eapTls(login(certificate))).success).toBe(true)
})

/** A certificate that the cloud's CA signed without the cloud: by its key, as somebody with a copy of it would. */
async function certificateOfRightCa(extension = 'nsComment=x') {
  const dir = await mkdtemp(join(folder, 'stranger-'))
  const file = (name: string) => join(dir, name)
  const privateKey = newDeviceKey()
  await writeFile(file('key.pem'), privateKey.export({ format: 'pem', type: 'pkcs8' }))
  await writeFile(file('ext'), `extendedKeyUsage=clientAuth\n${extension}\n`)
  await writeFile(file('ca.pem'), await readFile(join(cloud.dir, 'device-ca.pem')))
  await run('openssl', ['req', '-new', '-key', file('key.pem'), '-subj', '/O=acme/CN=SN-1', '-out', file('csr.pem')])
  const authority = ['-CA', file('ca.pem'), '-CAkey', file('ca.pem'), '-days', '30', '-extfile', file('ext')]
  const { stdout } = await run('openssl', ['x509', '-req', '-in', file('csr.pem'), ...authority])
  return { chainPem: stdout, privateKey }
}
