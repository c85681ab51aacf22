import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { volatileBecause } from '../../../agent/store/durability.ts'
import { openStore } from '../../../agent/store/store.ts'
import { createKeptLog } from '../../fakes/log.ts'
import { identity, issued, numberOf, StateFolder } from './state-folder.ts'

const TMPFS = 0x01021994

function folderInMemory(): string {
  expect(statfsSync('/dev/shm').type).toBe(TMPFS)
  const path = mkdtempSync('/dev/shm/zipkey-store-')
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

describe('a state directory in memory', () => {
  test('is told plainly, and takes no swap', async () => {
    const directory = folderInMemory()
    const kept = createKeptLog()
    const store = await openStore({ directory, identity, log: kept.log })
    expect(kept.lines).toMatchObject([{ level: 40, directory, reason: 'it is on a tmpfs' }])
    await expect(store.nonce('kept')).rejects.toMatchObject({ code: 'ERR_STORE_NOT_DURABLE' })
    await expect(store.nonce('fresh')).rejects.toMatchObject({ code: 'ERR_STORE_NOT_DURABLE' })
    await expect(store.storePending(issued(1))).rejects.toMatchObject({ code: 'ERR_STORE_NOT_DURABLE' })
    expect(await store.load()).toEqual({ pending: null, current: null, isPartial: false })
    await store.raiseTimeFloor(5)
    expect(await store.timeFloor()).toBe(5)
    await store.close()
  })

  test('takes a swap where a test allows it', async () => {
    const store = await openStore({ directory: folderInMemory(), identity, log: createKeptLog().log, allowVolatile: true })
    await store.storePending(issued(1))
    expect(numberOf((await store.load()).pending)).toBe(1)
    await store.close()
  })
})

/** Mounts in a mount namespace of its own, and says what the store thinks of a directory there. */
function verdictAfter(mounts: string, directory: string): string {
  const folder = new StateFolder()
  const program = [process.execPath, '--import', 'tsx', join(import.meta.dirname, 'durability-process.ts'), directory]
  const script = `set -e\nF=${folder.root}\nmkdir $F/lower $F/upper $F/work $F/merged $F/memory\n${mounts}\nexec ${program.join(' ')}`
  return execFileSync('unshare', ['--mount', 'sh', '-c', script], { encoding: 'utf8' }).trim()
}

describe('a directory', () => {
  test('on a disk survives', async () => {
    expect(await volatileBecause(new StateFolder().root)).toBeNull()
  })

  const overlay = (upper: string): string =>
    `mount -t overlay overlay -o lowerdir=$F/lower,upperdir=${upper}/upper,workdir=${upper}/work $F/merged`
  const memory = 'mount -t tmpfs tmpfs $F/memory && mkdir $F/memory/upper $F/memory/work'

  test.each([
    ['on a tmpfs', memory, '$F/memory', 'it is on a tmpfs'],
    ['on a ramfs', 'mount -t ramfs ramfs $F/memory', '$F/memory', 'it is on a ramfs'],
    [
      'on an overlay over a tmpfs',
      `${memory} && ${overlay('$F/memory')}`,
      '$F/merged',
      'it is on an overlay, and of its upper layer: it is on a tmpfs',
    ],
    ['on an overlay over a disk', overlay('$F'), '$F/merged', 'null'],
    ['on an overlay mounted volatile', overlay('$F').replace('-o ', '-o volatile,'), '$F/merged', 'it is on an overlay mounted volatile'],
    [
      'on an overlay without an upper layer',
      'mkdir $F/lower/a && mount -t overlay overlay -o lowerdir=$F/lower:$F/upper $F/merged',
      '$F/merged/a',
      'it is on an overlay without a writable layer',
    ],
    [
      'on an overlay whose upper layer is hidden',
      `${memory} && ${overlay('$F/memory')} && umount -l $F/memory`,
      '$F/merged',
      'it is on an overlay, and of its upper layer: it is not in sight',
    ],
  ])('%s', (_, mounts, directory, verdict) => {
    expect(verdictAfter(mounts, directory)).toBe(verdict)
  })
})
