import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Files } from '../../../agent/store/files.ts'
import { encodeKey, encodeNonce, encodeSlot, encodeTimeFloor } from '../../../agent/store/records.ts'
import { resetState } from '../../../agent/store/reset.ts'
import { openStore } from '../../../agent/store/store.ts'
import { createKeptLog } from '../../fakes/log.ts'
import { FaultyFiles } from './faulty-files.ts'
import { certificate, identity, issued, numberOf, StateFolder } from './state-folder.ts'

const good = encodeSlot(identity, issued(1))
const foreign = encodeSlot({ ...identity, device: 'dev-2' }, issued(2))
const torn = good.replace(/(zks_.)./, (_, start: string) => `${start}B`)
const newer = good.replace('"format":1', '"format":2')
const key = encodeKey(identity, certificate(1).privateKeyPem)
const nonce = encodeNonce(identity, Buffer.alloc(32, 1).toString('base64url'))

const reset = (folder: StateFolder, files?: Files) =>
  resetState({ directory: folder.path, identity, log: createKeptLog().log, ...(files === undefined ? {} : { files }) })

function folderWith(files: Readonly<Record<string, string>>): StateFolder {
  const folder = new StateFolder()
  mkdirSync(folder.path, { mode: 0o700 })
  for (const [name, text] of Object.entries(files)) folder.write(name, text)
  return folder
}

describe('reset', () => {
  test.each<[string, Readonly<Record<string, string>>, readonly string[]]>([
    ['the nonce', { nonce, 'current.json': good }, ['nonce']],
    ['the nonce without any credential', { nonce }, ['nonce']],
    ['no key, which may be the last copy of one that is accepted', { key, 'pending.json.set-aside-1': torn }, []],
    ['no key beside a good certificate either', { key, 'current.json': encodeSlot(identity, certificate(1)), nonce }, ['nonce']],
    ['what was cut off', { '.pending.json.tmp': good, '.nonce.tmp': '', '.key.tmp': '' }, ['.key.tmp', '.nonce.tmp', '.pending.json.tmp']],
    [
      'which hotspots it knew',
      { 'known-hotspots.json': '', 'known-hotspots.json.tmp': '' },
      ['known-hotspots.json', 'known-hotspots.json.tmp'],
    ],
    [
      'a nonce and a floor that were set aside',
      { 'nonce.set-aside-1': '', 'time-floor.set-aside-2': good },
      ['nonce.set-aside-1', 'time-floor.set-aside-2'],
    ],
    [
      'a torn slot behind a good current one',
      { 'current.json': good, 'pending.json.set-aside-1': torn, 'current.json.set-aside-7': '' },
      ['current.json.set-aside-7', 'pending.json.set-aside-1'],
    ],
    ['no current slot', { 'current.json': good }, []],
    ['no pending slot', { 'pending.json': good }, []],
    ['neither of both', { 'pending.json': encodeSlot(identity, issued(3)), 'current.json': good }, []],
    ['no slot that is bad itself', { 'current.json': torn, 'pending.json': foreign }, []],
    ['no time floor', { 'current.json': good, 'time-floor': encodeTimeFloor(identity, 5) }, []],
    [
      'nothing foreign, nor of a newer agent',
      { 'current.json': good, 'current.json.set-aside-1': foreign, 'current.json.set-aside-2': newer },
      [],
    ],
    ['no torn slot without a good current one', { 'pending.json': good, 'current.json.set-aside-1': torn }, []],
    ['no torn slot beside a current one that is another device’s', { 'current.json': foreign, 'pending.json.set-aside-1': torn }, []],
    ['nothing that it does not know', { 'current.json': good, 'notes.txt': 'x', 'nonce.bak': nonce, 'pending.json.set-aside-x': torn }, []],
  ])('forgets %s', async (_, files, forgotten) => {
    const folder = folderWith(files)
    const kept = Object.keys(files)
      .filter((name) => !forgotten.includes(name))
      .sort()
    expect(await reset(folder)).toEqual({ forgotten, kept })
    expect(folder.names()).toEqual(kept)
    for (const name of kept) expect(folder.read(name)).toBe(files[name])
  })

  test('leaves alone what is no file', async () => {
    const folder = folderWith({ 'current.json': good })
    mkdirSync(join(folder.path, 'current.json.set-aside-1'))
    expect((await reset(folder)).forgotten).toEqual([])
  })

  test('is refused while a store is open', async () => {
    const folder = folderWith({ nonce })
    const store = await openStore({ directory: folder.path, identity, log: createKeptLog().log })
    await expect(reset(folder)).rejects.toMatchObject({ code: 'ERR_STATE_LOCKED' })
    expect(folder.names()).toEqual(['nonce'])
    await store.close()
    expect((await reset(folder)).forgotten).toEqual(['nonce'])
  })

  test('makes no directory', async () => {
    const folder = new StateFolder()
    expect(await reset(folder)).toEqual({ forgotten: [], kept: [] })
    expect(() => folder.names()).toThrow('ENOENT')
  })

  test.each(['error-before', 'error-after', 'killed-before', 'killed-after'] as const)(
    'never loses a credential, whatever operation it ends at: %s',
    async (kind) => {
      const files = {
        'current.json': good,
        'pending.json': encodeSlot(identity, issued(3)),
        nonce,
        'current.json.set-aside-1': torn,
        'current.json.set-aside-2': foreign,
      }
      const counting = new FaultyFiles()
      counting.arm(0, { kind: 'short' })
      await reset(folderWith(files), counting)
      const operations = counting.names.length
      expect(operations).toBeGreaterThan(10)
      for (let at = 1; at <= operations; at++) {
        const folder = folderWith(files)
        const faulty = new FaultyFiles()
        faulty.arm(at, kind.startsWith('error') ? { kind: kind as 'error-before', errno: 'EIO' } : { kind: kind as 'killed-before' })
        await reset(folder, faulty).catch(() => undefined)
        await faulty.closeAll()
        for (const name of ['current.json', 'pending.json', 'current.json.set-aside-2'] as const)
          expect(folder.read(name)).toBe(files[name])
      }
    },
  )
})

describe('a slot that was set aside', () => {
  const load = async (folder: StateFolder, name = identity) => {
    const kept = createKeptLog()
    const store = await openStore({ directory: folder.path, identity: name, log: kept.log })
    const { pending, current } = await store.load()
    await store.close()
    return { numbers: [numberOf(pending), numberOf(current)], kept }
  }

  test('because the config named another device comes back when it names the right one, and so to and fro', async () => {
    const other = { ...identity, device: 'dev-2' }
    const folder = folderWith({ 'pending.json': encodeSlot(identity, issued(3)), 'current.json': good })
    expect((await load(folder, other)).numbers).toEqual([null, null])
    folder.write('current.json', foreign)
    const { numbers, kept } = await load(folder)
    expect(numbers).toEqual([3, 1])
    expect(folder.names()).toEqual(['current.json', 'current.json.set-aside-2', 'pending.json'])
    expect(kept.lines.filter(({ msg }) => msg.includes('moved back'))).toHaveLength(2)
    expect((await load(folder, other)).numbers).toEqual([null, 2])
    expect((await load(folder)).numbers).toEqual([3, 1])
  })

  test.each<[string, Readonly<Record<string, string>>, readonly (number | null)[]]>([
    [
      'stays there where the slot is good',
      { 'current.json': good, 'current.json.set-aside-1': encodeSlot(identity, issued(9)) },
      [null, 1],
    ],
    ['stays there while it is bad', { 'current.json.set-aside-1': torn, 'pending.json.set-aside-2': foreign }, [null, null]],
    [
      'comes back if it is the last good one',
      {
        'current.json.set-aside-1': good,
        'current.json.set-aside-10': encodeSlot(identity, issued(10)),
        'current.json.set-aside-11': torn,
        'current.json.set-aside-9': encodeSlot(identity, issued(9)),
      },
      [null, 10],
    ],
    ['does not come back into another slot', { 'nonce.set-aside-1': good }, [null, null]],
  ])('%s', async (_, files, expected) => {
    const folder = folderWith(files)
    expect((await load(folder)).numbers).toEqual(expected)
    expect(folder.names()).toHaveLength(Object.keys(files).length)
  })

  test('counts from where it is on a disk that takes no change, and a kill in between loses nothing', async () => {
    const files = { 'current.json.set-aside-1': good }
    const counting = new FaultyFiles()
    const store = await openStore({ directory: folderWith(files).path, identity, log: createKeptLog().log, files: counting })
    await store.load()
    await store.close()
    for (const kind of ['error-before', 'killed-before', 'killed-after'] as const) {
      for (let at = 1; at <= counting.names.length; at++) {
        const folder = folderWith(files)
        const faulty = new FaultyFiles()
        faulty.arm(at, kind === 'error-before' ? { kind, errno: 'EROFS' } : { kind })
        const opened = await openStore({ directory: folder.path, identity, log: createKeptLog().log, files: faulty }).catch(() => null)
        const found = await opened?.load().catch(() => null)
        await opened?.close().catch(() => undefined)
        await faulty.closeAll()
        if (kind === 'error-before' && counting.names[at - 1] === 'rename') expect(numberOf(found?.current ?? null)).toBe(1)
        expect((await load(folder)).numbers).toEqual([null, 1])
      }
    }
  })
})
