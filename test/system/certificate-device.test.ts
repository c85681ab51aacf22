/** A device whose permanent credential is a certificate, as firmware teams and operators meet it: what it needs, and what it changes. */
import { createPrivateKey } from 'node:crypto'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isObject } from '../../agent/contract/parsed.ts'
import { encodeTimeFloor } from '../../agent/store/records.ts'
import { type OpenWiredStage, openWiredStage } from '../../scripts/story/wired-stage.ts'
import { type AgentRun, FieldDevice, firstCandidate } from './field-device.ts'

const DAY_MS = 86_400_000

let stage: OpenWiredStage
beforeAll(async () => {
  stage = await openWiredStage(join(import.meta.dirname, '../../.lab'))
})
afterAll(() => stage.close())

let devices = 500
const newDevice = (sections: Readonly<Record<string, unknown>> = {}): FieldDevice => {
  devices += 1
  return new FieldDevice(stage, `SN-000${devices}`, { permanentCredential: 'certificate', ...sections })
}

const rotate = (device: FieldDevice): Promise<unknown> => stage.cloud.operate('device', 'rotate', 'acme', device.id)
const methodsOf = (run: AgentRun): readonly unknown[] =>
  run.lines.flatMap((line) => (line.event === 'joined' && isObject(line.eap) ? [line.eap.method] : []))

/** The hotspot profile of the stage, once for each list of methods. */
function hotspotsWith(device: FieldDevice, ...methods: readonly (readonly string[])[]): readonly unknown[] {
  const [hotspot] = device.config().hotspots as readonly { readonly eap: object }[]
  return methods.map((each) => ({ ...hotspot, eap: { ...hotspot?.eap, methods: each } }))
}

describe('a device that asks for a certificate', () => {
  it('keeps the key in its own slot, and shows it to no log, whatever is logged', async () => {
    const device = newDevice({ log: { level: 'trace' } })
    const run = device.start()
    await run.line('promoted', (line) => line.event === 'promoted')
    await run.stop()
    expect(device.currentLabel()).toMatch(/^c\.[a-z2-7]{52}$/)
    expect(readdirSync(device.stateFolder)).toEqual(expect.arrayContaining(['current.json', 'key']))
    expect(readdirSync(device.stateFolder)).not.toContain('pending.json')
    const [slot, key] = [device.state('current.json'), device.state('key')].map((text) => JSON.parse(text) as { privateKey: string })
    expect(slot?.privateKey).toBe(key?.privateKey)
    const { d = '' } = createPrivateKey(slot?.privateKey ?? '').export({ format: 'jwk' })
    for (const form of ['PRIVATE KEY', d, Buffer.from(d, 'base64url').toString('hex')]) expect(run.text()).not.toContain(form)
  })

  it('gets another one for another key by an order, and a secret once its config asks for that', async () => {
    const device = newDevice()
    const first = await device.untilPromoted()
    const keyBefore = device.state('key')
    await rotate(device)
    const second = await device.untilPromoted()
    expect(second).toMatch(/^c\./)
    expect([second === first, device.state('key') === keyBefore]).toEqual([false, false])
    device.configure({ ...device.config(), permanentCredential: 'secret' })
    await rotate(device)
    expect(await device.untilPromoted()).toMatch(/^s\./)
    device.configure({ ...device.config(), permanentCredential: 'certificate' })
    await rotate(device)
    const last = await device.untilPromoted()
    expect(firstCandidate(await device.start().steady())).toBe(`current:${last}`)
    const ended = (await stage.cloud.operate('audit', 'acme', '--device', device.id, '--json'))
      .split('\n')
      .filter((line) => line.includes('current-superseded'))
    expect(ended).toHaveLength(3)
  })

  it('joins each time by the profile that takes the credential, where none takes both', async () => {
    const device = newDevice()
    device.configure({ ...device.config(), hotspots: hotspotsWith(device, ['TLS'], ['TTLS']) })
    const run = device.start()
    await run.line('promoted', (line) => line.event === 'promoted')
    expect(methodsOf(run)).toEqual(['EAP-TTLS', 'EAP-TLS'])
    expect(run.lines.some(({ event }) => event === 'failed')).toBe(false)
  })

  it('says so where no hotspot takes its certificate, and goes on looking', async () => {
    const device = newDevice()
    await device.untilPromoted()
    device.configure({ ...device.config(), permanentCredential: 'secret', hotspots: hotspotsWith(device, ['TTLS']) })
    const run = device.start()
    const failed = await run.failed('ERR_WIFI_NO_METHOD')
    expect(failed).toMatchObject({
      level: 40,
      to: 'waiting',
      detail: expect.stringContaining('TLS'),
      remedy: expect.stringContaining('eap.methods'),
    })
    await run.line('a second look', (line) => line.code === 'ERR_WIFI_NO_METHOD' && line !== failed)
    expect(run.lines.some(({ event }) => event === 'joined')).toBe(false)
  })

  it('is not started where no hotspot could ever take one', async () => {
    const device = newDevice()
    device.configure({ ...device.config(), hotspots: hotspotsWith(device, ['TTLS']) })
    const { exitCode, text } = await device.run()
    expect([exitCode, text]).toEqual([
      78,
      expect.stringMatching(/^ERR_CONFIG_INVALID: .*: permanentCredential: .*add "TLS" to eap\.methods/),
    ])
  })

  it('asks for the time alone while its clock is behind, also with a certificate, and joins again strictly', async () => {
    const device = newDevice()
    const label = await device.untilPromoted()
    writeFileSync(join(device.stateFolder, 'time-floor'), encodeTimeFloor({ account: 'acme', device: device.id }, Date.now() + DAY_MS))
    const run = device.start()
    expect(await run.steady()).toMatchObject({ clockTrusted: false, candidates: [`current:${label}`, expect.any(String)] })
    const joins = run.lines.filter(({ event }) => event === 'joined')
    expect(joins.map(({ eap }) => (eap as { datesChecked: boolean }).datesChecked)).toEqual([false, true])
    expect(methodsOf(run)).toEqual(['EAP-TLS', 'EAP-TLS'])
    const events = run.lines.map(({ event }) => event)
    expect(events.slice(events.indexOf('joined'), events.lastIndexOf('joined'))).not.toContain('authenticated')
  })
})
