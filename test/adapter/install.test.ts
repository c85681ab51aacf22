import { execFileSync, type SpawnSyncReturns, spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AGENT_PROGRAMS, buildPrograms } from '../../scripts/build/programs.ts'

const CHECKOUT = join(import.meta.dirname, '../..')
const scratch = mkdtempSync(join(tmpdir(), 'zipkey-install-'))
/** What a release tarball holds, built from this checkout. */
const release = join(scratch, 'release')
let roots = 0

beforeAll(async () => {
  for (const name of ['scripts/install', 'systemd', 'config/schema.json', 'config/examples', 'LICENSE']) {
    cpSync(join(CHECKOUT, name), join(release, name), { recursive: true })
  }
  mkdirSync(join(release, 'dist'))
  await buildPrograms(CHECKOUT, join(release, 'dist'), AGENT_PROGRAMS, 1_700_000_000_000)
})
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

/** The root of an image whose node is the one that runs this. */
function makeRoot(): string {
  roots += 1
  const root = join(scratch, `root-${roots}`)
  mkdirSync(join(root, 'usr/bin'), { recursive: true })
  mkdirSync(join(root, 'etc'))
  symlinkSync(process.execPath, join(root, 'usr/bin/node'))
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n')
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\nothers:x:999:\n')
  return root
}

const install = (args: readonly string[], path = process.env.PATH): SpawnSyncReturns<string> =>
  spawnSync(join(release, 'scripts/install'), args, { encoding: 'utf8', env: { PATH: path } })

function installed(root: string, ...args: readonly string[]): string {
  const { status, stdout, stderr } = install(['--root', root, ...args])
  expect(status, stderr).toBe(0)
  return stdout
}

const filesIn = (root: string): readonly string[] =>
  readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length))
    .filter((name) => !/^\/etc\/(passwd|group|shadow|gshadow|\.pwd\.lock)/.test(name))
    .sort()

const cacheName = `/usr/lib/zipkey/zipkey-agent.bundle.cjs.${process.version}-${process.arch}.cache`
const groupOf = (root: string): number => Number(/^zipkey:[^:]*:(\d+):/m.exec(readFileSync(join(root, 'etc/group'), 'utf8'))?.[1])
const userOf = (root: string): number => Number(/^zipkey:[^:]*:(\d+):/m.exec(readFileSync(join(root, 'etc/passwd'), 'utf8'))?.[1])
const modeOf = (file: string): string => (statSync(file).mode & 0o7777).toString(8)

describe('scripts/install --root', () => {
  it('puts program, unit, policy, user and directories into an image, and says so', () => {
    const root = makeRoot()
    const told = installed(root, '--enable', '--config', join(release, 'config/examples/wired.json'))
    expect(filesIn(root).filter((name) => !name.startsWith('/usr/share/zipkey/examples/'))).toEqual([
      '/etc/systemd/system/multi-user.target.wants/zipkey-agent.service',
      '/etc/zipkey/ca.json',
      '/usr/bin/node',
      '/usr/lib/systemd/system/zipkey-agent.service',
      '/usr/lib/sysusers.d/zipkey.conf',
      '/usr/lib/tmpfiles.d/zipkey.conf',
      '/usr/lib/zipkey/udhcpc-script',
      '/usr/lib/zipkey/write-code-cache.cjs',
      '/usr/lib/zipkey/zipkey-agent.bundle.cjs',
      cacheName,
      '/usr/lib/zipkey/zipkey-agent.cjs',
      '/usr/share/dbus-1/system.d/zipkey-agent.conf',
      '/usr/share/doc/zipkey-agent/LICENSE',
      '/usr/share/doc/zipkey-agent/LICENSES.txt',
      '/usr/share/zipkey/schema.json',
    ])
    for (const name of filesIn(root).filter((each) => each.startsWith('/usr/lib/') && each !== cacheName))
      expect(told).toContain(root + name)
    const group = groupOf(root)
    expect(group).toBeGreaterThan(0)
    expect(readFileSync(join(root, 'etc/passwd'), 'utf8')).toMatch(
      new RegExp(`^zipkey:[^:]*:\\d+:${group}:ZipKey agent:/var/lib/zipkey:/usr/sbin/nologin$`, 'm'),
    )
    const user = userOf(root)
    expect(user).toBeGreaterThan(0)
    for (const [name, mode, owner] of [
      ['etc/zipkey', '1770', 0],
      ['etc/zipkey/ca.d', '1770', 0],
      ['etc/zipkey/ca.json', '640', user],
    ] as const) {
      const { uid, gid } = statSync(join(root, name))
      expect([name, modeOf(join(root, name)), uid, gid]).toEqual([name, mode, owner, group])
    }
  })

  it('installs an agent that runs, with a code cache that this node takes', () => {
    const root = makeRoot()
    expect(installed(root)).toContain('code cache made')
    const agent = join(root, 'usr/lib/zipkey/zipkey-agent.cjs')
    const config = join(root, 'usr/share/zipkey/examples/temporary-derived-secret.json')
    const check = spawnSync(process.execPath, [agent, '--check', '--config', config], { encoding: 'utf8', env: {} })
    expect(check.stderr).toContain('the CA config is good: device acme/SN-000123')
    expect(check.status).toBe(0)
    const probe = `const { Script } = require('node:vm'); const { readFileSync } = require('node:fs')
      const bundle = ${JSON.stringify(join(root, 'usr/lib/zipkey/zipkey-agent.bundle.cjs'))}
      const source = readFileSync(bundle, 'latin1')
      console.log(new Script(source, { cachedData: readFileSync(${JSON.stringify(root + cacheName)}) }).cachedDataRejected)`
    expect(execFileSync(process.execPath, ['-e', probe], { encoding: 'utf8', env: {} })).toBe('false\n')
  })

  it('starts without a cache, and with a damaged one', () => {
    const root = makeRoot()
    installed(root)
    const agent = join(root, 'usr/lib/zipkey/zipkey-agent.cjs')
    for (const damage of [() => writeFileSync(root + cacheName, 'not a cache'), () => rmSync(root + cacheName)]) {
      damage()
      const { status, stderr } = spawnSync(process.execPath, [agent, '--config', '/nowhere/ca.json'], { encoding: 'utf8', env: {} })
      expect([status, stderr]).toEqual([78, expect.stringContaining('/nowhere/ca.json: no such file')])
    }
  })

  it('changes nothing when run again, least of all the CA config', () => {
    const root = makeRoot()
    installed(root, '--enable')
    writeFileSync(join(root, 'etc/zipkey/ca.json'), 'mine', { mode: 0o600 })
    const before = filesIn(root)
    const users = readFileSync(join(root, 'etc/passwd'), 'utf8')
    const told = installed(root, '--enable', '--config', join(release, 'config/examples/wired.json'))
    expect(told).toContain('ca.json is there already and stays as it is')
    expect(readFileSync(join(root, 'etc/zipkey/ca.json'), 'utf8')).toBe('mine')
    expect(modeOf(join(root, 'etc/zipkey/ca.json'))).toBe('600')
    expect(filesIn(root)).toEqual(before)
    expect(readFileSync(join(root, 'etc/passwd'), 'utf8')).toBe(users)
  })

  it('takes another prefix, and a node that stands there, into the unit', () => {
    const root = makeRoot()
    mkdirSync(join(root, 'opt/zipkey/bin'), { recursive: true })
    symlinkSync(process.execPath, join(root, 'opt/zipkey/bin/node'))
    installed(root, '--prefix', '/opt/zipkey')
    const unit = readFileSync(join(root, 'usr/lib/systemd/system/zipkey-agent.service'), 'utf8')
    expect(unit.match(/^ExecStart=.*$/gm)).toEqual(['ExecStart=/opt/zipkey/bin/node /opt/zipkey/lib/zipkey/zipkey-agent.cjs'])
    expect(existsSync(join(root, 'opt/zipkey/lib/zipkey/zipkey-agent.bundle.cjs'))).toBe(true)
  })

  it('makes the user by itself where there is no systemd-sysusers', () => {
    const root = makeRoot()
    writeFileSync(join(root, 'etc/shadow'), 'root:*:::::::\n')
    const bin = join(scratch, 'bin')
    mkdirSync(bin, { recursive: true })
    const tools = [
      'dirname',
      'mkdir',
      'install',
      'sed',
      'awk',
      'grep',
      'chmod',
      'chown',
      'mv',
      'rm',
      'id',
      'cmp',
      'env',
      'basename',
      'tail',
      'chroot',
      'sh',
      'ln',
      'flock',
    ]
    for (const tool of tools) symlinkSync(execFileSync('sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' }).trim(), join(bin, tool))
    symlinkSync(process.execPath, join(bin, 'node'))
    const { status, stderr } = install(['--root', root, '--enable'], bin)
    expect([status, stderr]).toEqual([0, ''])
    expect(readFileSync(join(root, 'etc/passwd'), 'utf8')).toMatch(
      /^zipkey:x:998:998:ZipKey agent:\/var\/lib\/zipkey:\/usr\/sbin\/nologin$/m,
    )
    expect(readFileSync(join(root, 'etc/shadow'), 'utf8')).toMatch(/^zipkey:!\*:/m)
    expect(groupOf(root)).toBe(998)
    expect(filesIn(root)).toContain('/etc/systemd/system/multi-user.target.wants/zipkey-agent.service')
  })

  it('takes everything off again but config, state and user', () => {
    const root = makeRoot()
    const before = filesIn(root)
    installed(root, '--enable', '--config', join(release, 'config/examples/wired.json'))
    const told = installed(root, '--uninstall')
    expect(told).toContain('kept: /etc/zipkey, /var/lib/zipkey, user zipkey')
    expect(filesIn(root)).toEqual([...before, '/etc/zipkey/ca.json'].sort())
    expect(existsSync(join(root, 'usr/lib/zipkey'))).toBe(false)
  })

  it('says how to make the code cache where the node of the image cannot run here', () => {
    const root = makeRoot()
    rmSync(join(root, 'usr/bin/node'))
    writeFileSync(join(root, 'usr/bin/node'), Buffer.from('7f454c4602010100', 'hex'), { mode: 0o755 })
    const told = installed(root)
    expect(told).toContain('make sure that it is 20.19 or later')
    expect(told).toContain('/usr/bin/node /usr/lib/zipkey/write-code-cache.cjs /usr/lib/zipkey/zipkey-agent.bundle.cjs')
    expect(filesIn(root)).not.toContain(cacheName)
  })
})

describe('scripts/install refuses', () => {
  const rootWith = (change: (root: string) => void): readonly string[] => {
    const root = makeRoot()
    change(root)
    return ['--root', root]
  }
  it.each<[string, () => readonly string[], string]>([
    ['an unknown option', () => ['--rot', '/x'], 'unknown option: --rot'],
    ['an option without its value', () => ['--root'], '--root needs a value'],
    ['a root that is not there', () => ['--root', join(scratch, 'nowhere')], 'no such directory'],
    ['a relative prefix', () => ['--prefix', 'usr'], 'expected an absolute path'],
    [
      'a config that is not there',
      () => [...rootWith(() => {}), '--config', '/nowhere/ca.json'],
      '--config /nowhere/ca.json: cannot be read',
    ],
    ['an image without node', () => rootWith((root) => rmSync(join(root, 'usr/bin/node'))), 'install Node.js 20.19 or later first'],
  ])('%s, and changes nothing', (_, args, message) => {
    const { status, stderr } = install(args())
    expect([status, stderr]).toEqual([1, expect.stringContaining(message)])
  })

  it('an old node', () => {
    const bin = join(scratch, 'old-bin')
    mkdirSync(bin)
    writeFileSync(join(bin, 'node'), '#!/bin/sh\necho v20.18.3\n', { mode: 0o755 })
    const root = makeRoot()
    rmSync(join(root, 'usr/bin/node'))
    cpSync(join(bin, 'node'), join(root, 'usr/bin/node'))
    const { status, stderr } = install(['--root', root], `${bin}:${process.env.PATH}`)
    expect([status, stderr]).toEqual([1, expect.stringContaining('is v20.18.3: Node.js 20.19 or later is needed')])
    expect(filesIn(root)).toEqual(['/usr/bin/node'])
  })

  it('a user who is not root', () => {
    const asNobody = ['--reuid=65534', '--clear-groups', 'sh', '-s', '--', '--root', '/']
    const { status, stderr } = spawnSync('setpriv', asNobody, { encoding: 'utf8', input: readFileSync(join(release, 'scripts/install')) })
    expect([status, stderr]).toEqual([1, expect.stringContaining('run as root')])
  })

  it('a checkout that was not built', () => {
    const bare = join(scratch, 'bare')
    cpSync(join(release, 'scripts/install'), join(bare, 'scripts/install'))
    const { status, stderr } = spawnSync(join(bare, 'scripts/install'), ['--root', makeRoot()], { encoding: 'utf8' })
    expect([status, stderr]).toEqual([1, expect.stringContaining('zipkey-agent.cjs is missing: run npm run build')])
  })
})
