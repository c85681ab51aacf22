/** The ways in that a hotspot profile may name, each walked by the real agent, wpa_supplicant, FreeRADIUS and cloud. */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isObject } from '../../agent/contract/parsed.ts'
import { type OpenWiredStage, openWiredStage } from '../../scripts/story/wired-stage.ts'
import { type AgentRun, FieldDevice } from './field-device.ts'

let stage: OpenWiredStage
beforeAll(async () => {
  stage = await openWiredStage(join(import.meta.dirname, '../../.lab'), { eapPwd: true })
})
afterAll(() => stage.close())

let devices = 800
function newDevice(eap: object): FieldDevice {
  devices += 1
  const device = new FieldDevice(stage, `SN-000${devices}`)
  const [hotspot] = device.config().hotspots as readonly { readonly eap: object }[]
  device.configure({ ...device.config(), hotspots: [{ ...hotspot, eap: { ...hotspot?.eap, ...eap } }] })
  return device
}

const joinsOf = (run: AgentRun): readonly unknown[] =>
  run.lines.flatMap((line) => (line.event === 'joined' && isObject(line.eap) ? [line.eap] : []))

describe('a device gets its permanent secret', () => {
  it.each(['PEAP', 'PWD'])('at a hotspot that offers %s alone, without a failure', async (method) => {
    const device = newDevice({ methods: ['TLS', method] })
    const run = device.start()
    await run.line('promoted', (line) => line.event === 'promoted')
    expect(joinsOf(run)).toMatchObject([{ method: `EAP-${method}` }, { method: `EAP-${method}` }])
    expect(run.lines.some(({ event }) => event === 'failed')).toBe(false)
    expect(device.currentLabel()).toMatch(/^s\./)
    const told = await stage.cloud.operate('audit', 'acme', '--device', device.id, '--json')
    expect(told.match(new RegExp(`"hotspot-accepted"[^\n]*${method}`, 'g'))).toHaveLength(2)
  })

  it.each(['TTLS', 'PEAP'])('inside TLS 1.3 by %s', async (method) => {
    const run = newDevice({ methods: ['TLS', method], tlsMaxVersion: '1.3' }).start()
    await run.line('promoted', (line) => line.event === 'promoted')
    expect(run.lines.some(({ event }) => event === 'failed')).toBe(false)
  })
})
