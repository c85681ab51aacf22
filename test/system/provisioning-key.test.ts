import { chownSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { deriveTemporarySecret } from '../../agent/contract/derivation.ts'
import { formatSecretText, parseSecretText } from '../../agent/contract/secret-text.ts'
import { type OpenWiredStage, openWiredStage } from '../../scripts/story/wired-stage.ts'
import { type AgentRun, FieldDevice, firstCandidate } from './field-device.ts'

let stage: OpenWiredStage
beforeAll(async () => {
  stage = await openWiredStage(join(import.meta.dirname, '../../.lab'))
})
afterAll(() => stage.close())

const keyText = (): string => readFileSync(stage.cloud.provisioningKeyFile, 'utf8').trim()

function derivedFor(id: string): string {
  const key = parseSecretText('zkp_', keyText())
  if (!key.ok) throw new Error(key.problem)
  return formatSecretText('zks_', deriveTemporarySecret(key.value, { account: 'acme', device: id }))
}

const replaced = (run: AgentRun) => run.line('key replaced', ({ msg }) => msg.startsWith('the provisioning key was replaced'))

/** Every file of the device in which a text stands. */
const filesWith = (device: FieldDevice, text: string): readonly string[] =>
  readdirSync(device.folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && readFileSync(join(entry.parentPath, entry.name), 'latin1').includes(text))
    .map((entry) => entry.name)

describe('a device that was flashed with a provisioning key', () => {
  it('holds its own derived secret instead after the first connection, checks well, and comes back', async () => {
    const device = new FieldDevice(stage, 'SN-000201')
    chownSync(device.configFile, 4711, 4712)
    const factory = readFileSync(device.configFile, 'utf8')
    expect(filesWith(device, keyText())).toEqual(['ca.json'])
    const first = device.start()
    await replaced(first)
    await first.steady()
    await first.stop()
    const text = readFileSync(device.configFile, 'utf8')
    expect(text).toBe(factory.replace(`"provisioningKey": "${keyText()}"`, `"secret": "${derivedFor(device.id)}"`))
    expect(text).not.toBe(factory)
    const { uid, gid, mode } = statSync(device.configFile)
    expect([uid, gid, mode & 0o777]).toEqual([4711, 4712, 0o600])
    expect(filesWith(device, keyText())).toEqual([])
    expect(first.text()).not.toMatch(/zk[ps]_/)
    expect(await device.run('--check')).toEqual({ exitCode: 0, text: `the CA config is good: device acme/${device.id}` })
    const second = device.start()
    expect(firstCandidate(await second.steady())).toBe(`current:s.${device.currentSecretId()}`)
    await second.stop()
    expect(second.text()).not.toContain('provisioning key')
  })

  it('loses the key at the next start when the power failed between promotion and rewrite', async () => {
    const device = new FieldDevice(stage, 'SN-000202')
    const factory = readFileSync(device.configFile)
    const first = device.start()
    await first.line('promoted', ({ event }) => event === 'promoted')
    await first.stop('SIGKILL')
    writeFileSync(device.configFile, factory)
    writeFileSync(join(device.folder, 'etc/.ca.json.new'), '{ "torn')
    const second = device.start()
    await replaced(second)
    expect([filesWith(device, keyText()), readdirSync(join(device.folder, 'etc'))]).toEqual([[], ['ca.json']])
    await second.steady()
  })

  it('keeps the key where the config says so', async () => {
    const device = new FieldDevice(stage, 'SN-000203')
    const [credential] = device.config().credentials as readonly object[]
    device.configure({ ...device.config(), credentials: [{ ...credential, keepProvisioningKey: true }] })
    await device.onboard()
    const second = device.start()
    await second.steady()
    await second.stop()
    expect(filesWith(device, keyText())).toEqual(['ca.json'])
    expect(second.text()).not.toContain('the provisioning key')
  })

  it('says once that the key stays in a read-only config, with a remedy, and is steady all the same', async () => {
    const device = new FieldDevice(stage, 'SN-000204')
    const etc = join(device.folder, 'etc')
    const first = device.start({ prepare: `mount --bind ${etc} ${etc}; mount -o remount,bind,ro ${etc}` })
    await first.line('key stays', ({ msg }) => msg.startsWith('the provisioning key stays'))
    await first.steady()
    expect(await first.stop()).toBe(0)
    const told = first.lines.filter(({ msg }) => msg.includes('provisioning key'))
    expect(told).toMatchObject([
      { level: 40, place: device.configFile, reason: 'EROFS', remedy: expect.stringContaining('keepProvisioningKey') },
    ])
    expect(filesWith(device, keyText())).toEqual(['ca.json'])
  })
})
