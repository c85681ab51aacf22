/** An operator adds hotspots, and the built agent learns of them. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decodeCloudProfiles } from '../../agent/store/records.ts'
import { type OpenWiredStage, openWiredStage } from '../../scripts/story/wired-stage.ts'
import { type AgentRun, FieldDevice } from './field-device.ts'

const PASSPHRASE = 'a passphrase of these tests'

let stage: OpenWiredStage
let file: string
beforeAll(async () => {
  stage = await openWiredStage(join(import.meta.dirname, '../../.lab'))
  file = join(stage.folder, 'profiles.json')
})
afterAll(() => stage.close())

function setProfiles(profiles: unknown): Promise<string> {
  writeFileSync(file, JSON.stringify(profiles))
  return stage.cloud.operate('hotspot-profiles', 'set', 'acme', '--file', file)
}

const renewed = (run: AgentRun) => run.line('profiles renewed', ({ event }) => event === 'profiles-renewed')

function keptBy(device: FieldDevice) {
  const kept = decodeCloudProfiles(device.state('cloud-profiles.json'), { account: 'acme', device: device.id })
  if (!kept.ok) throw new Error(kept.problem)
  return kept.value
}

describe('hotspot profiles of the cloud', () => {
  it('reach a device, with their passphrases, and stay there', async () => {
    writeFileSync(join(stage.folder, 'passphrase'), `${PASSPHRASE}\n`)
    const added = [
      { ssid: 'Depot', security: 'sae', passphrase: { file: 'passphrase' }, channels: [36] },
      { ssid: 'Depot', security: 'owe' },
    ]
    const version = Number(await setProfiles(added))
    const device = new FieldDevice(stage, 'SN-000301')
    const run = device.start()
    expect(await renewed(run)).toMatchObject({ version, level: 30 })
    await run.stop()
    expect(run.text()).not.toContain(PASSPHRASE)
    const { hotspots, former } = keptBy(device)
    expect(hotspots.map((each) => ['passphrase' in each ? each.passphrase.reveal() : null, each.security])).toEqual([
      [PASSPHRASE, 'sae'],
      [null, 'owe'],
    ])
    expect(former).toEqual([])
    const again = device.start()
    await again.steady()
    await again.stop()
    expect(keptBy(device).version).toBe(version)
  })

  it('are raised in version with each change, shown without passphrases, audited, and refused in one line', async () => {
    const first = Number(await setProfiles([{ ssid: 'Depot', security: 'psk', passphrase: PASSPHRASE }]))
    expect(Number(await setProfiles([{ ssid: 'Depot', security: 'psk', passphrase: PASSPHRASE }]))).toBeGreaterThan(first)
    const shown = await stage.cloud.operate('hotspot-profiles', 'show', 'acme')
    expect(JSON.parse(shown)).toMatchObject({ hotspots: [{ security: 'psk', passphrase: '[secret]' }] })
    const audit = await stage.cloud.operate('audit', 'acme', '--json')
    expect(audit.split('\n').filter((line) => line.includes('hotspot-profiles-set')).length).toBeGreaterThanOrEqual(2)
    const database = readdirSync(stage.folder, { recursive: true, encoding: 'utf8' }).filter((name) => /cloud\.db(-wal)?$/.test(name))
    const stored = database.map((name) => readFileSync(join(stage.folder, name), 'latin1'))
    expect(stored.join()).toContain('hotspot-profiles-set')
    for (const text of [shown, audit, ...stored]) expect(text).not.toContain(PASSPHRASE)
    const mistyped = setProfiles([{ ssid: 'Depot', security: 'psk', passphrase: PASSPHRASE, chanels: [1] }])
    await expect(mistyped).rejects.toThrow('invalid-request: hotspots[0]: unknown member chanels')
    await expect(setProfiles({})).rejects.toThrow('expected a list of hotspot profiles')
  })
})
