import { execFile } from 'node:child_process'
import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, X509Certificate } from 'node:crypto'
import { mkdtemp, rm, stat, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { makeCertificateRequest, parseCertificateChain } from '../../agent/contract/certificate.ts'
import { openText, verifyDeviceConfig } from '../../agent/contract/device-config.ts'
import { ROUTES } from '../../agent/contract/routes.ts'
import { dataFiles } from '../../cloud/data-folder.ts'
import { certificateAsk, certificateIn, isOfKey, newDeviceKey, postSwap, swapForCertificate } from './certificate-device.ts'
import {
  assertionOf,
  type CertificateCredential,
  callCloud,
  type DeviceCredential,
  freshNonce,
  sendAssertion,
  swap,
  temporaryCredential,
  tokenOf,
  tokenOutcome,
} from './cloud-device.ts'
import { type RunningCloud, startCloud } from './cloud-server.ts'

const run = promisify(execFile)
let folder: string
let cloud: RunningCloud
let key: Uint8Array
let caPath: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zipkey-certificates-'))
  cloud = await startCloud({ dir: join(folder, 'cloud') })
  await cloud.createAccount('acme')
  key = (await cloud.createProvisioningKey('acme', 'line-7')).bytes
  caPath = await cloud.writeDeviceCa(folder)
})

afterAll(async () => {
  await cloud.stop()
  await rm(folder, { recursive: true })
})

let count = 0
const newDevice = (): DeviceCredential => temporaryCredential({ account: 'acme', device: `SN-${++count}` }, 'line-7', key)
const issuedStates = async (device: string) => (await cloud.showDevice('acme', device)).issued.map(({ state }) => state)
const events = async (device: string) => (await cloud.audit('acme', device)).map(({ event }) => event)

describe('a device that swaps its temporary secret for a certificate', () => {
  it('gets one of its own key and name, pending until its first token, which ends the temporary secret', async () => {
    const temporary = newDevice()
    const certificate = await swapForCertificate(cloud, temporary)
    expect(isOfKey(certificate.chainPem, certificate.privateKey)).toBe(true)
    expect(new X509Certificate(certificate.chainPem).subject).toBe(`O=acme\nCN=${temporary.name.device}`)
    expect(await issuedStates(temporary.name.device)).toEqual(['pending'])
    expect(await tokenOutcome(cloud, temporary)).toBe('granted')
    expect((await tokenOf(cloud, certificate)).scope).toBe('device')
    expect(await tokenOutcome(cloud, temporary)).toBe('already-enrolled')
    expect(await tokenOutcome(cloud, certificate)).toBe('granted')
    const shown = await cloud.showDevice('acme', temporary.name.device)
    expect(shown.issued).toEqual([{ credential: `c.${certificate.id.fingerprint}`, generation: 1, state: 'current' }])
    const told = ['certificate-issued', 'became-current', 'temporary-superseded', 'temporary-refused-after-swap']
    expect(await events(temporary.name.device)).toEqual(expect.arrayContaining(told))
  })

  it('gets the same chain for the same key, byte for byte, and none for it once another key was asked for', async () => {
    const temporary = newDevice()
    const first = await swapForCertificate(cloud, temporary)
    const again = await swapForCertificate(cloud, temporary, { privateKey: first.privateKey })
    expect(again.chainPem).toBe(first.chainPem)
    expect(await events(temporary.name.device)).toContain('certificate-delivered-again')
    const second = await swapForCertificate(cloud, temporary)
    expect(await issuedStates(temporary.name.device)).toEqual(['superseded', 'pending'])
    const token = await tokenOf(cloud, temporary)
    const spent = await postSwap(cloud, token.value, certificateAsk(first.privateKey, temporary.name))
    expect(spent.problem).toBe('nonce-spent')
    expect(await tokenOutcome(cloud, first)).toBe('revoked')
    expect(await tokenOutcome(cloud, second)).toBe('granted')
  })

  it('gets one answer from two processes that it asks at once', async () => {
    const other = await startCloud({ dir: cloud.dir, mode: 'child' })
    const temporary = newDevice()
    const token = await tokenOf(cloud, temporary)
    const privateKey = newDeviceKey()
    const asked = [cloud, other, cloud, other].map((at) => postSwap(at, token.value, certificateAsk(privateKey, temporary.name)))
    const answers = await Promise.all(asked)
    await other.stop()
    const chains = answers.map((answer) => certificateIn(answer, temporary.name, privateKey).chainPem)
    expect(new Set(chains).size).toBe(1)
    expect(await issuedStates(temporary.name.device)).toEqual(['pending'])
  })

  it('is named by its token, whatever its request says', async () => {
    const temporary = newDevice()
    const token = await tokenOf(cloud, temporary)
    const privateKey = newDeviceKey()
    const answer = await postSwap(cloud, token.value, certificateAsk(privateKey, { account: 'acme', device: 'SN-0' }))
    const { chainPem } = certificateIn(answer, temporary.name, privateKey)
    expect(new X509Certificate(chainPem).subject).toContain(`CN=${temporary.name.device}`)
  })
})

describe('a certificate', () => {
  it('is good for TLS clients as openssl sees it, for ever, and for nothing else', async () => {
    const { chainPem } = await swapForCertificate(cloud, newDevice())
    const path = join(folder, 'device.pem')
    await writeFile(path, chainPem)
    const verify = (...more: readonly string[]) => run('openssl', ['verify', '-x509_strict', '-CAfile', caPath, ...more, path])
    expect((await verify('-purpose', 'sslclient')).stdout).toContain('OK')
    expect((await verify('-purpose', 'sslclient', '-attime', '250000000000')).stdout).toContain('OK')
    await expect(verify('-purpose', 'sslserver')).rejects.toThrow(/purpose/)
    const { stdout } = await run('openssl', [
      'x509',
      '-in',
      path,
      '-noout',
      '-enddate',
      '-ext',
      'keyUsage,extendedKeyUsage,basicConstraints',
    ])
    expect(stdout).toMatch(/notAfter=Dec 31 23:59:59 9999 GMT/)
    expect(stdout).toMatch(/Digital Signature\n/)
    expect(stdout).toMatch(/CA:FALSE/)
  })

  it('takes the place of a secret on an order, and a secret its place on another', async () => {
    const secret = await swap(cloud, newDevice())
    await tokenOf(cloud, secret)
    const certificate = await swapForCertificate(cloud, secret, { order: await orderFor(secret.name.device) })
    expect(await tokenOutcome(cloud, secret)).toBe('granted')
    expect(await tokenOutcome(cloud, certificate)).toBe('granted')
    const order = await orderFor(secret.name.device)
    const token = await tokenOf(cloud, certificate)
    const answer = await postSwap(cloud, token.value, { nonce: freshNonce(), order })
    expect(answer.status).toBe(201)
    expect(await issuedStates(secret.name.device)).toEqual(['superseded', 'current', 'pending'])
    const closed = await postSwap(cloud, token.value, certificateAsk(newDeviceKey(), secret.name, 'no-such-order'))
    expect(closed.problem).toBe('order-closed')
    // Last of all, since a superseded secret freezes rotation.
    expect(await tokenOutcome(cloud, secret)).toBe('revoked')
  })
})

const orderFor = async (device: string): Promise<string> => {
  const path = `/v1/accounts/acme/devices/${device}/rotation-orders`
  return (await cloud.api.call('POST', path, z.object({ order: z.string() }))).order
}

describe('a certificate request', () => {
  const csr = (bytes: Uint8Array) => ({ csr: Buffer.from(bytes).toString('base64') })
  const flipped = (bytes: Uint8Array) => bytes.with(-1, (bytes.at(-1) ?? 0) ^ 1)
  const request = (privateKey = newDeviceKey()) => makeCertificateRequest(privateKey, { account: 'acme', device: 'SN-1' })

  it.each([
    ['of an RSA key', csr(request(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey)), /P-256/],
    ['of a P-384 key', csr(request(generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey)), /P-256/],
    ['that is none', csr(randomBytes(300)), /PKCS#10/],
    ['that is not signed by its key', csr(flipped(request())), /signed by its own key|PKCS#10/],
    ['that is cut short', csr(request().subarray(0, -40)), /PKCS#10/],
    ['that is no base64', { csr: '%' }, /base64/],
    ['beside a nonce', { ...csr(request()), nonce: freshNonce() }, /not both/],
    ['that is not there, and no nonce either', {}, /nonce or a csr/],
  ])('%s is refused in one line', async (_, body, line) => {
    const token = await tokenOf(cloud, newDevice())
    const answer = await postSwap(cloud, token.value, body)
    expect(answer.problem).toBe('invalid-request')
    expect(z.object({ detail: z.string() }).parse(answer.body).detail).toMatch(line)
  })
})

describe('an assertion by a certificate', () => {
  let own: CertificateCredential
  beforeAll(async () => {
    own = await swapForCertificate(cloud, newDevice())
    await tokenOf(cloud, own)
  })

  const signed = async (header: Readonly<Record<string, unknown>>, key: Parameters<SignJWT['sign']>[0], name = own.name) => {
    const [subject, nowS] = [`acme/${name.device}`, Math.floor(Date.now() / 1000)]
    const jwt = new SignJWT({}).setIssuer(subject).setSubject(subject).setAudience(cloud.issuer).setIssuedAt(nowS)
    const kid = `c.${own.id.fingerprint}`
    return jwt
      .setExpirationTime(nowS + 60)
      .setJti(freshNonce())
      .setProtectedHeader({ alg: 'ES256', kid, ...header })
      .sign(key)
  }
  const outcome = async (jws: string) => (await sendAssertion(cloud, jws)).problem ?? 'granted'
  const x5c = (chainPem: string) => ({ x5c: [new X509Certificate(chainPem).raw.toString('base64')] })

  it('is good with its certificate alone, without the issuers', async () => {
    expect(await outcome(await signed(x5c(own.chainPem), own.privateKey))).toBe('granted')
  })

  it('needs the certificate that it names', async () => {
    const other = await swapForCertificate(cloud, newDevice())
    expect(await outcome(await signed({}, own.privateKey))).toBe('invalid-request')
    expect(await outcome(await signed(x5c(other.chainPem), own.privateKey))).toBe('invalid-request')
  })

  it('is refused by another key, and by the public key taken for a secret', async () => {
    expect(await outcome(await signed(x5c(own.chainPem), newDeviceKey()))).toBe('unknown-credential')
    const publicPem = createPublicKey(own.privateKey).export({ type: 'spki', format: 'pem' })
    const asSecret = await signed({ ...x5c(own.chainPem), alg: 'HS256' }, new Uint8Array(Buffer.from(publicPem)))
    expect(await outcome(asSecret)).toBe('unknown-credential')
  })

  it('is refused in the name of another device, known or not', async () => {
    const neighbour = await swapForCertificate(cloud, newDevice())
    for (const name of [neighbour.name, { account: 'acme', device: 'SN-404' }]) {
      expect(await outcome(await signed(x5c(own.chainPem), own.privateKey, name))).toBe('unknown-credential')
    }
  })

  it('is refused by a certificate that somebody else signed, as by one that nobody signed', async () => {
    const foreign = await startCloud({ dir: join(folder, 'foreign') })
    await foreign.createAccount('acme')
    const foreignKey = (await foreign.createProvisioningKey('acme', 'line-7')).bytes
    const temporary = temporaryCredential(own.name, 'line-7', foreignKey)
    const certificate = await swapForCertificate(foreign, temporary)
    await foreign.stop()
    const answer = await sendAssertion(cloud, await assertionOf(cloud, certificate))
    const unknown = await sendAssertion(cloud, await assertionOf(cloud, temporaryCredential(own.name, 'line-404', foreignKey)))
    expect(answer.body).toEqual(unknown.body)
    expect(answer.problem).toBe('unknown-credential')
  })
})

it('the CA of a folder that had none is made when the service starts, for its owner alone, and stays', async () => {
  const dir = join(folder, 'older')
  const older = await startCloud({ dir })
  await older.stop()
  const { deviceCa } = dataFiles(dir)
  await unlink(deviceCa)
  const caOf = async () => (await older.api.call('GET', '/v1/device-ca', z.object({ ca: z.string() }))).ca
  await older.start()
  const ca = await caOf()
  await older.stop()
  expect((await stat(deviceCa)).mode & 0o777).toBe(0o600)
  await older.start()
  expect(await caOf()).toBe(ca)
  expect(ca).not.toContain('PRIVATE')
  expect(parseCertificateChain(ca).ok).toBe(true)
  await older.stop()
})

describe('hotspot profiles for a device with a certificate', () => {
  it('have their passphrases sealed for its key, and nobody else’s', async () => {
    await cloud.api.call('POST', '/v1/accounts/acme/hotspot-profiles', z.object({ version: z.number() }), {
      hotspots: [{ security: 'sae', ssid: 'Depot', passphrase: 'a passphrase' }],
    })
    const certificate = await swapForCertificate(cloud, newDevice())
    const headers = { authorization: `Bearer ${(await tokenOf(cloud, certificate)).value}` }
    const answer = await callCloud(cloud, 'GET', ROUTES.deviceConfig, { headers })
    const config = await verifyDeviceConfig(String(answer.body), cloud.jwks, certificate.name)
    const [hotspot] = config.ok ? config.value.hotspots : []
    const { passphrase } = z.object({ passphrase: z.string() }).parse(hotspot)
    const openBy = (key: KeyObject) =>
      openText(passphrase, { kind: 'certificate', privateKeyPem: String(key.export({ type: 'pkcs8', format: 'pem' })) })
    expect(await openBy(certificate.privateKey)).toEqual({ ok: true, value: 'a passphrase' })
    expect((await openBy(newDeviceKey())).ok).toBe(false)
  })
})
