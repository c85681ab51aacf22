/** The built agent beside a cable that leads to the cloud without any hotspot. */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { type OpenWiredStage, openWiredStage } from '../../scripts/story/wired-stage.ts'
import { HOTSPOT_IPV4 } from '../../scripts/wired-lab/wire.ts'
import { FieldDevice } from './field-device.ts'

let stage: OpenWiredStage
beforeAll(async () => {
  stage = await openWiredStage(join(import.meta.dirname, '../../.lab'))
})
afterAll(() => stage.close())

/** A second cable, by which the cloud is reached through a gateway. */
async function plugCable(): Promise<void> {
  const { lab } = stage
  await lab.onDevice('ip', 'link', 'add', 'cable0', 'type', 'veth', 'peer', 'name', 'cable0', 'netns', lab.wire.hotspotNamespace)
  await lab.atHotspot('ip', 'address', 'add', '10.78.0.1/24', 'dev', 'cable0')
  await lab.atHotspot('ip', 'link', 'set', 'cable0', 'up')
  await lab.onDevice('ip', 'address', 'add', '10.78.0.2/24', 'dev', 'cable0')
  await lab.onDevice('ip', 'link', 'set', 'cable0', 'up')
  await lab.onDevice('ip', 'route', 'add', HOTSPOT_IPV4, 'via', '10.78.0.1', 'dev', 'cable0')
  onTestFinished(async () => void (await lab.onDevice('ip', 'link', 'delete', 'cable0')))
}

describe('a cable that leads to the cloud', () => {
  it('makes a hotspot unnecessary, for the first connection too, and when it is pulled the hotspot is used', async () => {
    await plugCable()
    const device = new FieldDevice(stage, 'SN-000501')
    const run = device.start()
    await run.steady()
    const joined = run.lines.filter(({ event }) => event === 'joined')
    expect(joined).toEqual([expect.objectContaining({ interfaceName: 'cable0', address: '10.78.0.2' })])
    expect(joined[0]).not.toHaveProperty('bssid')
    expect(run.lines.map(({ event }) => event)).toContain('promoted')
    await stage.lab.onDevice('ip', 'link', 'set', 'cable0', 'down')
    await run.line('at the hotspot', ({ event, eap }) => event === 'joined' && eap !== undefined)
    await run.line('steady again', ({ event, to, from }) => event === 'authenticated' && from === 'authenticating' && to === 'steady')
    await run.stop()
  })

  it('is no reason to stay away from the hotspot where the config says so', async () => {
    await plugCable()
    const device = new FieldDevice(stage, 'SN-000502')
    device.configure({ ...device.config(), wifi: { ...(device.config().wifi as object), skipWhenWired: false } })
    const run = device.start()
    await run.steady()
    expect(run.lines.find(({ event }) => event === 'joined')).toHaveProperty('eap')
    await run.stop()
  })
})
