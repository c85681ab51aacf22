import { statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type OpenStore, openStore } from '../../../agent/store/store.ts'
import { createKeptLog } from '../../fakes/log.ts'
import { credentialStoreSuite } from './credential-store-suite.ts'
import { identity, issued, StateFolder } from './state-folder.ts'

credentialStoreSuite('the store on disk', () => {
  const folder = new StateFolder()
  let last: OpenStore | null = null
  return {
    reboot: async () => {
      await last?.close()
      last = await openStore({ directory: folder.path, identity, log: createKeptLog().log })
      return last
    },
  }
})

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8)

describe('the state directory', () => {
  test('is made with its parents, and nobody else may look into it or its files', async () => {
    const folder = new StateFolder()
    const directory = join(folder.root, 'a', 'b')
    const store = await openStore({ directory, identity, log: createKeptLog().log })
    await store.storePending(issued(1))
    await store.nonce('kept')
    await store.key('kept')
    await store.raiseTimeFloor(1)
    await store.promote(issued(1))
    expect(modeOf(join(folder.root, 'a'))).toBe('700')
    expect(modeOf(directory)).toBe('700')
    for (const name of ['current.json', 'nonce', 'key', 'time-floor']) expect([name, modeOf(join(directory, name))]).toEqual([name, '600'])
    await store.close()
  })

  test('loses the temporary files of writes that were cut off, and nothing else', async () => {
    const folder = new StateFolder()
    await (await openStore({ directory: folder.path, identity, log: createKeptLog().log })).close()
    for (const name of [
      '.pending.json.tmp',
      '.current.json.tmp',
      '.nonce.tmp',
      '.key.tmp',
      '.time-floor.tmp',
      '.other.tmp',
      'pending.json.tmp',
    ]) {
      folder.write(name, 'half a fi')
    }
    const store = await openStore({ directory: folder.path, identity, log: createKeptLog().log })
    expect(folder.names()).toEqual(['.other.tmp', 'pending.json.tmp'])
    await store.close()
  })

  test('is not touched any more once the store is closed', async () => {
    const folder = new StateFolder()
    const store = await openStore({ directory: folder.path, identity, log: createKeptLog().log })
    await store.close()
    await expect(store.storePending(issued(1))).rejects.toMatchObject({ code: 'ERR_STORE_IO' })
    await expect(store.close()).rejects.toMatchObject({ code: 'ERR_STORE_IO' })
    expect(folder.names()).toEqual([])
  })

  test('sees calls one after another, in the order they were made', async () => {
    const folder = new StateFolder()
    const store = await openStore({ directory: folder.path, identity, log: createKeptLog().log })
    const nonces = Promise.all([store.nonce('fresh'), store.nonce('kept'), store.nonce('fresh'), store.nonce('kept')])
    await Promise.all([store.storePending(issued(1)), store.promote(issued(1)), store.storePending(issued(2)), store.promote(issued(2))])
    const [a, b, c, d] = await nonces
    expect([a === b, c === d, a === c]).toEqual([true, true, false])
    expect((await store.load()).current?.id).toEqual(issued(2).id)
    await store.close()
  })

  test('never has a secret told to the log', async () => {
    const folder = new StateFolder()
    const kept = createKeptLog()
    const store = await openStore({ directory: folder.path, identity, log: kept.log })
    await store.storePending(issued(1))
    const text = folder.read('pending.json')
    await store.close()
    folder.write('pending.json', text.replace('dev-1', 'dev-2'))
    const again = await openStore({ directory: folder.path, identity, log: kept.log })
    await again.load()
    await again.close()
    expect(kept.lines).toHaveLength(1)
    expect(kept.text()).not.toMatch(/zks_/i)
  })
})
