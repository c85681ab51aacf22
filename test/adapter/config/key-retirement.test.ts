import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  promises,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { deriveTemporarySecret } from '../../../agent/contract/derivation.ts'
import { formatSecretText } from '../../../agent/contract/secret-text.ts'
import { KeyRetirement } from '../../../config/key-retirement.ts'
import type { FileCalls } from '../../../config/replace-file.ts'
import { createKeptLog } from '../../fakes/log.ts'

const NAME = { account: 'acme', device: 'SN-000123' }
const KEY_BYTES = new Uint8Array(32).fill(7)
const KEY = formatSecretText('zkp_', KEY_BYTES)
const DERIVED = formatSecretText('zks_', deriveTemporarySecret(KEY_BYTES, NAME))
const configWith = (provisioningKey: unknown): string => JSON.stringify({ credentials: [{ kind: 'temporary', provisioningKey }] }, null, 3)
const RETIRED = JSON.stringify({ credentials: [{ kind: 'temporary', secret: DERIVED }] }, null, 3)

/** A folder with a config that holds the key, owned by somebody who is not us. */
function folderWith(text = configWith(KEY)) {
  const folder = mkdtempSync(join(tmpdir(), 'zipkey-retire-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'ca.json')
  writeFileSync(file, text)
  chownSync(file, 12345, 54321)
  chmodSync(file, 0o640)
  return { folder, file }
}

async function retire(files: readonly string[], more: { calls?: FileCalls; credentialsDirectory?: string } = {}) {
  const kept = createKeptLog()
  const keys = new KeyRetirement({ files, name: NAME, credentialsDirectory: null, log: kept.log, ...more })
  await keys.run()
  expect(kept.text()).not.toMatch(/zk[ps]_/)
  return { keys, kept }
}

/** Every byte of every file beneath a folder. */
const allText = (folder: string): string =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'))
    .join('\n')

describe('retiring the provisioning key of a config', () => {
  test('keeps owner, mode and formatting, and leaves the key nowhere', async () => {
    const { folder, file } = folderWith()
    const before = statSync(file).ino
    const { kept } = await retire([file])
    expect(readFileSync(file, 'utf8')).toBe(RETIRED)
    const { mode, uid, gid, ino } = statSync(file)
    expect([(mode & 0o7777).toString(8), uid, gid, ino === before]).toEqual(['640', 12345, 54321, false])
    expect(readdirSync(folder)).toEqual(['ca.json'])
    expect(kept.lines).toMatchObject([{ level: 30, file }])
  })

  test('goes through drop-ins too, whether they count or are laid over', async () => {
    const { folder, file } = folderWith()
    mkdirSync(join(folder, 'ca.d'))
    const dropIn = join(folder, 'ca.d/50-credentials.json')
    writeFileSync(dropIn, configWith(KEY))
    await retire([file, dropIn])
    expect(readFileSync(dropIn, 'utf8')).toBe(RETIRED)
    expect(allText(folder)).not.toContain('zkp_')
  })

  test('changes the content of a key’s own file, and not the config that names it', async () => {
    const { folder, file } = folderWith(configWith({ file: 'line.key' }))
    writeFileSync(join(folder, 'line.key'), `${KEY}\n`, { mode: 0o400 })
    const before = statSync(file).ino
    await retire([file])
    expect(readFileSync(join(folder, 'line.key'), 'utf8')).toBe(`${DERIVED}\n`)
    expect([statSync(join(folder, 'line.key')).mode & 0o777, statSync(file).ino]).toEqual([0o400, before])
    expect(allText(folder)).not.toContain('zkp_')
  })

  test('replaces what a link leads to, and keeps the link', async () => {
    const { folder, file } = folderWith()
    symlinkSync('ca.json', join(folder, 'link.json'))
    await retire([join(folder, 'link.json')])
    expect(lstatSync(join(folder, 'link.json')).isSymbolicLink()).toBe(true)
    expect(readFileSync(file, 'utf8')).toBe(RETIRED)
  })

  test('does nothing, and says nothing, where there is nothing to do', async () => {
    const { file } = folderWith(RETIRED)
    const before = statSync(file).ino
    const { kept } = await retire([file, join(file, '../missing.json')])
    expect([kept.lines, statSync(file).ino]).toEqual([[], before])
  })

  test('writes neither to nor through what stands at the name of the unfinished file', async () => {
    const { folder, file } = folderWith()
    writeFileSync(join(folder, 'trap'), 'trap')
    symlinkSync('trap', join(folder, '.ca.json.new'))
    await retire([file])
    expect(readFileSync(join(folder, 'trap'), 'utf8')).toBe('trap')
    expect(readdirSync(folder)).toEqual(['ca.json', 'trap'])
  })

  test('says where the key stays in one line for each place, however often it is asked', async () => {
    const { folder, file } = folderWith(configWith({ credential: 'line-key' }))
    const latin1 = join(folder, 'latin1.json')
    writeFileSync(latin1, Buffer.from(`{"note":"\xe9",${configWith(KEY).slice(1)}`, 'latin1'))
    writeFileSync(join(folder, 'line-key'), KEY)
    const { keys, kept } = await retire([file, latin1], { credentialsDirectory: folder })
    await keys.run()
    expect(kept.lines).toMatchObject([
      { level: 40, place: 'the systemd credential line-key', remedy: expect.stringContaining('keepProvisioningKey') },
      { level: 40, place: latin1, reason: 'it is not UTF-8' },
    ])
  })

  test('says nothing of a systemd credential that holds the derived secret already', async () => {
    const { folder, file } = folderWith(configWith({ credential: 'line-key' }))
    writeFileSync(join(folder, 'line-key'), DERIVED)
    expect((await retire([file], { credentialsDirectory: folder })).kept.lines).toEqual([])
  })

  test('tells that a second name of the old file still holds the key', async () => {
    const { folder, file } = folderWith()
    linkSync(file, join(folder, 'backup.json'))
    const { kept } = await retire([file])
    expect(readFileSync(file, 'utf8')).toBe(RETIRED)
    expect(kept.lines).toMatchObject([{ level: 30 }, { level: 40, place: file, reason: expect.stringContaining('hard link') }])
  })
})

/** The system's calls, until the one with a number fails, before or after its effect; `cut`: nothing has an effect from then on. */
function failing(at: number, kind: 'before' | 'after' | 'cut'): { calls: FileCalls; count: () => number; names: string[] } {
  let count = 0
  const names: string[] = []
  const run = async <T>(name: string, act: () => Promise<T>): Promise<T> => {
    count += 1
    names.push(name)
    const isCut = kind === 'cut' && at > 0 && count >= at
    if (isCut || (kind === 'before' && count === at)) throw Object.assign(new Error('injected'), { code: 'EIO' })
    const result = await act()
    if (kind === 'after' && count === at) throw Object.assign(new Error('injected'), { code: 'EIO' })
    return result
  }
  const wrapped = (handle: promises.FileHandle): promises.FileHandle =>
    new Proxy(handle, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name, target)
        if (typeof member !== 'function') return member
        // A descriptor is closed in any case: this process lives on.
        return (...args: unknown[]) =>
          name === 'close' ? target.close() : run(String(name), () => Reflect.apply(member, target, args) as Promise<unknown>)
      },
    })
  const calls: FileCalls = {
    open: (...args) => run('open', async () => wrapped(await promises.open(...args))),
    rename: (...args) => run('rename', () => promises.rename(...args)),
    unlink: (...args) => run('unlink', () => promises.unlink(...args)),
  }
  return { calls, count: () => count, names }
}

describe('retiring is old or new at every call', () => {
  const total = async (): Promise<number> => {
    const { calls, count } = failing(0, 'before')
    await retire([folderWith().file], { calls })
    return count()
  }

  test('with the content flushed before the name changes, and the name after', async () => {
    const { calls, names } = failing(0, 'before')
    await retire([folderWith().file], { calls })
    expect(names).toEqual(['unlink', 'open', 'stat', 'chown', 'chmod', 'writeFile', 'sync', 'rename', 'open', 'sync'])
  })

  test.each(['before', 'after', 'cut'] as const)('that fails (%s its effect), and is done by the next run', async (kind) => {
    const calls = await total()
    expect(calls).toBeGreaterThan(8)
    for (let at = 1; at <= calls; at++) {
      const { folder, file } = folderWith()
      await retire([file], failing(at, kind))
      const found = readFileSync(file, 'utf8')
      expect([configWith(KEY), RETIRED]).toContain(found)
      const left = readdirSync(folder).filter((name) => name !== 'ca.json')
      for (const name of left) expect(readFileSync(join(folder, name), 'utf8')).not.toContain('zkp_')
      await retire([file])
      expect(readFileSync(file, 'utf8')).toBe(RETIRED)
      if (found !== RETIRED) expect(readdirSync(folder)).toEqual(['ca.json'])
      const { mode, uid, gid } = statSync(file)
      expect([mode & 0o7777, uid, gid]).toEqual([0o640, 12345, 54321])
    }
  })
})

/** Runs the process of this test as the user that the unit would run it as, after a shell line by root. */
const asAgent = (prepare: string, file: string): string =>
  execFileSync(
    'unshare',
    [
      '--mount',
      'sh',
      '-ec',
      `${prepare}\nexec setpriv --reuid=12345 --regid=54321 --clear-groups ${process.execPath} --import tsx ${join(import.meta.dirname, 'retirement-process.ts')} ${file}`,
    ],
    { encoding: 'utf8' },
  )

describe('the agent’s own user', () => {
  const dropPrivileges = (folder: string, mode: number): void => {
    chownSync(folder, 0, 54321)
    chmodSync(folder, mode)
  }

  test('may replace its config in a sticky directory of root, as tmpfiles.conf makes it', () => {
    const { folder, file } = folderWith()
    dropPrivileges(folder, 0o1770)
    expect(asAgent('', file)).toMatch(/^30 the provisioning key was replaced/)
    expect(readFileSync(file, 'utf8')).toBe(RETIRED)
    expect(statSync(file).uid).toBe(12345)
  })

  test.each<[string, number, number, string, string]>([
    ['root owns the config', 0, 0o1770, '', 'EPERM'],
    ['the directory is closed', 12345, 0o750, '', 'EACCES'],
    ['the disk is read-only', 12345, 0o1770, 'mount --bind "$D" "$D"; mount -o remount,bind,ro "$D"', 'EROFS'],
  ])('only says so where %s', (_, owner, mode, prepare, errno) => {
    const { folder, file } = folderWith()
    chownSync(file, owner, 54321)
    dropPrivileges(folder, mode)
    const told = asAgent(`D=${folder}\n${prepare}`, file)
    expect(told.split('\n')).toEqual([expect.stringMatching(new RegExp(`^40 the provisioning key stays in ${file}: ${errno}; `)), ''])
    expect(readFileSync(file, 'utf8')).toBe(configWith(KEY))
    expect(readdirSync(folder)).toEqual(['ca.json'])
  })
})
