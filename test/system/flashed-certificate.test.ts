/** A device whose certificate was flashed at manufacture, on the wire: wpa_supplicant, FreeRADIUS, the real cloud and the real agent. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isObject } from '../../agent/contract/parsed.ts'
import { type OpenWiredStage, openWiredStage } from '../../scripts/story/wired-stage.ts'
import { type KeyKind, OpensslFolder } from '../fakes/openssl-certificates.ts'
import { type AgentRun, FieldDevice, firstCandidate } from './field-device.ts'

let stage: OpenWiredStage
let factory: OpensslFolder
beforeAll(async () => {
  factory = new OpensslFolder(mkdtempSync(join(tmpdir(), 'zipkey-line-')))
  for (const name of ['root', 'line']) factory.key(name, 'P-256')
  factory.certificate('root', { issuer: null, isCa: true })
  factory.certificate('line', { issuer: 'root', isCa: true })
  stage = await openWiredStage(join(import.meta.dirname, '../../.lab'), { moreDeviceCas: factory.read('root.pem') })
})
afterAll(async () => {
  await stage.close()
  rmSync(factory.path, { recursive: true })
})

let devices = 700

/** Makes key and certificate as the line does: `<id>.key`, `<id>.pem` and `<id>.p12`, the passphrase of which is in `<id>.pass`. */
function flash(kind: KeyKind): string {
  devices += 1
  const id = `SN-000${devices}`
  factory.key(id, kind)
  factory.certificate(id, { issuer: 'line', isCa: false })
  factory.openssl('rand', '-hex', '-out', `${id}.pass`, '16')
  const bag = ['-inkey', `${id}.key`, '-in', `${id}.pem`, '-certfile', 'line.pem']
  factory.openssl('pkcs12', '-export', ...bag, '-passout', `file:${id}.pass`, '-out', `${id}.p12`)
  return id
}

/** The same, with the key in SEC1 as `openssl ecparam -genkey` writes it. */
function inSec1(id: string) {
  factory.openssl('ec', '-in', `${id}.key`, '-out', `${id}.sec1`)
  expect(factory.read(`${id}.sec1`)).toContain('BEGIN EC PRIVATE KEY')
  return { ...inPem(id), privateKey: file(`${id}.sec1`) }
}

const file = (name: string) => ({ file: join(factory.path, name) })
const inPem = (id: string) => ({
  kind: 'certificate',
  certificate: factory.read(`${id}.pem`) + factory.read('line.pem'),
  privateKey: file(`${id}.key`),
})
const inPkcs12 = (id: string) => ({ kind: 'certificate', pkcs12: file(`${id}.p12`), passphrase: file(`${id}.pass`) })

const register = (id: string) => stage.cloud.operate('device', 'register', 'acme', id, '--certificate-file', file(`${id}.pem`).file)
const methodsOf = (run: AgentRun): readonly unknown[] =>
  run.lines.flatMap((line) => (line.event === 'joined' && isObject(line.eap) ? [line.eap.method] : []))

describe('a device with a flashed certificate', () => {
  it.each<[string, KeyKind, (id: string) => object]>([
    ['P-256 in PEM', 'P-256', inPem],
    ['P-384 in PKCS#12', 'P-384', inPkcs12],
    ['RSA in PKCS#12', 'RSA-2048', inPkcs12],
  ])('of %s joins by EAP-TLS, gets a token and is steady', async (_, kind, entry) => {
    const id = flash(kind)
    await register(id)
    const run = new FieldDevice(stage, id, { credentials: [entry(id)] }).start()
    expect(firstCandidate(await run.steady())).toMatch(/^flashed:c\.[a-z2-7]{52}$/)
    expect(methodsOf(run)).toEqual(['EAP-TLS'])
    expect(run.lines.some(({ event }) => event === 'failed')).toBe(false)
    expect(run.text()).not.toMatch(/PRIVATE KEY/)
    const audit = await stage.cloud.operate('audit', 'acme', '--device', id, '--json')
    expect(audit).toMatch(/"hotspot-accepted"/)
    expect(audit).toMatch(/"token-issued"/)
  })

  it.each<[string, KeyKind, (id: string) => object]>([
    ['P-384 in SEC1', 'P-384', inSec1],
    ['RSA in PEM', 'RSA-2048', inPem],
  ])('of %s joins by EAP-TLS with TLS 1.3', async (_, kind, entry) => {
    const id = flash(kind)
    await register(id)
    const device = new FieldDevice(stage, id, { credentials: [entry(id)] })
    const [hotspot] = device.config().hotspots as readonly { readonly eap: object }[]
    device.configure({ ...device.config(), hotspots: [{ ...hotspot, eap: { ...hotspot?.eap, tlsMaxVersion: '1.3' } }] })
    const run = await startSteady(device)
    expect(methodsOf(run)).toEqual(['EAP-TLS'])
    expect(run.lines.some(({ event }) => event === 'failed')).toBe(false)
    await run.stop()
    await stage.cloud.operate('device', 'revoke', 'acme', id)
    const refused = device.start()
    await refused.failed('ERR_WIFI_EAP_REJECTED')
  })

  it('gets a certificate of the cloud by an order, which ends the flashed one, and is let in by it again once it was re-armed', async () => {
    const id = flash('RSA-2048')
    await register(id)
    const device = new FieldDevice(stage, id, { credentials: [inPem(id)], permanentCredential: 'certificate' })
    await (await startSteady(device)).stop()
    await stage.cloud.operate('device', 'rotate', 'acme', id)
    expect(await device.untilPromoted()).toMatch(/^c\./)
    expect(await stage.cloud.operate('device', 'show', 'acme', id)).toMatch(/superseded[\s\S]*current/)
    const wiped = new FieldDevice(stage, id, { credentials: [inPem(id)] })
    expect(await stage.cloud.operate('device', 'rearm', 'acme', id)).toMatch(/^c\.[a-z2-7]{52} is good until/)
    expect(await wiped.untilPromoted()).toMatch(/^s\./)
  })

  it('that nobody registered is kept out by the cloud, whoever signed it', async () => {
    const id = flash('P-256')
    const run = new FieldDevice(stage, id, { credentials: [inPem(id)] }).start()
    await run.line('a failure', (line) => line.event === 'failed')
    expect(methodsOf(run)).toEqual([])
    await run.stop()
    expect(await stage.cloud.operate('audit', 'acme', '--json')).toMatch(/hotspot-refused.*the certificate is not known/)
  })

  it('that nobody registered enrols by itself once the CA of its line is: its owner signs a challenge', async () => {
    const ca = factory.path
    const challenge = (await stage.cloud.operate('certificate-authority', 'challenge', 'acme', '--ca-file', join(ca, 'line.pem'))).trim()
    factory.key(challenge, 'P-256')
    factory.certificate(challenge, { issuer: 'line', isCa: false })
    const proof = ['--ca-file', join(ca, 'line.pem'), '--proof-file', join(ca, `${challenge}.pem`), '--allow', 'SN-*']
    expect(await stage.cloud.operate('certificate-authority', 'register', 'acme', 'line', ...proof)).toMatch(/^c\.[a-z2-7]{52}$/m)
    const id = flash('P-256')
    const run = await startSteady(new FieldDevice(stage, id, { credentials: [inPem(id)] }))
    expect(run.lines.some(({ event }) => event === 'failed')).toBe(false)
    expect(await stage.cloud.operate('audit', 'acme', '--device', id, '--json')).toMatch(/"enrolled".*by certificate authority line/)
    expect(await stage.cloud.operate('certificate-authority', 'list', 'acme')).toMatch(/"id":"line"/)
    await stage.cloud.operate('certificate-authority', 'retire', 'acme', 'line')
  })

  it('that is refused gives way to the next credential of the list, and nothing is deleted', async () => {
    const id = flash('P-256')
    const device = new FieldDevice(stage, id)
    device.configure({ ...device.config(), credentials: [inPem(id), ...(device.config().credentials as readonly unknown[])] })
    const run = device.start()
    await run.failed('ERR_WIFI_EAP_REJECTED')
    await run.line('promoted', (line) => line.event === 'promoted')
    expect(methodsOf(run)).toEqual(['EAP-TTLS', 'EAP-TTLS'])
    await run.stop()
    expect(JSON.stringify(device.config().credentials)).toContain(`${id}.key`)
  })

  it('that ended before the agent was built is left out with a line of its own, and the next of the list is used', async () => {
    const id = flash('P-256')
    factory.certificate(id, { issuer: 'line', isCa: false, dates: ['20200101000000Z', '20210101000000Z'] })
    const device = new FieldDevice(stage, id)
    device.configure({ ...device.config(), credentials: [inPem(id), ...(device.config().credentials as readonly unknown[])] })
    const { exitCode, text } = await device.run('--check')
    expect([exitCode, text]).toEqual([78, expect.stringMatching(/^ERR_CERTIFICATE_EXPIRED: .*ca\.json: credentials\[0\]: .*expired at/m)])
    expect(firstCandidate(await device.start().line('loaded', (line) => line.event === 'loaded'))).toBe('temporary:t.line-7')
  })

  it('is told what is wrong with it before any radio is used', async () => {
    const id = flash('P-256')
    const other = `${flash('P-256')}.key`
    const entry = { ...inPem(id), privateKey: file(other) }
    const { exitCode, text } = await new FieldDevice(stage, id, { credentials: [entry] }).run()
    expect([exitCode, text]).toEqual([78, expect.stringMatching(/^ERR_CONFIG_INVALID: .*privateKey\.file: .*\.key: not the private key/m)])
  })
})

async function startSteady(device: FieldDevice): Promise<AgentRun> {
  const run = device.start()
  await run.steady()
  return run
}
