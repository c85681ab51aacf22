import { mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { KnownHotspots } from '../../../agent/ports.ts'
import { KNOWN_HOTSPOTS_FILE, openKnownHotspots } from '../../../agent/store/known-hotspots.ts'
import { FakeHints } from '../../fakes/hints.ts'
import { createKeptLog } from '../../fakes/log.ts'
import { StateFolder } from './state-folder.ts'

/** A state directory that is there. */
function openFolder(): StateFolder {
  const folder = new StateFolder()
  mkdirSync(folder.path)
  return folder
}

const open = (directory: string): KnownHotspots => openKnownHotspots(directory, createKeptLog().log)

describe.each<[string, () => KnownHotspots]>([
  ['the hint file', () => open(openFolder().path)],
  ['its fake', () => new FakeHints()],
])('%s', (_, create) => {
  test('begins with nothing, and keeps what it was last told', async () => {
    const hints = create()
    expect(await hints.load()).toEqual([])
    await hints.keep(['a'])
    await hints.keep(['b', 'a'])
    expect(await hints.load()).toEqual(['b', 'a'])
  })
})

describe('the hint file', () => {
  test('is read again by the next agent, and nobody else may look into it', async () => {
    const { path } = openFolder()
    await open(path).keep(['a'])
    expect(await open(path).load()).toEqual(['a'])
    expect((statSync(join(path, KNOWN_HOTSPOTS_FILE)).mode & 0o777).toString(8)).toBe('600')
  })

  test.each([
    ['torn', '{"format":1,"known":["a"'],
    ['no object', '7'],
    ['without a list', '{"format":1}'],
    ['far too large', `{"known":["${'a'.repeat(20_000)}"]}`],
    ['empty', ''],
  ])('is no hint when it is %s, and the next one replaces it', async (_, text) => {
    const folder = openFolder()
    folder.write(KNOWN_HOTSPOTS_FILE, text)
    const hints = open(folder.path)
    expect(await hints.load()).toEqual([])
    await hints.keep(['a'])
    expect(await hints.load()).toEqual(['a'])
  })

  test('that cannot be read or written is no failure', async () => {
    const { root } = new StateFolder()
    const hints = open(join(root, 'missing'))
    await hints.keep(['a'])
    expect(await hints.load()).toEqual([])
    mkdirSync(join(root, 'state', KNOWN_HOTSPOTS_FILE), { recursive: true })
    const blocked = open(join(root, 'state'))
    await blocked.keep(['a'])
    expect(await blocked.load()).toEqual([])
  })
})
