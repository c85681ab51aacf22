/** What a device does when something about it is odd, as a field tester meets it; README tells the same under "When things are odd". */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { formatSecretText } from '../../agent/contract/secret-text.ts'
import { encodeTimeFloor } from '../../agent/store/records.ts'
import { AGENT_PROGRAMS, buildPrograms } from '../../scripts/build/programs.ts'
import { type OpenWiredStage, openWiredStage } from '../../scripts/story/wired-stage.ts'
import { type AgentRun, FieldDevice, firstCandidate } from './field-device.ts'

const TMPFS = 0x01021994
const DAY_MS = 86_400_000

let stage: OpenWiredStage
beforeAll(async () => {
  stage = await openWiredStage(join(import.meta.dirname, '../../.lab'))
})
afterAll(() => stage.close())

let devices = 300
const newDevice = (sections: Readonly<Record<string, unknown>> = {}): FieldDevice => {
  devices += 1
  return new FieldDevice(stage, `SN-000${devices}`, sections)
}

const namesOf = (device: FieldDevice): readonly string[] => readdirSync(device.stateFolder).sort()
const setAside = (run: AgentRun, file: string) => run.line(`${file} set aside`, (line) => line.file === file && 'setAside' in line)

describe('when both slots are corrupt', () => {
  it('a device that was never online sets them aside, says so, and onboards', async () => {
    const device = newDevice()
    writeFileSync(join(device.stateFolder, 'pending.json'), '{"format":1,"acc')
    writeFileSync(join(device.stateFolder, 'current.json'), '\0'.repeat(200))
    const run = device.start()
    for (const file of ['pending.json', 'current.json'])
      expect(await setAside(run, file)).toMatchObject({ level: 50, reason: expect.stringContaining('torn'), remedy: expect.any(String) })
    await run.steady()
    expect(namesOf(device)).toEqual(expect.arrayContaining(['current.json', 'current.json.set-aside-1', 'pending.json.set-aside-1']))
  })

  it('a device that was online is refused with its factory secret, keeps trying, and is back when its state is', async () => {
    const device = newDevice()
    await device.onboard()
    const backup = join(device.folder, 'backup')
    cpSync(device.stateFolder, backup, { recursive: true })
    for (const file of ['pending.json', 'current.json']) writeFileSync(join(device.stateFolder, file), 'x')
    const run = device.start()
    await setAside(run, 'current.json')
    const refused = await run.failed('ERR_WIFI_EAP_REJECTED')
    expect(refused).toMatchObject({ level: 40, to: 'waiting', remedy: expect.stringContaining('registered and not revoked') })
    await run.line('a second try', (line) => line.event === 'failed' && line !== refused)
    expect(await run.stop()).toBe(0)
    cpSync(backup, device.stateFolder, { recursive: true })
    expect(firstCandidate(await device.start().steady())).toBe(`current:s.${device.currentSecretId()}`)
  })

  it('a device that was online comes back by itself once an operator re-armed its factory secret', async () => {
    const device = newDevice()
    const lost = await device.onboard()
    rmSync(device.stateFolder, { recursive: true })
    mkdirSync(device.stateFolder, { mode: 0o700 })
    const run = device.start()
    await run.failed('ERR_WIFI_EAP_REJECTED')
    await stage.cloud.operate('device', 'rearm', 'acme', device.id)
    await run.steady()
    expect(device.currentSecretId()).not.toBe(lost)
    const shown = await stage.cloud.operate('device', 'show', 'acme', device.id)
    expect(shown).toContain(`s.${lost} superseded\n`)
    expect(shown).toContain(`s.${device.currentSecretId()} current`)
    expect(shown).not.toContain('alarm ')
  })

  it('one good slot is enough, whichever it is', async () => {
    const device = newDevice()
    const secretId = await device.onboard()
    writeFileSync(join(device.stateFolder, 'pending.json'), device.state('current.json'))
    writeFileSync(join(device.stateFolder, 'current.json'), 'x')
    const run = device.start()
    expect(firstCandidate(await run.steady())).toBe(`pending:s.${secretId}`)
    expect(device.currentSecretId()).toBe(secretId)
  })
})

describe('when the state directory is put back from before a rotation', () => {
  it('the device rotates by itself once an operator re-armed the former secret', async () => {
    const device = newDevice({ timers: { backoffBaseMs: 100, backoffCapMs: 500, actionsFastMs: 1000 } })
    const former = await device.onboard()
    const backup = join(device.folder, 'backup')
    cpSync(device.stateFolder, backup, { recursive: true })
    const rotating = device.start()
    await rotating.steady()
    await stage.cloud.operate('device', 'rotate', 'acme', device.id)
    await rotating.line('promoted', (line) => line.event === 'promoted')
    await rotating.stop()
    const current = device.currentSecretId()
    rmSync(device.stateFolder, { recursive: true })
    cpSync(backup, device.stateFolder, { recursive: true })
    const run = device.start()
    await run.failed('ERR_WIFI_EAP_REJECTED')
    await stage.cloud.operate('device', 'rearm', 'acme', device.id, '--credential', `s.${former}`)
    await run.line('promoted', (line) => line.event === 'promoted')
    await run.steady()
    expect([former, current]).not.toContain(device.currentSecretId())
  })
})

/** A disk with a bad block under this file: it can be opened, and reading it fails. */
const unreadable = (file: string): string =>
  `exec strace -DD -f -qq -o /dev/null -e signal=none -P '${file}' -e trace=read,pread64 -e inject=read,pread64:error=EIO "$@"`

describe('when the disk does not give a slot', () => {
  const cannotRead = (run: AgentRun, file: string) =>
    run.line(`${file} cannot be read`, (line) => line.file === file && line.errno === 'EIO')

  it('a device with a good current one goes on with that, leaves the other alone, and swaps nothing', async () => {
    const device = newDevice()
    const secretId = await device.onboard()
    writeFileSync(join(device.stateFolder, 'pending.json'), 'whatever it was')
    await stage.cloud.operate('device', 'rotate', 'acme', device.id)
    const run = device.start({ prepare: unreadable(join(device.stateFolder, 'pending.json')) })
    expect(firstCandidate(await run.steady())).toBe(`current:s.${secretId}`)
    expect(await cannotRead(run, 'pending.json')).toMatchObject({ level: 50, remedy: expect.stringContaining('check the disk') })
    const refused = await run.line('no swap', (line) => line.code === 'ERR_STORE_IO' && line.from === 'swapping')
    expect(refused.detail).toContain('EIO')
    await run.stop()
    expect([device.currentSecretId(), device.state('pending.json')]).toEqual([secretId, 'whatever it was'])
  })

  it('a device with a good pending one goes on with that, and leaves it where it is', async () => {
    const device = newDevice()
    const secretId = await device.onboard()
    const slot = device.state('current.json')
    writeFileSync(join(device.stateFolder, 'pending.json'), slot)
    writeFileSync(join(device.stateFolder, 'current.json'), 'whatever it was')
    for (let start = 1; start <= 2; start++) {
      const run = device.start({ prepare: unreadable(join(device.stateFolder, 'current.json')) })
      expect(firstCandidate(await run.steady())).toBe(`pending:s.${secretId}`)
      await cannotRead(run, 'current.json')
      await run.stop()
    }
    expect([device.state('pending.json'), device.state('current.json')]).toEqual([slot, 'whatever it was'])
  })
})

describe('when the device is taken for another one', () => {
  it('with another device id in its config it starts anew under that id, and finds its own secret again under its own', async () => {
    const device = newDevice()
    const factory = device.config()
    const secretId = await device.onboard()
    device.configure({ ...factory, device: { id: `${device.id}-b` } })
    const other = device.start()
    expect(await setAside(other, 'current.json')).toMatchObject({
      reason: 'foreign: it belongs to another device',
      remedy: expect.stringContaining('correct device.id'),
    })
    await other.line('promoted', (line) => line.event === 'promoted')
    await other.stop()
    expect(device.currentSecretId()).not.toBe(secretId)
    device.configure(factory)
    const own = device.start()
    expect(firstCandidate(await own.steady())).toBe(`current:s.${secretId}`)
    expect(own.lines).toContainEqual(expect.objectContaining({ msg: 'a file that was set aside is good again and was moved back' }))
  })

  it('with a config that was already rewritten for its own id it is refused under another, and nothing of it is lost', async () => {
    const device = newDevice()
    const secretId = await device.onboard()
    const rewritten = device.start()
    await rewritten.steady()
    await rewritten.stop()
    const own = device.config()
    expect(JSON.stringify(own)).not.toContain('zkp_')
    device.configure({ ...own, device: { id: `${device.id}-b` } })
    const wrong = device.start()
    expect(await wrong.failed('ERR_WIFI_EAP_REJECTED')).toMatchObject({ remedy: expect.any(String) })
    await wrong.stop()
    device.configure(own)
    expect(firstCandidate(await device.start().steady())).toBe(`current:s.${secretId}`)
  })

  it('with the state directory of another device it uses nothing of it', async () => {
    const [owner, device] = [newDevice(), newDevice()]
    const foreign = await owner.onboard()
    cpSync(owner.stateFolder, device.stateFolder, { recursive: true })
    const run = device.start()
    await setAside(run, 'current.json')
    await run.steady()
    expect(firstCandidate(await run.steady())).toBe('temporary:t.line-7')
    expect(device.currentSecretId()).not.toBe(foreign)
  })
})

/** For this agent the clock of this machine is a day behind. */
async function agentBuiltTomorrow(folder: string): Promise<string> {
  const directory = join(folder, 'tomorrow')
  mkdirSync(directory)
  await buildPrograms(join(import.meta.dirname, '../..'), directory, AGENT_PROGRAMS, Date.now() + DAY_MS)
  return join(directory, 'zipkey-agent.cjs')
}

describe('when the disk takes nothing', () => {
  it('a device with a permanent secret is steady on a root that is read-only', async () => {
    const device = newDevice()
    const secretId = await device.onboard()
    const run = device.start({ prepare: 'mount -o remount,bind,ro /; ! touch /etc/zipkey-probe 2>/dev/null' })
    expect(firstCandidate(await run.steady())).toBe(`current:s.${secretId}`)
    expect(await run.stop()).toBe(0)
  })

  it('even if its clock is behind the build of the agent, so that the signed time cannot be kept', async () => {
    const device = newDevice()
    const secretId = await device.onboard()
    const run = device.start({ program: await agentBuiltTomorrow(device.folder), prepare: 'mount -o remount,bind,ro /' })
    expect(await run.steady()).toMatchObject({ clockTrusted: false, candidates: [`current:s.${secretId}`, expect.any(String)] })
    expect(run.lines.map(({ event }) => event)).toContain('time-known')
    expect(run.lines).toContainEqual(
      expect.objectContaining({ level: 40, code: 'ERR_STORE_IO', msg: expect.stringContaining('the time is kept for this run only') }),
    )
  })

  it('a new device gets as far as it safely can, says what is wrong, and swaps nothing', async () => {
    const device = newDevice()
    const prepare = `mount --bind ${device.stateFolder} ${device.stateFolder}; mount -o remount,bind,ro ${device.stateFolder}`
    const run = device.start({ prepare })
    expect(await run.failed('ERR_STORE_IO')).toMatchObject({ from: 'swapping', remedy: expect.stringContaining('is writable') })
    await run.stop()
    expect(namesOf(device)).toEqual([])
    await device.onboard()
  })

  it('a state directory that cannot be made ends the agent for systemd to try again', async () => {
    const device = newDevice()
    rmSync(device.stateFolder, { recursive: true })
    const run = device.start({ prepare: 'mount -o remount,bind,ro /' })
    expect(await run.exit()).toBe(75)
    expect(run.lines).toMatchObject([{ level: 60, code: 'ERR_STORE_IO', remedy: expect.stringContaining('is writable') }])
  })
})

/** A small ext4 of its own for the state, and a file that takes all its room. */
function fullDisk(device: FieldDevice): { readonly fill: () => void; readonly free: () => void } {
  const image = join(device.folder, 'disk.img')
  execFileSync('sh', ['-ec', `truncate -s 4M "$1" && mkfs.ext4 -q -m 0 "$1" && mount -o loop "$1" "$2"`, 'sh', image, device.stateFolder])
  onTestFinished(() => void execFileSync('umount', ['--lazy', device.stateFolder]))
  const filler = join(device.stateFolder, 'filler')
  const full = 'dd if=/dev/zero of="$1" bs=4k 2>&1 || true; dd if=/dev/zero of="$1.2" bs=1 count=8192 2>/dev/null || true'
  return {
    fill: () => void execFileSync('sh', ['-c', full, 'sh', filler], { stdio: 'ignore' }),
    free: () => rmSync(filler),
  }
}

describe('when the disk is full', () => {
  it('a new device waits with the swap until there is room, and then needs nobody', async () => {
    const device = newDevice()
    const disk = fullDisk(device)
    disk.fill()
    const run = device.start()
    expect(await run.failed('ERR_STORE_IO')).toMatchObject({
      from: 'swapping',
      detail: expect.stringContaining('ENOSPC'),
      remedy: expect.stringContaining('not full'),
    })
    expect(namesOf(device).filter((name) => /pending|current|nonce/.test(name))).toEqual([])
    disk.free()
    await run.line('promoted', (line) => line.event === 'promoted')
    await run.stop()
  })

  it('a device with a permanent secret is steady', async () => {
    const device = newDevice()
    const disk = fullDisk(device)
    const secretId = await device.onboard()
    disk.fill()
    expect(firstCandidate(await device.start().steady())).toBe(`current:s.${secretId}`)
  })
})

describe('when the state is in memory', () => {
  const inMemory = (): string => {
    const folder = mkdtempSync('/dev/shm/zipkey-odd-')
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    expect(statfsSync(folder).type).toBe(TMPFS)
    return folder
  }

  it('no swap is made, and the log says so plainly', async () => {
    const directory = inMemory()
    const device = newDevice({ state: { directory } })
    const run = device.start()
    expect(await run.failed('ERR_STORE_NOT_DURABLE')).toMatchObject({
      from: 'swapping',
      detail: expect.stringContaining('it is on a tmpfs'),
      remedy: expect.stringContaining('storage that survives a power cut'),
    })
    expect(run.lines).toContainEqual(expect.objectContaining({ level: 40, reason: 'it is on a tmpfs' }))
    await run.stop()
    expect(readdirSync(directory)).toEqual([])
    const audit = await stage.cloud.operate('audit', 'acme', '--device', device.id, '--json')
    expect(audit).not.toContain('secret-issued')
  })

  it('a device with a secret flashed at manufacture is steady', async () => {
    const secret = formatSecretText('zks_', new Uint8Array(32).fill(0x5a))
    const device = newDevice({ state: { directory: inMemory() }, credentials: [{ kind: 'shared-secret', secret }] })
    const file = join(device.folder, 'flashed')
    writeFileSync(file, secret, { mode: 0o600 })
    await stage.cloud.operate('device', 'register', 'acme', device.id, '--secret-file', file)
    expect(firstCandidate(await device.start().steady())).toBe('flashed:flashed')
  })
})

describe('when the clock has jumped back behind a time that the cloud had signed', () => {
  it('the device asks for the signed time before it believes a certificate’s dates, and is steady', async () => {
    const device = newDevice()
    await device.onboard()
    const floor = encodeTimeFloor({ account: 'acme', device: device.id }, Date.now() + DAY_MS)
    writeFileSync(join(device.stateFolder, 'time-floor'), floor)
    const run = device.start()
    expect(await run.steady()).toMatchObject({ clockTrusted: false })
    const events = run.lines.map(({ event }) => event)
    expect(events.slice(0, events.indexOf('authenticated'))).toContain('time-known')
    const joins = run.lines.filter(({ event }) => event === 'joined')
    expect(joins.map(({ eap }) => (eap as { datesChecked: boolean }).datesChecked)).toEqual([false, true])
    expect(device.state('time-floor')).toBe(floor)
  })
})

describe('when a second agent is started on the same state directory', () => {
  it('it is refused at once with exit code 75, and the first one is not disturbed', async () => {
    const device = newDevice()
    const first = device.start()
    await first.steady()
    const second = device.start()
    expect(await second.exit()).toBe(75)
    expect(second.lines).toMatchObject([{ level: 60, code: 'ERR_STATE_LOCKED', remedy: expect.stringContaining('stop it') }])
    expect(first.lines.some(({ event }) => event === 'link-lost')).toBe(false)
    await first.stop('SIGKILL')
    await device.start().steady()
  })
})

describe('zipkey-agent --reset', () => {
  const TORN = ['current.json.set-aside-1', 'nonce.set-aside-1', 'pending.json.set-aside-3', 'time-floor.set-aside-1']

  it('forgets what is made again, keeps the credential, and the device comes back with it', async () => {
    const device = newDevice()
    const secretId = await device.onboard()
    for (const name of [...TORN, 'known-hotspots.json']) writeFileSync(join(device.stateFolder, name), 'torn')
    const { exitCode, text } = await device.run('--reset')
    expect([exitCode, text]).toEqual([
      0,
      `forgotten: ${['current.json.set-aside-1', 'known-hotspots.json', 'nonce', ...TORN.slice(1)].join(', ')}\nkept: current.json`,
    ])
    expect(namesOf(device)).toEqual(['current.json'])
    expect(firstCandidate(await device.start().steady())).toBe(`current:s.${secretId}`)
  })

  it('keeps a pending secret, since the cloud may have accepted it already', async () => {
    const device = newDevice()
    const secretId = await device.onboard()
    const slot = device.state('current.json')
    rmSync(join(device.stateFolder, 'current.json'))
    writeFileSync(join(device.stateFolder, 'pending.json'), slot)
    writeFileSync(join(device.stateFolder, 'pending.json.set-aside-1'), 'torn')
    expect((await device.run('--reset')).text).toContain('kept: pending.json, pending.json.set-aside-1')
    expect(firstCandidate(await device.start().steady())).toBe(`pending:s.${secretId}`)
  })

  it('keeps what belongs to another device id, so that the device finds it again under its own', async () => {
    const device = newDevice()
    const factory = device.config()
    const secretId = await device.onboard()
    device.configure({ ...factory, device: { id: `${device.id}-b` } })
    await device.onboard()
    expect((await device.run('--reset')).text).toContain('kept: current.json, current.json.set-aside-1')
    device.configure(factory)
    expect(firstCandidate(await device.start().steady())).toBe(`current:s.${secretId}`)
  })

  it('is refused while an agent runs, and changes nothing', async () => {
    const device = newDevice()
    const run = device.start()
    await run.steady()
    // The agent itself may write this one at any time.
    const others = () => namesOf(device).filter((name) => !name.startsWith('known-hotspots'))
    const before = others()
    const { exitCode, text } = await device.run('--reset')
    expect([exitCode, text]).toEqual([75, expect.stringContaining('ERR_STATE_LOCKED')])
    expect(others()).toEqual(before)
  })

  it('makes no state directory, which would be the wrong user’s', async () => {
    const device = newDevice()
    rmSync(device.stateFolder, { recursive: true })
    expect(await device.run('--reset')).toEqual({ exitCode: 0, text: 'forgotten: nothing\nkept: nothing' })
    expect(readdirSync(device.folder)).toEqual(['etc'])
    mkdirSync(device.stateFolder)
  })
})
