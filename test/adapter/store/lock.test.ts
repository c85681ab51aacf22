import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readlinkSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openStore } from '../../../agent/store/store.ts'
import { createKeptLog } from '../../fakes/log.ts'
import { identity, StateFolder } from './state-folder.ts'

const storeProcess = (directory: string, action: string): readonly string[] => [
  '--import',
  'tsx',
  join(import.meta.dirname, 'store-process.ts'),
  directory,
  action,
]

const open = (directory: string) => openStore({ directory, identity, log: createKeptLog().log })

/** Another process that has the store open. */
async function holder(directory: string): Promise<ChildProcessWithoutNullStreams> {
  const child = spawn(process.execPath, storeProcess(directory, 'hold'))
  onTestFinished(() => void child.kill('SIGKILL'))
  const [said] = await once(child.stdout, 'data')
  expect(String(said)).toBe('open\n')
  return child
}

describe('a second agent on the same state directory', () => {
  test('is refused while the first one lives, and let in when it has closed', async () => {
    const folder = new StateFolder()
    const first = await open(folder.path)
    await expect(open(folder.path)).rejects.toMatchObject({ code: 'ERR_STATE_LOCKED' })
    await first.close()
    await (await open(folder.path)).close()
  })

  test('is refused by whatever path it comes', async () => {
    const folder = new StateFolder()
    const first = await open(folder.path)
    symlinkSync(folder.path, join(folder.root, 'link'))
    await expect(open(join(folder.root, 'link'))).rejects.toMatchObject({ code: 'ERR_STATE_LOCKED' })
    await first.close()
  })

  test('is refused in another process, until the first is killed', async () => {
    const folder = new StateFolder()
    const child = await holder(folder.path)
    await expect(open(folder.path)).rejects.toMatchObject({ code: 'ERR_STATE_LOCKED' })
    child.kill('SIGKILL')
    await once(child, 'exit')
    await (await open(folder.path)).close()
  })

  test('is refused from another network and mount namespace too', async () => {
    const folder = new StateFolder()
    const first = await open(folder.path)
    const probe = (): string => {
      try {
        return execFileSync('unshare', ['--net', '--mount', process.execPath, ...storeProcess(folder.path, 'probe')], { encoding: 'utf8' })
      } catch (error) {
        return error instanceof Error && 'stdout' in error ? String(error.stdout) : String(error)
      }
    }
    expect(probe()).toBe('ERR_STATE_LOCKED\n')
    await first.close()
    expect(probe()).toBe('open\n')
  })

  test('is let in though a program that the first one started is still running', async () => {
    const folder = new StateFolder()
    const first = await open(folder.path)
    const outliving = spawn('sleep', ['60'], { stdio: 'ignore' })
    onTestFinished(() => void outliving.kill('SIGKILL'))
    const held = readdirSync(`/proc/${outliving.pid}/fd`).map((fd) => readlinkSync(`/proc/${outliving.pid}/fd/${fd}`))
    expect(held).not.toContain(folder.path)
    await first.close()
    await (await open(folder.path)).close()
  })

  test('leaves no descriptor behind when it is refused', async () => {
    const folder = new StateFolder()
    const first = await open(folder.path)
    for (let round = 0; round < 3; round++) await expect(open(folder.path)).rejects.toMatchObject({ code: 'ERR_STATE_LOCKED' })
    const held = readdirSync('/proc/self/fd').filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`) === folder.path
      } catch {
        return false
      }
    })
    expect(held).toHaveLength(1)
    await first.close()
  })
})

test('without the flock program the store does not open, and says what is missing', async () => {
  const folder = new StateFolder()
  const before = process.env.PATH
  process.env.PATH = folder.root
  try {
    await expect(open(folder.path)).rejects.toMatchObject({ code: 'ERR_STORE_IO', message: expect.stringContaining('flock') })
  } finally {
    process.env.PATH = before
  }
})
