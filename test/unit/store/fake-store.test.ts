import { expect, test } from 'vitest'
import { credentialStoreSuite } from '../../adapter/store/credential-store-suite.ts'
import { issued } from '../../adapter/store/state-folder.ts'
import { FakeDisk, FakeStore } from '../../fakes/store.ts'

credentialStoreSuite('the store in memory', () => {
  const disk = new FakeDisk()
  return { reboot: async () => new FakeStore(disk) }
})

test('a failure that was asked for happens once and changes nothing', async () => {
  const disk = new FakeDisk()
  const store = new FakeStore(disk)
  disk.failNext('storePending')
  await expect(store.storePending(issued(1))).rejects.toMatchObject({ code: 'ERR_STORE_IO' })
  expect(disk.pending).toBeNull()
  await store.storePending(issued(1))
  expect(disk.pending).toEqual(issued(1))
})
