import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Kysely } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { migrateDatabase, openDatabase } from '../../../../cloud/store/database.ts'
import { prepared, preparedRows } from '../../../../cloud/store/prepared.ts'
import type { Database, Tables } from '../../../../cloud/store/tables.ts'
import { transact } from '../../../../cloud/store/transact.ts'

let folder: string
let db: Kysely<Tables>
let built: number

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zipkey-prepared-'))
  const place = { engine: 'sqlite', path: join(folder, 'cloud.db') } as const
  await migrateDatabase(place)
  db = openDatabase(place)
  built = 0
})

afterEach(async () => {
  await db.destroy()
  await rm(folder, { recursive: true })
})

const counted =
  <A extends unknown[], R>(build: (...given: A) => R) =>
  (...given: A): R => {
    built += 1
    return build(...given)
  }

type Account = { readonly id: string; readonly created_at: number }

const inserting = preparedRows(counted((on: Database, rows: readonly Account[]) => on.insertInto('account').values(rows)))
const selecting = prepared(
  counted((on: Database, { id }: Pick<Account, 'id'>) => on.selectFrom('account').selectAll().where('id', '=', id)),
)
const changing = prepared(
  counted((on: Database, { id, ...changes }: Pick<Account, 'id'> & Partial<Account>) =>
    on.updateTable('account').set(changes).where('id', '=', id),
  ),
)

const insert = (on: Database, rows: readonly Account[]) => on.executeQuery(inserting(on, rows))
const select = async (id: string) => (await db.executeQuery(selecting(db, { id }))).rows

test('a query is built once, within transactions and outside of them, and given other values each time', async () => {
  await transact(db, (within) => insert(within, [{ id: 'a', created_at: 1 }]))
  await insert(db, [{ id: 'b', created_at: 2 }])
  await db.transaction().execute((within) => insert(within, [{ id: 'c', created_at: 3 }]))
  expect(built).toBe(1)
  expect(await select('b')).toEqual([{ id: 'b', created_at: 2 }])
  expect(await select('a')).toEqual([{ id: 'a', created_at: 1 }])
  expect(built).toBe(2)
})

test('another number of rows, or other columns, are another query', async () => {
  await insert(db, [
    { id: 'a', created_at: 1 },
    { created_at: 2, id: 'b' },
  ])
  await insert(db, [{ id: 'c', created_at: 3 }])
  expect(built).toBe(2)
  expect((await db.executeQuery(changing(db, { id: 'a', created_at: 9 }))).numAffectedRows).toBe(1n)
  expect(await select('a')).toEqual([{ id: 'a', created_at: 9 }])
})

test('values are values, whatever they look like, and never part of the query', async () => {
  const id = `a'; drop table account; --"`
  await insert(db, [{ id, created_at: 1 }])
  expect(await select(id)).toEqual([{ id, created_at: 1 }])
})

test('a row that lacks what the others have is a mistake', async () => {
  const rows = [{ id: 'a', created_at: 1 }, { id: 'b' } as Account]
  expect(() => inserting(db, rows)).toThrow('no created_at')
})
