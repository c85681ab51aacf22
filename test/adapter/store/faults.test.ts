import { describe, expect, test } from 'vitest'
import { AgentError } from '../../../agent/failure.ts'
import { type OpenStore, openStore } from '../../../agent/store/store.ts'
import { createKeptLog } from '../../fakes/log.ts'
import { type Fault, FaultyFiles, Killed } from './faulty-files.ts'
import { certificate, identity, issued, numberOf, StateFolder } from './state-folder.ts'

/** Everything that the state directory says. */
type Picture = {
  readonly pending: number | null
  readonly current: number | null
  readonly nonce: string | null
  readonly key: string | null
  readonly floorMs: number
}

/** A change of the state: what it starts from, what it does, and what must have come of it. */
type Change = {
  readonly name: string
  prepare(store: OpenStore): Promise<unknown>
  change(store: OpenStore): Promise<unknown>
  readonly after: Partial<Picture>
  /** What is drawn anew, so that nobody can know it before. */
  readonly draws?: 'nonce' | 'key'
}

const nothing = async (): Promise<void> => {}

const CHANGES: readonly Change[] = [
  { name: 'opening and loading', prepare: (s) => s.storePending(issued(1)), change: (s) => s.load(), after: { pending: 1 } },
  { name: 'storing the first pending credential', prepare: nothing, change: (s) => s.storePending(issued(1)), after: { pending: 1 } },
  {
    name: 'storing a pending credential over a superseded one, beside a current one',
    prepare: async (s) => {
      await s.storePending(issued(1))
      await s.promote(issued(1))
      await s.storePending(issued(2))
    },
    change: (s) => s.storePending(issued(3)),
    after: { pending: 3, current: 1 },
  },
  {
    name: 'promoting',
    prepare: async (s) => {
      await s.storePending(issued(1))
      await s.promote(issued(1))
      await s.storePending(issued(2))
    },
    change: (s) => s.promote(issued(2)),
    after: { pending: null, current: 2 },
  },
  {
    name: 'storing a certificate beside a current secret',
    prepare: async (s) => {
      await s.storePending(issued(1))
      await s.promote(issued(1))
    },
    change: (s) => s.storePending(certificate(2)),
    after: { pending: 2, current: 1 },
  },
  {
    name: 'promoting a certificate over another',
    prepare: async (s) => {
      await s.storePending(certificate(1))
      await s.promote(certificate(1))
      await s.storePending(certificate(2))
    },
    change: (s) => s.promote(certificate(2)),
    after: { pending: null, current: 2 },
  },
  { name: 'making a key', prepare: (s) => s.key('kept'), change: (s) => s.key('fresh'), after: {}, draws: 'key' },
  { name: 'drawing a nonce', prepare: (s) => s.nonce('kept'), change: (s) => s.nonce('fresh'), after: {}, draws: 'nonce' },
  { name: 'raising the floor', prepare: (s) => s.raiseTimeFloor(5), change: (s) => s.raiseTimeFloor(9), after: { floorMs: 9 } },
]

const open = (folder: StateFolder, files?: FaultyFiles): Promise<OpenStore> =>
  openStore({ directory: folder.path, identity, log: createKeptLog().log, lock: async () => {}, ...(files === undefined ? {} : { files }) })

async function pictureOf(folder: StateFolder): Promise<Picture> {
  const names = folder.names()
  const store = await open(folder)
  const { pending, current } = await store.load()
  const nonce = names.includes('nonce') ? await store.nonce('kept') : null
  const key = names.includes('key') ? (await store.key('kept')).reveal() : null
  const picture = { pending: numberOf(pending), current: numberOf(current), nonce, key, floorMs: await store.timeFloor() }
  await store.close()
  expect(folder.names().filter((name) => name.includes('set-aside') || name.endsWith('.tmp'))).toEqual([])
  return picture
}

/** A folder in the state from which a change starts, and how many operations opening and changing take. */
async function prepared({ prepare, change }: Change) {
  const folder = new StateFolder()
  const first = await open(folder)
  await prepare(first)
  await first.close()
  return { folder, before: await pictureOf(folder), change }
}

async function operationsOf(each: Change): Promise<readonly string[]> {
  const { folder, change } = await prepared(each)
  const files = new FaultyFiles()
  const store = await open(folder, files)
  await change(store)
  await store.close()
  return [...files.names]
}

/** Opens and changes with a fault; gives the store where it was opened, and the error where there was one. */
async function attempt(folder: StateFolder, files: FaultyFiles, change: Change['change']) {
  try {
    const store = await open(folder, files)
    try {
      await change(store)
      return { store, error: null }
    } catch (error) {
      return { store, error }
    }
  } catch (error) {
    return { store: null, error }
  }
}

/** The state is whole: the old one or the new one, and after a call that succeeded the new one. */
function expectOldOrNew(found: Picture, before: Picture, { after, draws }: Change, succeeded: boolean): void {
  const news = { ...before, ...after, ...(draws === undefined ? {} : { [draws]: found[draws] }) }
  if (succeeded) expect(found).toEqual(news)
  else expect([before, news]).toContainEqual(found)
  if (draws !== undefined && succeeded) expect(found[draws]).not.toBe(before[draws])
}

const ERRNOS = ['EIO', 'ENOSPC'] as const

const FAULTS: readonly Fault[] = [
  ...ERRNOS.map((errno) => ({ kind: 'error-before', errno }) as const),
  { kind: 'error-after', errno: 'EIO' },
  { kind: 'killed-before' },
  { kind: 'killed-after' },
  { kind: 'short' },
]

const faultName = (fault: Fault): string => ('errno' in fault ? `${fault.kind} ${fault.errno}` : fault.kind)

describe.each(CHANGES)('$name', (each) => {
  test.each(FAULTS.map((fault) => [faultName(fault), fault] as const))(
    'is old or new, never torn, at every operation: %s',
    async (_, fault) => {
      const operations = await operationsOf(each)
      expect(operations.length).toBeGreaterThan(4)
      for (let at = 1; at <= operations.length; at++) {
        const { folder, before, change } = await prepared(each)
        const files = new FaultyFiles()
        files.arm(at, fault)
        const { store, error } = await attempt(folder, files, change)
        if (error !== null && !(error instanceof Killed)) expect(error).toBeInstanceOf(AgentError)
        if (error instanceof AgentError) expect(error.code).toBe('ERR_STORE_IO')
        if (fault.kind === 'short') expect(error).toBeNull()
        if (store !== null && error instanceof AgentError) {
          // The lifecycle tries again, with the same store.
          files.arm(0, fault)
          await change(store)
        }
        await files.closeAll()
        const succeeded = error === null || (store !== null && error instanceof AgentError)
        expectOldOrNew(await pictureOf(folder), before, each, succeeded)
        folder.remove()
      }
    },
  )
})

describe('an error', () => {
  test.each(['EIO', 'EACCES', 'EMFILE', 'ENODEV'])('%s never looks like an empty slot', async (errno) => {
    const folder = new StateFolder()
    const files = new FaultyFiles()
    const store = await open(folder, files)
    await store.storePending(issued(1))
    for (const [at, name] of ['open', 'fstat', 'read', 'read'].entries()) {
      files.arm(at + 1, { kind: 'error-before', errno })
      await expect(store.load()).rejects.toMatchObject({ code: 'ERR_STORE_IO', message: `cannot read the credential slots: ${errno}` })
      expect(files.names[at]).toBe(name)
    }
    files.arm(0, { kind: 'short' })
    expect(numberOf((await store.load()).pending)).toBe(1)
    await store.close()
  })

  test('while a bad file is set aside does not hide what is good beside it', async () => {
    const folder = new StateFolder()
    await (await open(folder)).close()
    folder.write('pending.json', 'torn')
    const files = new FaultyFiles()
    const store = await open(folder, files)
    await store.storePending(issued(1))
    await store.promote(issued(1))
    folder.write('pending.json', 'torn again')
    const renameAt = ['open', 'fstat', 'read', 'read', 'close', 'readdir', 'rename'].indexOf('rename') + 1
    files.arm(renameAt, { kind: 'error-before', errno: 'EROFS' })
    const { pending, current } = await store.load()
    expect([pending, numberOf(current), files.names[renameAt - 1]]).toEqual([null, 1, 'rename'])
    expect(folder.read('pending.json')).toBe('torn again')
    await store.close()
  })

  test('while a bad file is set aside stops a write, which would overwrite it', async () => {
    const folder = new StateFolder()
    await (await open(folder)).close()
    folder.write('pending.json', 'torn')
    const files = new FaultyFiles()
    const store = await open(folder, files)
    const look = ['open', 'fstat', 'read', 'read', 'close']
    const renameAt = [...look, ...look, 'readdir', 'rename'].length
    files.arm(renameAt, { kind: 'error-before', errno: 'EROFS' })
    await expect(store.storePending(issued(1))).rejects.toMatchObject({ code: 'ERR_STORE_IO' })
    expect(files.names[renameAt - 1]).toBe('rename')
    expect(folder.read('pending.json')).toBe('torn')
    await store.close()
  })
})
