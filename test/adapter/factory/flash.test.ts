/** `zipkey-factory flash` onto real file systems, a real shell on a console, and a real sshd on loopback. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { openBatch } from '../../../scripts/factory/batch/batch-record.ts'
import { type FlashSettings, flashAll } from '../../../scripts/factory/flash/flash-batch.ts'
import { ProductionLine } from './production-line.ts'

const run = (program: string, ...parameters: readonly string[]): string =>
  execFileSync(program, parameters, { encoding: 'utf8', stdio: 'pipe' })
const MIB = 1 << 20

let at: ProductionLine
beforeAll(async () => {
  at = new ProductionLine(afterAll)
  await at.makeFactoryKey()
  await at.run(at.batch('b', '--count', '40', '--pattern', 'SN-{01..}', '--credential', 'shared-secret'))
  const golden = ['--count', '3', '--pattern', 'G-{1..}', '--id-from', 'dmi', ...at.certificates]
  expect((await at.run(at.batch('golden', ...golden))).stderr).toBe('')
})

const config = (id: string): string => at.read(`b/configs/${id}.json`)
const inFolder = (folder: string): Partial<FlashSettings> => ({ folder })

/** Flashes as the command does, without the time that a program takes to start; says how it went. */
async function flash(id: string, target: string, settings: Partial<FlashSettings> = {}, folder = 'b'): Promise<string> {
  const usual = {
    folder: '/etc/zipkey',
    access: { mode: 0o600, uid: null, gid: null },
    replace: false,
    again: false,
    dryRun: false,
  } as const
  const alone = { parallel: 1, sshOptions: [], showProgress: false } as const
  const all = { ...usual, ...alone, ...settings }
  const [result] = await flashAll(await openBatch(at.path(folder)), [{ id, target }], all, new AbortController().signal)
  return result === undefined ? 'no result' : result.ok ? result.what : result.reason
}

/** The command itself. */
const command = (...parameters: readonly string[]) => at.run(['flash', '--batch', 'b', ...parameters])

/** An image with a FAT and an ext4 partition, as devices boot from; gives where they start. */
function makeImage(name: string): { readonly file: string; readonly fatAt: number; readonly extAt: number } {
  const file = at.path(name)
  const [fatAt, extAt] = [MIB, 17 * MIB]
  writeFileSync(file, '')
  run('truncate', '--size', '50M', file)
  execFileSync('/usr/sbin/sfdisk', ['--quiet', file], { input: 'label: dos\n2048,16M,c\n,32M,83\n', stdio: ['pipe', 'pipe', 'pipe'] })
  run('/usr/sbin/mkfs.vfat', '--offset', String(fatAt / 512), file, String((16 * MIB) / 1024))
  run('/usr/sbin/mkfs.ext4', '-q', '-E', `offset=${extAt}`, file, '32M')
  return { file, fatAt, extAt }
}

const onExt = (file: string, offset: number, request: string): string => run('/usr/sbin/debugfs', '-R', request, `${file}?offset=${offset}`)

describe('a partition of an image', () => {
  it('of ext4 gets the config, with owner and mode, and is as clean as before', async () => {
    const { file, extAt } = makeImage('ext.img')
    const ended = await command('SN-01', `image:${file}#2`, '--mode', '0640', '--uid', '990', '--gid', '991')
    expect(ended).toEqual({ code: 0, stdout: `SN-01  image:${file}#2  flashed\n`, stderr: '' })
    expect(onExt(file, extAt, 'cat /etc/zipkey/ca.json')).toBe(config('SN-01'))
    expect(onExt(file, extAt, 'stat /etc/zipkey/ca.json')).toMatch(/Type: regular +Mode: +0640 (.*\n)*User: +990 +Group: +991/)
    run('dd', `if=${file}`, `of=${file}.ext`, `bs=${MIB}`, 'skip=17', 'count=32', 'status=none')
    expect(run('/usr/sbin/e2fsck', '-fn', `${file}.ext`)).toMatch(/13|14|15\/\d+ files/)
    const mounted = at.path('mounted')
    mkdirSync(mounted)
    run('mount', '-o', 'ro,loop', `${file}.ext`, mounted)
    onTestFinished(() => void run('umount', mounted))
    expect(readFileSync(`${mounted}/etc/zipkey/ca.json`, 'utf8')).toBe(config('SN-01'))
  })

  it('of FAT gets it in a folder of its own', async () => {
    const { file, fatAt } = makeImage('fat.img')
    expect(await flash('SN-02', `image:${file}#1`, inFolder('/zipkey'))).toBe('flashed')
    expect(run('mtype', '-i', `${file}@@${fatAt}`, '::/zipkey/ca.json')).toBe(config('SN-02'))
  })

  it('of FAT never has half a config: one that is cut off is flashed again as if nothing had been', async () => {
    const { file, fatAt } = makeImage('cut-fat.img')
    const list = (): string => run('mdir', '-b', '-i', `${file}@@${fatAt}`, '::/zipkey')
    const programs = at.path('cut-programs')
    mkdirSync(programs)
    at.put('cut-programs/mren', '#!/bin/sh\necho power cut >&2\nexit 1\n', 0o755)
    const path = process.env.PATH
    process.env.PATH = `${programs}:${path}`
    onTestFinished(() => void Object.assign(process.env, { PATH: path }))
    expect(await flash('SN-19', `image:${file}#1`, inFolder('/zipkey'))).toMatch(/ca\.json cannot be written: power cut/)
    expect(list()).not.toMatch(/ca\.json$/m)
    process.env.PATH = path
    expect(await flash('SN-19', `image:${file}#1`, inFolder('/zipkey'))).toBe('flashed')
    expect(list().trim()).toBe('::/zipkey/ca.json')
    expect(await flash('SN-40', `image:${file}#1`, { ...inFolder('/zipkey'), replace: true })).toBe('flashed')
    expect(run('mtype', '-i', `${file}@@${fatAt}`, '::/zipkey/ca.json')).toBe(config('SN-40'))
  })

  it('has to be named, and must hold a file system that can be written', async () => {
    const { file } = makeImage('named.img')
    run('/usr/sbin/mkfs.ext4', '-q', '-F', '-O', '^has_journal', at.path('whole.img'), '8M')
    writeFileSync(at.path('empty.img'), Buffer.alloc(MIB))
    for (const [target, reason] of [
      [`image:${file}`, `${file}: name a partition: ${file}#1 (vfat), ${file}#2 (ext4)`],
      [`image:${file}#3`, `${file}: name a partition: ${file}#1 (vfat), ${file}#2 (ext4)`],
      [`image:${at.path('whole.img')}#1`, `${at.path('whole.img')}: has no partitions`],
      [`image:${at.path('empty.img')}`, `${at.path('empty.img')}: holds no file system that is known`],
      [`image:${at.path('gone.img')}`, `${at.path('gone.img')}: is not there`],
      [`image:${at.folder}`, `${at.folder}: is neither an image nor a block device`],
      ['floppy:/x', 'floppy:/x: expected directory:<path>'],
    ] as const) {
      expect(await flash('SN-03', target)).toContain(reason)
    }
    expect(await flash('SN-03', `image:${at.path('whole.img')}`)).toBe('flashed')
  })

  it('that is mounted, not cleanly unmounted, or full is left alone, in a line', async () => {
    const { file, extAt } = makeImage('busy.img')
    const loop = run('losetup', '--find', '--show', '--offset', String(extAt), file).trim()
    onTestFinished(() => void run('losetup', '--detach', loop))
    const mounted = at.path('busy')
    mkdirSync(mounted)
    run('mount', loop, mounted)
    expect(await flash('SN-04', `image:${loop}`)).toBe(`${loop}: is mounted: unmount it`)
    // The image of a file system amid its life, as after a power cut.
    run('cp', file, at.path('cut.img'))
    run('umount', mounted)
    expect(await flash('SN-04', `image:${at.path('cut.img')}#2`)).toContain('was not unmounted cleanly')
    expect(await flash('SN-04', `image:${loop}`)).toBe('flashed')
    run('/usr/sbin/mkfs.ext4', '-q', '-b', '1024', '-O', '^has_journal', '-m', '0', at.path('full.img'), '256k')
    for (let number = 0; number < 40; number += 1)
      run('/usr/sbin/debugfs', '-w', '-R', `write ${at.path('ca.pem')} /fill-${number}`, at.path('full.img'))
    expect(await flash('SN-05', `image:${at.path('full.img')}`)).toMatch(/ca\.json cannot be written: it is full/)
    expect(run('/usr/sbin/debugfs', '-R', 'ls -p /etc/zipkey', at.path('full.img'))).not.toContain('ca.json')
  })
})

describe('a directory', () => {
  const folder = (name: string): string => {
    mkdirSync(at.path(name))
    return `directory:${at.path(name)}`
  }

  it('gets a golden config with the credential of the device beside it', async () => {
    const target = folder('golden-root')
    expect(await flash('G-2', target, { access: { mode: 0o640, uid: 990, gid: 991 } }, 'golden')).toBe('flashed')
    expect(at.read('golden-root/etc/zipkey/ca.json')).toBe(at.read('golden/golden.json'))
    expect(at.read('golden-root/etc/zipkey/device.pem')).toBe(at.read('golden/credentials/G-2.pem'))
    const { mode, uid, gid } = statSync(at.path('golden-root/etc/zipkey/device.pem'))
    expect([mode & 0o777, uid, gid]).toEqual([0o640, 990, 991])
    expect(await flash('G-3', target, {}, 'golden')).toMatch(/device\.pem holds something else: check that this is G-3, and say --replace/)
  })

  it("that holds another device's credential, or something else, is refused unless it is told", async () => {
    const target = folder('root')
    expect(await flash('SN-06', target)).toBe('flashed')
    const refused = await command('SN-07', target)
    expect([refused.code, refused.stdout]).toEqual([
      1,
      `SN-07  ${target}  FAILED: /etc/zipkey/ca.json holds the config of SN-06: check that this is SN-07, and say --replace if it is\n`,
    ])
    expect(at.read('root/etc/zipkey/ca.json')).toBe(config('SN-06'))
    expect(await flash('SN-07', target, { replace: true, dryRun: true })).toBe('would be flashed')
    expect(at.read('root/etc/zipkey/ca.json')).toBe(config('SN-06'))
    expect(await flash('SN-07', target, { replace: true })).toBe('flashed')
    expect(at.read('root/etc/zipkey/ca.json')).toBe(config('SN-07'))
    at.put('root/etc/zipkey/ca.json', 'what is this')
    expect(await flash('SN-08', target)).toContain('holds something else')
  })

  it('is flashed once: a second time nothing is written, and no second device gets the same id', async () => {
    const [one, two] = [folder('one'), folder('two')]
    await flash('SN-09', one)
    const { mtimeMs } = statSync(at.path('one/etc/zipkey/ca.json'))
    expect(await flash('SN-09', one)).toBe('already there')
    expect(statSync(at.path('one/etc/zipkey/ca.json')).mtimeMs).toBe(mtimeMs)
    expect(await flash('SN-09', two)).toMatch(/^was flashed before, 20\S+ onto directory:\S+\/one: say --again if that one is no more/)
    expect(existsSync(at.path('two/etc'))).toBe(false)
    expect(await flash('SN-09', two, { again: true })).toBe('flashed')
  })

  it('is not left by a link', async () => {
    const target = folder('linked')
    mkdirSync(at.path('outside'))
    symlinkSync(at.path('outside'), at.path('linked/etc'))
    mkdirSync(at.path('outside/zipkey'))
    expect(await flash('SN-10', target)).toContain('leads out of')
    expect(existsSync(at.path('outside/zipkey/ca.json'))).toBe(false)
  })
})

describe('a device with a shell on its serial console', () => {
  /** socat is the cable; at its other end a shell of the device, on a terminal of its own. */
  async function console(name: string, shell: string): Promise<string> {
    const device = at.path(name)
    const cable = spawn('socat', [`pty,raw,echo=0,link=${device}`, `exec:"${shell}",pty,setsid,ctty,stderr`], { stdio: 'ignore' })
    onTestFinished(() => void cable.kill())
    while (!existsSync(device)) await setTimeout(10)
    return device
  }

  it.each(['busybox sh -i', 'dash -i', 'bash -i'])('gets the config by way of %s', async (shell) => {
    const name = shell.replaceAll(' ', '-')
    const device = await console(`tty-${name}`, shell)
    const folder = at.path(`device-${name}`)
    const id = { 'busybox sh -i': 'SN-11', 'dash -i': 'SN-12', 'bash -i': 'SN-13' }[shell] ?? ''
    expect(await flash(id, `serial:${device}`, inFolder(folder))).toBe('flashed')
    expect(readFileSync(`${folder}/ca.json`, 'utf8')).toBe(config(id))
    expect(statSync(`${folder}/ca.json`).mode & 0o777).toBe(0o600)
    expect(await flash(id, `serial:${device}`, inFolder(folder))).toBe('already there')
    expect(await flash('SN-14', `serial:${device}`, inFolder(folder))).toContain(`holds the config of ${id}`)
  })

  it('that says nothing, or is no console, is told apart', async () => {
    const silent = await console('tty-silent', 'sleep 60')
    expect(await flash('SN-15', `serial:${silent}`)).toBe(`${silent}: no shell answers: log in on it, check speed and cable`)
    expect(await flash('SN-15', `serial:${at.path('gone')}`)).toContain('cannot be opened (ENOENT)')
  })
})

describe('a device that ssh reaches', () => {
  let sshd: ChildProcess
  let port = 0
  const trusting = (): readonly string[] => [`UserKnownHostsFile=${at.path('known')}`, `IdentityFile=${at.path('id')}`]
  const target = (): string => `ssh:root@127.0.0.1:${port}`

  beforeAll(async () => {
    for (const name of ['host', 'id']) run('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', at.path(name))
    const probe = createServer().listen(0, '127.0.0.1')
    await once(probe, 'listening')
    const address = probe.address()
    port = typeof address === 'object' && address !== null ? address.port : 0
    probe.close()
    at.put('known', `[127.0.0.1]:${port} ${at.read('host.pub')}`)
    mkdirSync('/run/sshd', { recursive: true })
    const settings = [`HostKey ${at.path('host')}`, `AuthorizedKeysFile ${at.path('id.pub')}`, 'ListenAddress 127.0.0.1', `Port ${port}`]
    at.put('sshd_config', [...settings, 'StrictModes no', 'UsePAM no', `PidFile ${at.path('sshd.pid')}`].join('\n'))
    sshd = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', at.path('sshd_config')], { stdio: ['ignore', 'ignore', 'pipe'] })
    if (sshd.stderr !== null) await once(sshd.stderr, 'data')
  })
  afterAll(() => void sshd.kill())

  it('gets the config, and is refused like any other', async () => {
    const folder = at.path('over-ssh')
    expect(await flash('SN-16', target(), { folder, sshOptions: trusting() })).toBe('flashed')
    expect(readFileSync(`${folder}/ca.json`, 'utf8')).toBe(config('SN-16'))
    expect(await flash('SN-17', target(), { folder, sshOptions: trusting() })).toContain('holds the config of SN-16')
  })

  it('must have the host key that is known, and let the factory in', async () => {
    const stranger = [`UserKnownHostsFile=${at.path('nobody')}`, 'StrictHostKeyChecking=yes', `IdentityFile=${at.path('id')}`]
    expect(await flash('SN-18', target(), { sshOptions: stranger })).toMatch(/^root@127\.0\.0\.1: Host key verification failed/)
    const uninvited = [`UserKnownHostsFile=${at.path('known')}`, 'IdentitiesOnly=yes', `IdentityFile=${at.path('host')}`]
    expect(await flash('SN-18', target(), { sshOptions: uninvited })).toMatch(/^root@127\.0\.0\.1: .*Permission denied/)
  })
})

describe('many devices at once', () => {
  it('are flashed in parallel, one that fails does not stop the others, and the log says how each went', async () => {
    const ids = Array.from({ length: 20 }, (_, index) => `SN-${index + 20}`)
    for (const id of ids.slice(1)) mkdirSync(at.path(`many-${id}`))
    at.put('jobs.csv', ['id,target', ...ids.map((id) => `${id},directory:${at.path(`many-${id}`)}`)].join('\n'))
    const ended = await command('--jobs', 'jobs.csv', '--json')
    expect([ended.code, JSON.parse(ended.stdout)]).toMatchObject([1, { ok: false, exit: 1, devices: 20, failed: 1 }])
    for (const id of ids.slice(1)) expect(at.read(`many-${id}/etc/zipkey/ca.json`)).toBe(config(id))
    mkdirSync(at.path('many-SN-20'))
    const again = await command('--jobs', 'jobs.csv')
    expect(again.code).toBe(0)
    expect(again.stdout.trimEnd().split('\n').slice(-3)).toEqual([
      `SN-38  directory:${at.path('many-SN-38')}  already there`,
      `SN-39  directory:${at.path('many-SN-39')}  already there`,
      '20 of 20 devices are in place',
    ])
    const log = at
      .read('b/flash-log.ndjson')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    const about20 = log.filter(({ id }) => id === 'SN-20')
    expect(about20).toMatchObject([
      { result: 'failed', reason: expect.stringContaining('is not a directory') },
      { result: 'flashed', reason: null },
    ])
    expect(JSON.stringify(log)).not.toContain('zks_')
  })

  it.each([
    ['id,target\nSN-01,directory:a\nSN-01,directory:b\n', 'row 3, column id: stands in row 2 already'],
    ['id,target\nSN-01,directory:a\nSN-02,directory:a\n', 'row 3, column target: stands in row 2 already'],
    ['id,target\n,directory:a\n', 'row 2, column id: is empty'],
    ['id\nSN-01\n', 'row 2, column target: is empty'],
    ['id,target\n', 'row 2, column id: there is no device in this list'],
  ])('are refused as a whole where the list is wrong: %j', async (content, problem) => {
    at.put('wrong.csv', content)
    expect(await command('--jobs', 'wrong.csv')).toMatchObject({ code: 65, stderr: `wrong.csv: ${problem}\n` })
  })

  it('are refused where one is not of the batch, or there is none', async () => {
    expect(await command('SN-99', 'directory:/x')).toMatchObject({ code: 65, stderr: 'b: there is no device SN-99 in this batch\n' })
    const none = await at.run(['flash', '--batch', 'nowhere', 'SN-01', 'directory:/x'])
    expect([none.code, none.stderr]).toEqual([65, 'nowhere: holds no batch: name the output folder of batch create\n'])
    expect(await command('SN-01')).toMatchObject({ code: 65, stderr: 'give an id and a target, or --jobs\n' })
  })
})
