/** Devices registered with certificates that somebody else issued and flashed. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { certificateFingerprint } from '../../agent/contract/certificate.ts'
import { type KeyKind, OpensslFolder } from '../fakes/openssl-certificates.ts'
import { swapForCertificate } from './certificate-device.ts'
import { assertionOf, type CertificateCredential, sendAssertion, tokenOf, tokenOutcome } from './cloud-device.ts'
import { type RunningCloud, startCloud } from './cloud-server.ts'

let folder: string
let cloud: RunningCloud
let factory: OpensslFolder

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zipkey-registered-'))
  cloud = await startCloud({ dir: join(folder, 'cloud') })
  await cloud.createAccount('acme')
  factory = new OpensslFolder(folder)
  factory.key('ca', 'P-256')
  factory.certificate('ca', { issuer: null, isCa: true })
})

afterAll(async () => {
  await cloud.stop()
  await rm(folder, { recursive: true })
})

let count = 0

/** A device as it comes from its line; the cloud knows nothing of it. */
function flashed(kind: KeyKind = 'P-256'): CertificateCredential {
  count += 1
  const device = `SN-${count}`
  factory.key(device, kind)
  factory.certificate(device, { issuer: 'ca', isCa: false })
  const [chainPem, privateKey] = [factory.read(`${device}.pem`), createPrivateKey(factory.read(`${device}.key`))]
  const fingerprint = certificateFingerprint(new X509Certificate(chainPem).raw)
  return { name: { account: 'acme', device }, id: { kind: 'certificate', fingerprint }, privateKey, chainPem }
}

const register = ({ name }: CertificateCredential, certificate: string) => cloud.registerCertificate('acme', name.device, certificate)

async function registered(): Promise<CertificateCredential> {
  const device = flashed()
  expect(await register(device, device.chainPem)).toBe('registered')
  return device
}

const operate = (device: CertificateCredential, action: string, body?: object) =>
  cloud.api.call('POST', `/v1/accounts/acme/devices/${device.name.device}/${action}`, z.unknown(), body)
const issued = async (device: CertificateCredential) => (await cloud.showDevice('acme', device.name.device)).issued
const rotated = async (device: CertificateCredential) => {
  const { order } = z.object({ order: z.string() }).parse(await operate(device, 'rotation-orders'))
  return swapForCertificate(cloud, device, { order })
}

describe('a device with a certificate of its own', () => {
  it.each<[string, KeyKind, (device: CertificateCredential) => string]>([
    ['whole, of P-256', 'P-256', ({ chainPem }) => chainPem],
    ['whole, of P-384', 'P-384', ({ chainPem }) => chainPem],
    ['whole, of RSA, with its CA', 'RSA-2048', ({ chainPem }) => chainPem + factory.read('ca.pem')],
    ['by the fingerprint that openssl prints', 'RSA-2048', ({ chainPem }) => new X509Certificate(chainPem).fingerprint256],
    ['by hex', 'P-384', ({ chainPem }) => `${new X509Certificate(chainPem).fingerprint256.replaceAll(':', '').toLowerCase()}\n`],
    ['by what it is called', 'P-256', ({ id }) => `c.${id.fingerprint}`],
  ])('is registered %s, and gets a token from then on', async (_, kind, form) => {
    const device = flashed(kind)
    expect(await tokenOutcome(cloud, device)).toBe('unknown-credential')
    expect(await register(device, form(device))).toBe('registered')
    expect((await tokenOf(cloud, device)).scope).toBe('device')
    expect(await issued(device)).toEqual([{ credential: `c.${device.id.fingerprint}`, generation: 1, state: 'current' }])
    const [entry] = await cloud.audit('acme', device.name.device)
    expect(entry).toMatchObject({ event: expect.stringMatching(/registered|refused/), credential: `c.${device.id.fingerprint}` })
  })

  it('is nobody else, neither by its certificate nor by its name', async () => {
    const [one, other, stranger] = [await registered(), await registered(), flashed()]
    expect(await tokenOutcome(cloud, { ...one, name: other.name })).toBe('unknown-credential')
    expect(await tokenOutcome(cloud, { ...one, privateKey: other.privateKey })).toBe('unknown-credential')
    expect(await tokenOutcome(cloud, { ...stranger, name: one.name })).toBe('unknown-credential')
    const shown = await assertionOf(cloud, { ...stranger, name: one.name, id: one.id })
    expect((await sendAssertion(cloud, shown)).problem).toBe('invalid-request')
  })

  it('changes to what the cloud issues by an order, which ends what was flashed', async () => {
    const device = await registered()
    const next = await rotated(device)
    expect(await tokenOutcome(cloud, device)).toBe('granted')
    expect(await tokenOutcome(cloud, next)).toBe('granted')
    expect((await issued(device)).map(({ state }) => state)).toEqual(['superseded', 'current'])
    expect(await tokenOutcome(cloud, device)).toBe('revoked')
  })

  it('is revoked, and re-armed', async () => {
    const device = await registered()
    const credential = { credential: `c.${device.id.fingerprint}` }
    await operate(device, 'revoke', credential)
    expect(await tokenOutcome(cloud, device)).toBe('revoked')
    await operate(device, 'rearm', credential)
    expect(await tokenOutcome(cloud, device)).toBe('granted')
  })

  it('may have a secret as well', async () => {
    const device = flashed()
    const answer = z.object({ results: z.array(z.object({ status: z.string() })) })
    const row = { id: device.name.device, secret: 'correct horse', format: 'opaque', certificate: device.chainPem }
    expect((await cloud.api.call('POST', '/v1/accounts/acme/devices', answer, { devices: [row] })).results[0]?.status).toBe('registered')
    expect(await tokenOutcome(cloud, device)).toBe('granted')
    expect(await cloud.showDevice('acme', device.name.device)).toMatchObject({ flashed: 'good', issued: [{ state: 'current' }] })
  })
})

describe('a registration is refused', () => {
  it.each<[string, (device: CertificateCredential) => string, RegExp]>([
    ['with the private key beside it', ({ name, chainPem }) => chainPem + factory.read(`${name.device}.key`), /must stay on the device/],
    ["with the CA's certificate first", ({ chainPem }) => factory.read('ca.pem') + chainPem, /device's own first/],
    ['with a damaged certificate', ({ chainPem }) => chainPem.replace(/\n.{40}/, '\n'), /damaged/],
    ['with half a fingerprint', ({ chainPem }) => new X509Certificate(chainPem).fingerprint256.slice(0, 47), /SHA-256 fingerprint/],
    ['with a secret in its place', () => 'correct horse', /SHA-256 fingerprint/],
    ['with nothing', () => '', /neither a secret nor a certificate/],
  ])('%s, in one line', async (_, form, line) => {
    const device = flashed()
    const answer = await register(device, form(device))
    expect(answer).toMatch(line)
    expect(answer).not.toContain('\n')
  })

  it.each<KeyKind>(['RSA-1024', 'P-521', 'Ed25519'])('with a key of %s', async (kind) => {
    const device = flashed(kind)
    expect(await register(device, device.chainPem)).toBe('the key of a certificate is RSA of 2048 bits or more, P-256 or P-384')
  })

  it("with a certificate that is another device's, whole or by its fingerprint", async () => {
    const [device, next] = [await registered(), flashed()]
    for (const form of [device.chainPem, `c.${device.id.fingerprint}`])
      expect(await register(next, form)).toBe('the certificate is registered already')
    expect(await register(next, next.chainPem)).toBe('registered')
  })
})
