import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openStore } from '../../../agent/store/store.ts'
import { createKeptLog } from '../../fakes/log.ts'
import { identity, issued, StateFolder } from './state-folder.ts'

/** Runs the store's process in a mount namespace in which the state directory's parent is read-only. */
function onReadOnlyDisk(folder: StateFolder, action: string): string {
  const program = [process.execPath, '--import', 'tsx', join(import.meta.dirname, 'store-process.ts'), folder.path, action]
  const script = `set -e\nmount --bind ${folder.root} ${folder.root}\nmount -o remount,bind,ro ${folder.root}\nexec ${program.join(' ')}`
  try {
    return execFileSync('unshare', ['--mount', 'sh', '-c', script], { encoding: 'utf8' })
  } catch (error) {
    return error instanceof Error && 'stdout' in error ? String(error.stdout) : String(error)
  }
}

test('a state directory on a disk that has become read-only is read, and takes nothing new', async () => {
  const folder = new StateFolder()
  const store = await openStore({ directory: folder.path, identity, log: createKeptLog().log })
  await store.storePending(issued(7))
  await store.promote(issued(7))
  await store.close()
  expect(onReadOnlyDisk(folder, 'load')).toBe('current s.mk1-7-aaaaaaaaaaaaaaaa-bbbbbbbbbbbbb\n')
  expect(onReadOnlyDisk(folder, 'swap')).toBe('ERR_STORE_IO\n')
})

test('a state directory that is missing from a read-only disk is an error of the disk', () => {
  const folder = new StateFolder()
  expect(onReadOnlyDisk(folder, 'load')).toBe('ERR_STORE_IO\n')
})
