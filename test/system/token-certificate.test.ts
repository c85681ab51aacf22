/** A device whose private key never leaves its token (SoftHSM 2 by PKCS#11): wpa_supplicant and agent both use it, FreeRADIUS and the cloud are none the wiser. */
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isObject } from '../../agent/contract/parsed.ts'
import { type OpenWiredStage, openWiredStage } from '../../scripts/story/wired-stage.ts'
import { OpensslFolder } from '../fakes/openssl-certificates.ts'
import { SoftToken, type TokenKeyKind } from '../fakes/soft-token.ts'
import { FieldDevice, firstCandidate } from './field-device.ts'

let stage: OpenWiredStage
let factory: OpensslFolder
let token: SoftToken
const environmentBefore = process.env.SOFTHSM2_CONF

beforeAll(async () => {
  factory = new OpensslFolder(mkdtempSync(join(tmpdir(), 'zipkey-token-')))
  token = new SoftToken(factory.path, 'zipkey chip')
  // Of the agent and of wpa_supplicant, as a unit would have it.
  Object.assign(process.env, token.environment)
  factory.key('line', 'P-256')
  factory.certificate('line', { issuer: null, isCa: true })
  writeFileSync(join(factory.path, 'pin'), `${token.pin}\n`, { mode: 0o600 })
  writeFileSync(join(factory.path, 'wrong-pin'), 'never mind\n', { mode: 0o600 })
  stage = await openWiredStage(join(import.meta.dirname, '../../.lab'), { moreDeviceCas: factory.read('line.pem') })
})
afterAll(async () => {
  await stage.close()
  if (environmentBefore === undefined) delete process.env.SOFTHSM2_CONF
  else process.env.SOFTHSM2_CONF = environmentBefore
  rmSync(factory.path, { recursive: true })
})

let devices = 850
async function flash(kind: TokenKeyKind): Promise<string> {
  devices += 1
  const id = `SN-000${devices}`
  token.makeKey(id, kind)
  token.request(id, `/CN=${id}`, join(factory.path, `${id}.csr`))
  factory.sign(id, { issuer: 'line', isCa: false })
  await stage.cloud.operate('device', 'register', 'acme', id, '--certificate-file', join(factory.path, `${id}.pem`))
  return id
}

const inToken = (id: string, pinFile = 'pin') => ({
  kind: 'certificate',
  certificate: { file: join(factory.path, `${id}.pem`) },
  privateKey: token.uri(id),
  pin: { file: join(factory.path, pinFile) },
})

describe('a device with a key in a token', () => {
  it.each<[TokenKeyKind, '1.2' | '1.3']>([
    ['EC:prime256v1', '1.2'],
    ['EC:secp384r1', '1.3'],
    ['rsa:2048', '1.2'],
    ['rsa:2048', '1.3'],
  ])('of %s joins by EAP-TLS in TLS %s, gets a token of the cloud and is steady', async (kind, tlsMaxVersion) => {
    const id = await flash(kind)
    const device = new FieldDevice(stage, id, { credentials: [inToken(id)], log: { level: 'trace' } })
    const [hotspot] = device.config().hotspots as readonly { readonly eap: object }[]
    device.configure({ ...device.config(), hotspots: [{ ...hotspot, eap: { ...hotspot?.eap, tlsMaxVersion } }] })
    const run = device.start()
    expect(firstCandidate(await run.steady())).toMatch(/^flashed:c\.[a-z2-7]{52}$/)
    expect(run.lines.some(({ event }) => event === 'failed')).toBe(false)
    const joined = run.lines.find(({ event }) => event === 'joined')
    expect(isObject(joined?.eap) && joined.eap.method).toBe('EAP-TLS')
    expect(run.text()).not.toContain(token.pin)
  })

  it('is told a wrong PIN before any radio is used, and the token is asked once, however often the agent tries', async () => {
    const id = await flash('EC:prime256v1')
    const device = new FieldDevice(stage, id, { credentials: [inToken(id, 'wrong-pin')] })
    const { exitCode, text } = await device.run('--check')
    expect([exitCode, text]).toEqual([78, expect.stringMatching(/^ERR_TOKEN_PIN: the token refused the PIN; correct pin/m)])
    const run = device.start()
    await run.failed('ERR_TOKEN_PIN')
    expect(run.lines.some(({ event }) => event === 'scanned' || event === 'joined')).toBe(false)
    expect(run.text()).not.toContain('never mind')
  })

  it('waits for its token, and goes on when that is plugged in', async () => {
    const id = await flash('EC:prime256v1')
    const device = new FieldDevice(stage, id, { credentials: [inToken(id)] })
    const [here, away] = [join(factory.path, 'tokens'), join(factory.path, 'away')]
    renameSync(here, away)
    mkdirSync(here)
    const run = device.start()
    await run.failed('ERR_TOKEN_ABSENT')
    rmSync(here, { recursive: true })
    renameSync(away, here)
    await run.steady()
  })

  it('lives by the next credential of its list while the token is away', async () => {
    const id = await flash('EC:prime256v1')
    const absent = { ...inToken(id), privateKey: 'pkcs11:token=elsewhere;object=dev' }
    const device = new FieldDevice(stage, `${id}-b`)
    device.configure({ ...device.config(), credentials: [absent, ...(device.config().credentials as readonly unknown[])] })
    const run = device.start()
    await run.line('promoted', (line) => line.event === 'promoted')
    await run.failed('ERR_TOKEN_ABSENT')
  })

  it('keeps its PIN off the bus: wpa_supplicant shows nobody what it was given', async () => {
    const id = await flash('EC:prime256v1')
    const run = new FieldDevice(stage, id, { credentials: [inToken(id)] }).start()
    await run.steady()
    const { lab } = stage
    const ask = (path: string, name: string, ...more: string[]) =>
      lab.onDevice('dbus-send', `--bus=${lab.busAddress}`, '--print-reply', '--dest=fi.w1.wpa_supplicant1', path, name, ...more)
    const properties = 'org.freedesktop.DBus.Properties'
    const network = await ask(
      '/fi/w1/wpa_supplicant1/Interfaces/0/Networks/0',
      `${properties}.GetAll`,
      'string:fi.w1.wpa_supplicant1.Network',
    ).catch(async () => {
      const found = await ask('/fi/w1/wpa_supplicant1', `${properties}.Get`, 'string:fi.w1.wpa_supplicant1', 'string:Interfaces')
      const path = /object path "([^"]+)"/.exec(found)?.[1] ?? ''
      const networks = await ask(path, `${properties}.Get`, 'string:fi.w1.wpa_supplicant1.Interface', 'string:Networks')
      return ask(/object path "([^"]+)"/.exec(networks)?.[1] ?? '', `${properties}.GetAll`, 'string:fi.w1.wpa_supplicant1.Network')
    })
    expect(network).toContain('client_cert')
    for (const form of [token.pin, Buffer.from(token.pin).toString('hex')]) expect(network).not.toContain(form)
  })
})
