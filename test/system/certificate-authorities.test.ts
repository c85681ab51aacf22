/** A company's own CA: its owner proves possession, and from then on devices with its certificates enrol by themselves. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { certificateFingerprint } from '../../agent/contract/certificate.ts'
import { ROUTES } from '../../agent/contract/routes.ts'
import { OpensslFolder } from '../fakes/openssl-certificates.ts'
import { type CertificateCredential, callCloud, tokenOutcome } from './cloud-device.ts'
import { type RunningCloud, startCloud } from './cloud-server.ts'

let folder: string
let cloud: RunningCloud
let factory: OpensslFolder
let aaa: { id: string; secret: string }

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zipkey-authorities-'))
  cloud = await startCloud({ dir: join(folder, 'cloud') })
  for (const account of ['acme', 'umbra']) await cloud.createAccount(account)
  aaa = await cloud.createAaaClient('berlin', 'zipkey.test', ['acme'])
  factory = new OpensslFolder(folder)
  for (const [name, kind] of [
    ['line', 'P-256'],
    ['other', 'P-256'],
    ['third', 'RSA-2048'],
    ['weak', 'RSA-1024'],
  ] as const) {
    factory.key(name, kind)
    factory.certificate(name, { issuer: null, isCa: true })
  }
  await register('acme', 'line', { allow: ['SN-*'] })
})
afterAll(async () => {
  await cloud.stop()
  await rm(folder, { recursive: true })
})

const url = (account: string, ...more: readonly string[]) => ['', 'v1', 'accounts', account, 'certificate-authorities', ...more].join('/')

async function challengeFor(account: string, ca: string): Promise<string> {
  const body = { certificate: factory.read(`${ca}.pem`) }
  return (await cloud.api.call('POST', url(account, 'challenge'), z.object({ challenge: z.string() }), body)).challenge
}

/** What the owner of a CA makes of a challenge. */
function proofBy(ca: string, challenge: string): string {
  factory.key(challenge, 'P-256')
  factory.certificate(challenge, { issuer: ca, isCa: false })
  return factory.read(`${challenge}.pem`)
}

type Registration = { readonly id?: string; readonly allow?: readonly string[]; readonly proof?: string; readonly deviceIdIn?: string }

async function register(account: string, ca: string, { id = ca, allow = ['*'], proof, deviceIdIn = 'CN' }: Registration = {}) {
  const certificate = factory.read(`${ca}.pem`)
  const body = { id, certificate, proof: proof ?? proofBy(ca, await challengeFor(account, ca)), device_id_in: deviceIdIn, allow }
  return cloud.api.call('POST', url(account), z.unknown(), body)
}

/** A device as it comes from its line; nobody has told the cloud of it. */
function made(
  device: string,
  { issuer = 'line', dates }: { issuer?: string; dates?: readonly [string, string] } = {},
): CertificateCredential {
  factory.key(device, 'P-256')
  factory.certificate(device, { issuer, isCa: false, ...(dates === undefined ? {} : { dates }) })
  const [chainPem, privateKey] = [factory.read(`${device}.pem`), createPrivateKey(factory.read(`${device}.key`))]
  const fingerprint = certificateFingerprint(new X509Certificate(chainPem).raw)
  return { name: { account: 'acme', device }, id: { kind: 'certificate', fingerprint }, privateKey, chainPem }
}

const events = async (device: string) => (await cloud.audit('acme', device)).map(({ event, detail }) => `${event} ${detail}`.trim())

async function atHotspot({ chainPem }: CertificateCredential, identity = 'anonymous@acme.zipkey.test'): Promise<string> {
  const headers = {
    authorization: `Basic ${Buffer.from(`${aaa.id}:${aaa.secret}`).toString('base64')}`,
    'content-type': 'application/json',
  }
  const body = JSON.stringify({ identity, method: 'TLS', certificate: chainPem, calling_station: '', called_station: '' })
  const answer = await callCloud(cloud, 'POST', ROUTES.aaaAuthorize, { headers, body })
  return z.object({ 'control:Auth-Type': z.object({ value: z.tuple([z.string()]) }) }).parse(answer.body)['control:Auth-Type'].value[0]
}

describe('a device with a certificate of a registered CA', () => {
  it('opens the hotspot, is enrolled by its first token and not before, and lives on like any other', async () => {
    const device = made('SN-1')
    expect(await atHotspot(device)).toBe('Accept')
    await expect(cloud.showDevice('acme', 'SN-1')).rejects.toThrow('not-found')
    expect(await tokenOutcome(cloud, device)).toBe('granted')
    expect(await events('SN-1')).toEqual(['enrolled by certificate authority line', 'token-issued device'])
    expect((await cloud.showDevice('acme', 'SN-1')).issued).toMatchObject([{ state: 'current' }])
    expect([await tokenOutcome(cloud, device), await atHotspot(device)]).toEqual(['granted', 'Accept'])
    await cloud.api.call('POST', '/v1/accounts/acme/devices/SN-1/revoke', z.unknown(), { credential: null })
    expect([await tokenOutcome(cloud, device), await atHotspot(device)]).toEqual(['revoked', 'Reject'])
  })

  it('that claims to be another device is refused, whether that is known or not', async () => {
    const [mine, other] = [made('SN-2'), made('SN-3')]
    expect(await tokenOutcome(cloud, other)).toBe('granted')
    for (const victim of ['SN-3', 'SN-404']) {
      expect(await tokenOutcome(cloud, { ...mine, name: { account: 'acme', device: victim } })).toBe('unknown-credential')
      expect(await events(victim)).toContain('enrolment-refused by certificate authority line: the certificate is of another device')
      expect(await atHotspot(mine, `${victim}@acme.zipkey.test`)).toBe('Reject')
    }
    expect(await tokenOutcome(cloud, mine)).toBe('granted')
    expect(await tokenOutcome(cloud, other)).toBe('granted')
  })

  it('does not take the place of a device that is known: neither of one with a secret, nor of one with another certificate', async () => {
    const first = made('SN-4')
    expect(await tokenOutcome(cloud, first)).toBe('granted')
    const second = made('SN-4')
    expect([await tokenOutcome(cloud, second), await atHotspot(second)]).toEqual(['unknown-credential', 'Reject'])
    expect(await tokenOutcome(cloud, first)).toBe('granted')
  })

  it.each<[string, () => CertificateCredential]>([
    ['an id outside its rules', () => made('XX-1')],
    ['a certificate that has expired', () => made('SN-5', { dates: ['20200101000000Z', '20210101000000Z'] })],
    ['a certificate of tomorrow', () => made('SN-6', { dates: ['20400101000000Z', '20410101000000Z'] })],
    ['a certificate of a CA that nobody registered', () => made('SN-7', { issuer: 'other' })],
    ['an account that did not register the CA', () => ({ ...made('SN-8'), name: { account: 'umbra', device: 'SN-8' } })],
    ['a signature by another key', () => ({ ...made('SN-9'), privateKey: made('SN-10').privateKey })],
  ])('with %s is not enrolled', async (_, device) => {
    expect(await tokenOutcome(cloud, device())).toBe('unknown-credential')
  })

  it('is not enrolled by an assertion that is too old, and is by the next', async () => {
    const device = made('SN-11')
    expect(await tokenOutcome(cloud, device, { nowMs: Date.now() - 3_600_000 })).toBe('clock-skew')
    await expect(cloud.showDevice('acme', 'SN-11')).rejects.toThrow('not-found')
    expect(await tokenOutcome(cloud, device)).toBe('granted')
  })

  it('is enrolled once, however many of its requests arrive at once', async () => {
    const device = made('SN-12')
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => tokenOutcome(cloud, device)))
    expect(new Set(outcomes)).toEqual(new Set(['granted']))
    expect((await events('SN-12')).filter((event) => event.startsWith('enrolled'))).toHaveLength(1)
  })
})

describe('registering a CA', () => {
  it('is told to the audit log, and the CA is listed', async () => {
    const log = (await cloud.audit('acme')).filter(({ event }) => event === 'certificate-authority-registered')
    expect(log).toMatchObject([{ detail: expect.stringMatching(/^line c\.[a-z2-7]{52}$/), principal: expect.stringMatching(/^operator:/) }])
    const list = z.object({ certificate_authorities: z.array(z.unknown()) })
    expect((await cloud.api.call('GET', url('acme'), list)).certificate_authorities).toMatchObject([
      { id: 'line', subject: 'CN=line', device_id_in: 'CN', allow: ['SN-*'], retired: false },
    ])
  })

  it.each<[string, RegExp, () => Promise<unknown>]>([
    [
      'without its key',
      /not issued by this CA/,
      async () => register('acme', 'other', { proof: proofBy('line', await challengeFor('acme', 'other')) }),
    ],
    [
      'with any other certificate of it',
      /no challenge for this CA/,
      async () => register('acme', 'other', { proof: made('SN-20', { issuer: 'other' }).chainPem }),
    ],
    [
      'with a challenge for another CA',
      /no challenge for this CA/,
      async () => register('acme', 'other', { proof: proofBy('other', await challengeFor('acme', 'line')) }),
    ],
    [
      'with a challenge for another account',
      /no challenge for this CA/,
      async () => register('acme', 'other', { proof: proofBy('other', await challengeFor('umbra', 'other')) }),
    ],
    ['with a key that is too short', /2048 bits/, async () => challengeFor('acme', 'weak')],
    [
      'of a device',
      /is not a CA/,
      async () => {
        made('SN-21')
        return challengeFor('acme', 'SN-21')
      },
    ],
    ['with its private key', /must stay where it is/, async () => register('acme', 'other', { proof: factory.read('other.key') })],
    ['that is registered already, by another account', /exists already/, async () => register('umbra', 'line')],
    ['for an account that is not there', /no account/, async () => challengeFor('nobody', 'other')],
  ])('%s is refused', async (_, problem, attempt) => {
    await expect(attempt()).rejects.toThrow(problem)
  })

  it('ends with retiring it: it enrols nobody any more, and whom it enrolled is not touched', async () => {
    await register('acme', 'third')
    const [before, after] = [made('T-1', { issuer: 'third' }), made('T-2', { issuer: 'third' })]
    expect(await tokenOutcome(cloud, before)).toBe('granted')
    await cloud.api.call('POST', url('acme', 'third', 'retire'), z.null())
    expect([await tokenOutcome(cloud, after), await atHotspot(after)]).toEqual(['unknown-credential', 'Reject'])
    expect(await events('T-2')).toContain('enrolment-refused by certificate authority third: certificate authority third is retired')
    expect([await tokenOutcome(cloud, before), await atHotspot(before)]).toEqual(['granted', 'Accept'])
    await expect(cloud.api.call('POST', url('acme', 'third', 'retire'), z.null())).rejects.toThrow('not-found')
  })
})
