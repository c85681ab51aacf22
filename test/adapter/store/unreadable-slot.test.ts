/** A disk with bad blocks under one slot: the other one is used, and the bad one is neither moved nor replaced. */
import { describe, expect, test } from 'vitest'
import { type OpenStore, openStore } from '../../../agent/store/store.ts'
import { createKeptLog } from '../../fakes/log.ts'
import { FaultyFiles } from './faulty-files.ts'
import { identity, issued, numberOf, StateFolder } from './state-folder.ts'

type Slot = 'pending.json' | 'current.json'

/** A store with these credentials in its slots, reopened on a disk that does not give one of them. */
async function worldWithout(unreadable: Slot, slots: { readonly pending: number | null; readonly current: number | null }) {
  const folder = new StateFolder()
  const files = new FaultyFiles()
  const kept = createKeptLog()
  const open = (): Promise<OpenStore> => openStore({ directory: folder.path, identity, log: kept.log, files })
  const before = await open()
  if (slots.current !== null) {
    await before.storePending(issued(slots.current))
    await before.promote(issued(slots.current))
  }
  if (slots.pending !== null) await before.storePending(issued(slots.pending))
  await before.close()
  files.unreadable.add(unreadable)
  return { folder, files, kept, store: await open(), text: folder.names().includes(unreadable) ? folder.read(unreadable) : null }
}

const IO_ERROR = { code: 'ERR_STORE_IO', message: expect.stringContaining('EIO') }

describe('a slot that cannot be read', () => {
  test.each<[Slot, { readonly pending: number | null; readonly current: number | null }]>([
    ['pending.json', { pending: null, current: 1 }],
    ['current.json', { pending: 2, current: null }],
  ])('does not keep the device from the other one, and is told: %s', async (unreadable, found) => {
    const { store, kept, folder, text } = await worldWithout(unreadable, { pending: 2, current: 1 })
    const { pending, current, isPartial } = await store.load()
    expect({ pending: numberOf(pending), current: numberOf(current), isPartial }).toEqual({ ...found, isPartial: true })
    expect(kept.lines).toMatchObject([
      { level: 50, code: 'ERR_STORE_IO', file: unreadable, errno: 'EIO', remedy: expect.stringContaining('check the disk') },
    ])
    expect(folder.names()).toEqual(['current.json', 'pending.json'])
    expect(folder.read(unreadable)).toBe(text)
    await store.close()
  })

  test.each<[Slot, { readonly pending: number | null; readonly current: number | null }]>([
    ['pending.json', { pending: 2, current: null }],
    ['current.json', { pending: null, current: 1 }],
  ])('is waited for where the other one is empty: %s', async (unreadable, slots) => {
    const { store, files } = await worldWithout(unreadable, slots)
    await expect(store.load()).rejects.toMatchObject(IO_ERROR)
    files.unreadable.clear()
    const { pending, current, isPartial } = await store.load()
    expect({ pending: numberOf(pending), current: numberOf(current), isPartial }).toEqual({ ...slots, isPartial: false })
    await store.close()
  })

  test.each<Slot>(['pending.json', 'current.json'])(
    'lets nothing be asked for or written that would replace a slot: %s',
    async (unreadable) => {
      const { store, folder, text } = await worldWithout(unreadable, { pending: 2, current: 1 })
      const before = folder.names().map((name) => [name, folder.read(name)])
      await expect(store.nonce('kept')).rejects.toMatchObject(IO_ERROR)
      await expect(store.storePending(issued(3))).rejects.toMatchObject(IO_ERROR)
      expect(folder.names().map((name) => [name, folder.read(name)])).toEqual(before)
      expect(folder.read(unreadable)).toBe(text)
      await store.close()
    },
  )

  test('is not replaced by a promotion: the proved credential stays in the pending slot, and is found there again', async () => {
    const { store, folder, files, kept, text } = await worldWithout('current.json', { pending: 2, current: 1 })
    await store.promote(issued(2))
    expect(folder.read('current.json')).toBe(text)
    expect(numberOf((await store.load()).pending)).toBe(2)
    await expect(store.promote(issued(3))).rejects.toMatchObject(IO_ERROR)
    await store.close()
    files.unreadable.clear()
    const healed = await openStore({ directory: folder.path, identity, log: kept.log })
    await healed.promote(issued(2))
    const { pending, current } = await healed.load()
    expect([pending, numberOf(current)]).toEqual([null, 2])
    await healed.close()
  })

  test('may be replaced by a newer credential beside it while the pending slot is empty, since nothing is lost by that', async () => {
    const { store, folder, text } = await worldWithout('current.json', { pending: null, current: 1 })
    await store.nonce('kept')
    await store.storePending(issued(2))
    await store.promote(issued(2))
    expect(numberOf((await store.load()).pending)).toBe(2)
    expect(folder.read('current.json')).toBe(text)
    await store.close()
  })

  test('is left alone also where it was set aside', async () => {
    const { store, files, folder } = await worldWithout('pending.json', { pending: null, current: 1 })
    folder.write('pending.json.set-aside-1', 'whatever it was')
    files.unreadable.add('pending.json.set-aside-1')
    const { current, isPartial } = await store.load()
    expect([numberOf(current), isPartial]).toEqual([1, true])
    expect(folder.names()).toEqual(['current.json', 'pending.json.set-aside-1'])
    await store.close()
  })
})
