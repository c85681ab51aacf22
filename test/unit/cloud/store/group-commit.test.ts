import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import SQLite from 'better-sqlite3'
import { Kysely } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { groupingDialect } from '../../../../cloud/store/sqlite-driver.ts'

type Word = { text: string; follows: string | null }

let folder: string
let db: Kysely<{ word: Word }>
let writer: SQLite.Database
/** Somebody else, who sees what is committed. */
let other: SQLite.Database
let commits: number

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zipkey-group-'))
  const path = join(folder, 'words.db')
  commits = 0
  const count = (text?: unknown): void => {
    if (text === 'commit') commits += 1
  }
  writer = new SQLite(path, { verbose: count })
  writer.pragma('journal_mode = WAL')
  writer.pragma('foreign_keys = ON')
  writer.exec('create table word (text text primary key, follows text references word (text) deferrable initially deferred)')
  other = new SQLite(path)
  db = new Kysely({ dialect: groupingDialect({ writer, reader: new SQLite(path) }) })
})

afterEach(async () => {
  await db.destroy()
  other.close()
  await rm(folder, { recursive: true })
})

const add = (text: string, follows: string | null = null): Promise<void> =>
  db.transaction().execute(async (transaction) => {
    await transaction.insertInto('word').values({ text, follows }).execute()
  })

const committed = (): readonly unknown[] => other.prepare('select text from word order by text').pluck().all()

const outcomes = async (work: readonly Promise<unknown>[]) => (await Promise.allSettled(work)).map(({ status }) => status)

test('transactions that stand in line together share one commit', async () => {
  await Promise.all(['a', 'b', 'c', 'd'].map((text) => add(text)))
  expect(committed()).toEqual(['a', 'b', 'c', 'd'])
  expect(commits).toBe(1)
})

test('none ends before its commit', async () => {
  const seen = ['a', 'b', 'c'].map(async (text) => {
    await add(text)
    return committed().includes(text)
  })
  expect(await Promise.all(seen)).toEqual([true, true, true])
})

test('one that fails takes back its own work, all of it, and nothing of its neighbours', async () => {
  const failing = () =>
    db.transaction().execute(async (transaction) => {
      await transaction.insertInto('word').values({ text: 'x', follows: null }).execute()
      await transaction.insertInto('word').values({ text: 'a', follows: null }).execute()
    })
  expect(await outcomes([add('a'), failing(), add('b')])).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  expect(committed()).toEqual(['a', 'b'])
  expect(commits).toBe(1)
})

test('one that fails by what it saw of a neighbour ends only when that is committed', async () => {
  const first = add('a')
  const second = db
    .transaction()
    .execute(async (transaction) => {
      if ((await transaction.selectFrom('word').selectAll().execute()).length > 0) throw new Error('a word is there already')
    })
    .catch(() => committed())
  expect(await second).toEqual(['a'])
  await first
})

test('what is not committed is seen by nobody outside', async () => {
  let inside: readonly Word[] = []
  const adding = db.transaction().execute(async (transaction) => {
    await transaction.insertInto('word').values({ text: 'a', follows: null }).execute()
    inside = await transaction.selectFrom('word').selectAll().execute()
    expect(await db.selectFrom('word').selectAll().execute()).toEqual([])
  })
  await adding
  expect(inside).toEqual([{ text: 'a', follows: null }])
  expect(await db.selectFrom('word').selectAll().execute()).toEqual([{ text: 'a', follows: null }])
})

test('a statement by itself is a transaction, and shares the commit', async () => {
  const alone = (text: string) => db.insertInto('word').values({ text, follows: null }).execute()
  expect(await outcomes([alone('a'), alone('a'), add('b'), alone('c')])).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled'])
  expect(committed()).toEqual(['a', 'b', 'c'])
  expect(commits).toBe(1)
})

test('where the commit itself fails, all who waited for it fail, nothing is kept, and the next goes well', async () => {
  expect(await outcomes([add('a'), add('b', 'no such word'), add('c')])).toEqual(['rejected', 'rejected', 'rejected'])
  expect(committed()).toEqual([])
  await add('d')
  expect(committed()).toEqual(['d'])
})

test('where the database gives up, all who were in it fail, nobody writes past its end, and the next goes well', async () => {
  const giving = db.transaction().execute(async (transaction) => {
    await transaction.insertInto('word').values({ text: 'b', follows: null }).execute()
    // As SQLite does by itself when a disk is full or failing.
    writer.exec('rollback')
    await transaction.insertInto('word').values({ text: 'c', follows: null }).execute()
  })
  expect(await outcomes([add('a'), giving, add('d')])).toEqual(['rejected', 'rejected', 'rejected'])
  expect(committed()).toEqual([])
  await add('e')
  expect(committed()).toEqual(['e'])
})

test('one that takes its time holds up those behind it, and is not torn apart', async () => {
  const slow = db.transaction().execute(async (transaction) => {
    await transaction.insertInto('word').values({ text: 'a', follows: null }).execute()
    for (let turn = 0; turn < 5; turn++) await setImmediate()
    expect(committed()).toEqual([])
    await transaction.insertInto('word').values({ text: 'b', follows: null }).execute()
  })
  await Promise.all([slow, add('c')])
  expect(committed()).toEqual(['a', 'b', 'c'])
})

test('closing waits for what is under way', async () => {
  let begun = (): void => {}
  const beginning = new Promise<void>((resolve) => {
    begun = resolve
  })
  const adding = db.transaction().execute(async (transaction) => {
    await transaction.insertInto('word').values({ text: 'a', follows: null }).execute()
    begun()
    for (let turn = 0; turn < 5; turn++) await setImmediate()
    await transaction.insertInto('word').values({ text: 'b', follows: null }).execute()
  })
  await beginning
  await db.destroy()
  await adding
  expect(committed()).toEqual(['a', 'b'])
})
