import { spawnSync } from 'node:child_process'
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'

const SYSTEMD = join(import.meta.dirname, '../../systemd')
const UNIT = join(SYSTEMD, 'zipkey-agent.service')
const scratch = mkdtempSync(join(tmpdir(), 'zipkey-systemd-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

const run = (program: string, ...args: readonly string[]): { readonly status: number | null; readonly told: string } => {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', env: { PATH: process.env.PATH, LC_ALL: 'C' } })
  return { status, told: stdout + stderr }
}

/** The unit with one of the drop-in examples. */
function unitWith(example: string): string {
  const directory = join(scratch, example)
  mkdirSync(join(directory, 'zipkey-agent.service.d'), { recursive: true })
  writeFileSync(join(directory, 'zipkey-agent.service'), readFileSync(UNIT))
  writeFileSync(join(directory, 'zipkey-agent.service.d', example), readFileSync(join(SYSTEMD, 'examples', example)))
  return join(directory, 'zipkey-agent.service')
}

/** What systemd says about our unit; it also loads, and complains of, units of the machine. */
const complaints = (unit: string): readonly string[] =>
  run('systemd-analyze', 'verify', '--man=no', '--recursive-errors=no', unit)
    .told.split('\n')
    .filter((line) => line.includes('zipkey-agent'))

describe('the unit', () => {
  it('is understood by systemd, whole', () => {
    expect(complaints(UNIT)).toEqual([])
    writeFileSync(join(scratch, 'zipkey-agent.service'), `${readFileSync(UNIT, 'utf8')}\n[Service]\nProtectEverything=yes\n`)
    expect(complaints(join(scratch, 'zipkey-agent.service'))).toEqual([expect.stringContaining('ProtectEverything')])
  })

  it.each(['udhcpc.conf', 'secrets.conf', 'read-only-config.conf', 'token.conf'])(
    'is understood with the drop-in example %s',
    (example) => {
      const unit = unitWith(example)
      expect(complaints(unit)).toEqual([])
      appendFileSync(join(`${unit}.d`, example), 'ProtectEverything=yes\n')
      expect(complaints(unit)).toEqual([expect.stringContaining('ProtectEverything')])
    },
  )

  it('is exposed 2.3 of 10 at most, as systemd rates it', () => {
    const rated = run('systemd-analyze', 'security', '--offline=yes', '--threshold=23', UNIT)
    expect(rated.told).toMatch(/Overall exposure level for zipkey-agent\.service: [0-2]\.\d/)
    expect(rated.status).toBe(0)
    expect(run('systemd-analyze', 'security', '--offline=yes', '--threshold=10', UNIT).status).not.toBe(0)
  })

  it.each([
    ['an invalid config is not tried again', 'RestartPreventExitStatus=78'],
    ['everything else is, for ever', 'Restart=always'],
    ['however often', 'StartLimitIntervalSec=0'],
    ['systemd-notify may speak for the agent', 'NotifyAccess=all'],
    ['secrets do not end in core dumps', 'LimitCORE=0'],
    ['nor in those that a program takes from the kernel', 'CoredumpFilter=0'],
    ['the state is the agent’s alone', 'StateDirectoryMode=0700'],
  ])('%s: %s', (_, line) => {
    expect(readFileSync(UNIT, 'utf8').split('\n')).toContain(line)
  })

  it('waits for no network', () => {
    const orders = readFileSync(UNIT, 'utf8').match(/^(?:After|Wants|Requires|BindsTo)=.*$/gm)
    expect(orders).toEqual(['After=dbus.service wpa_supplicant.service', 'Wants=dbus.service'])
  })
})

describe('user and directories', () => {
  it('are made by systemd: /etc/zipkey is closed to others, and the agent may replace there what it owns', () => {
    const root = join(scratch, 'root')
    for (const [source, target] of [
      ['sysusers', 'usr/lib/sysusers.d'],
      ['tmpfiles', 'usr/lib/tmpfiles.d'],
    ] as const) {
      mkdirSync(join(root, target), { recursive: true })
      writeFileSync(join(root, target, 'zipkey.conf'), readFileSync(join(SYSTEMD, `${source}.conf`)))
    }
    mkdirSync(join(root, 'etc/zipkey'), { recursive: true, mode: 0o777 })
    writeFileSync(join(root, 'etc/zipkey/ca.json'), '{}', { mode: 0o666 })
    mkdirSync(join(root, 'sys/devices/virtual/dmi/id'), { recursive: true })
    writeFileSync(join(root, 'sys/devices/virtual/dmi/id/product_serial'), 'SN-1', { mode: 0o400 })
    expect(run('systemd-sysusers', `--root=${root}`, 'zipkey.conf').status).toBe(0)
    const tmpfiles = run('systemd-tmpfiles', `--root=${root}`, '--create', 'zipkey.conf')
    expect(tmpfiles).toEqual({ status: 0, told: '' })
    const group = Number(/^zipkey:[^:]*:(\d+):/m.exec(readFileSync(join(root, 'etc/group'), 'utf8'))?.[1])
    const user = Number(/^zipkey:[^:]*:(\d+):/m.exec(readFileSync(join(root, 'etc/passwd'), 'utf8'))?.[1])
    const seen = ['etc/zipkey', 'etc/zipkey/ca.d', 'etc/zipkey/ca.json', 'sys/devices/virtual/dmi/id/product_serial'].map((name) => {
      const { mode, uid, gid } = statSync(join(root, name))
      return [name, (mode & 0o7777).toString(8), uid, gid]
    })
    expect(seen).toEqual([
      ['etc/zipkey', '1770', 0, group],
      ['etc/zipkey/ca.d', '1770', 0, group],
      ['etc/zipkey/ca.json', '640', user, group],
      ['sys/devices/virtual/dmi/id/product_serial', '440', 0, group],
    ])
  })
})
