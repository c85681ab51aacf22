import { expect, test } from 'vitest'
import { type OpenStore, openStore } from '../../../agent/store/store.ts'
import { createKeptLog } from '../../fakes/log.ts'
import { type DiskAfterCut, JournaledFiles, ProcessKilled } from './journaled-files.ts'
import { identity, issued, numberOf, StateFolder } from './state-folder.ts'

const open = (folder: StateFolder, files?: JournaledFiles): Promise<OpenStore> =>
  openStore({ directory: folder.path, identity, log: createKeptLog().log, ...(files === undefined ? {} : { files }) })

/** What a real store finds on a disk after a cut. */
async function foundOn(disk: DiskAfterCut) {
  const folder = new StateFolder()
  await (await open(folder)).close()
  for (const [name, bytes] of disk.files) folder.write(name, bytes.toString('latin1'))
  const store = await open(folder)
  const { pending, current } = await store.load()
  const [floorMs, kept] = [await store.timeFloor(), await store.nonce('kept')]
  const setAside = folder.names().filter((name) => name.includes('set-aside'))
  const leftOver = folder.names().filter((name) => name.endsWith('.tmp'))
  await store.close()
  folder.remove()
  return { pending: numberOf(pending), current: numberOf(current), floorMs, kept, setAside, leftOver }
}

/** The one promise of its kind that was made last. */
const lastOf = (disk: DiskAfterCut, kind: string): string | null =>
  disk.promised.findLast((what) => what.startsWith(`${kind} `))?.slice(kind.length + 1) ?? null

const numbersOf = (disk: DiskAfterCut, kind: string): readonly number[] =>
  disk.promised.filter((what) => what.startsWith(`${kind} `)).map((what) => Number(what.slice(kind.length + 1)))

async function expectPromisesKept(disk: DiskAfterCut): Promise<void> {
  const found = await foundOn(disk)
  const where = { ...found, promised: disk.promised, cutAfter: disk.cutAfter }
  // Not one torn file ever has its real name, and temporary ones are gone.
  expect({ ...where, setAside: found.setAside, leftOver: found.leftOver }).toMatchObject({ setAside: [], leftOver: [] })
  const stored = numbersOf(disk, 'stored').at(-1)
  if (stored !== undefined) expect([found.pending, found.current], JSON.stringify(where)).toContain(stored)
  const promoted = numbersOf(disk, 'promoted').at(-1)
  // What was promoted stays current until a later one is.
  if (promoted !== undefined) expect(found.current ?? 0, JSON.stringify(where)).toBeGreaterThanOrEqual(promoted)
  const nonce = lastOf(disk, 'nonce')
  const nextNonce = lastOf(disk, 'drawing')
  if (nonce !== null && nextNonce === nonce) expect(found.kept, JSON.stringify(where)).toBe(nonce)
  expect(found.floorMs, JSON.stringify(where)).toBeGreaterThanOrEqual(numbersOf(disk, 'floor').at(-1) ?? 0)
}

test('after a cut at any moment of two swaps, what was promised is there and nothing is torn', { timeout: 120_000 }, async () => {
  const folder = new StateFolder()
  const files = new JournaledFiles()
  const store = await open(folder, files)
  for (const number of [1, 2]) {
    files.promise('drawing ?')
    const nonce = await store.nonce('fresh')
    files.promise(`drawing ${nonce}`)
    files.promise(`nonce ${nonce}`)
    await store.storePending(issued(number))
    files.promise(`stored ${number}`)
    await store.promote(issued(number))
    files.promise(`promoted ${number}`)
    await store.raiseTimeFloor(number * 1000)
    files.promise(`floor ${number * 1000}`)
  }
  await store.close()
  const disks = files.statesAfterCuts()
  expect(disks.length).toBeGreaterThan(100)
  for (const disk of disks) await expectPromisesKept(disk)
})

test('a pending credential found after a kill is shown to nobody before it is durable', { timeout: 60_000 }, async () => {
  const folder = new StateFolder()
  const files = new JournaledFiles()
  const store = await open(folder, files)
  files.killAfterRenameTo('pending.json')
  await expect(store.storePending(issued(1))).rejects.toBeInstanceOf(ProcessKilled)
  await store.close()
  // The machine runs on, so the file can be read; its name has not reached the disk.
  const restarted = await open(folder, files)
  expect(numberOf((await restarted.load()).pending)).toBe(1)
  // From here on the lifecycle may show it to the cloud, which then refuses all others.
  files.promise('stored 1')
  await restarted.close()
  const disks = files.statesAfterCuts()
  expect(disks.filter(({ promised }) => promised.length > 0)).not.toHaveLength(0)
  for (const disk of disks) await expectPromisesKept(disk)
})

test('a nonce found after a kill is sent to nobody before it is durable', { timeout: 60_000 }, async () => {
  const folder = new StateFolder()
  const files = new JournaledFiles()
  const store = await open(folder, files)
  files.killAfterRenameTo('nonce')
  await expect(store.nonce('fresh')).rejects.toBeInstanceOf(ProcessKilled)
  await store.close()
  const restarted = await open(folder, files)
  const nonce = await restarted.nonce('kept')
  files.promise(`drawing ${nonce}`)
  files.promise(`nonce ${nonce}`)
  await restarted.close()
  for (const disk of files.statesAfterCuts()) await expectPromisesKept(disk)
})
