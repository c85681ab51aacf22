import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Kysely } from 'kysely'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type DatabasePlace, migrateDatabase, openDatabase } from '../../../cloud/store/database.ts'
import { parsePostgresUrl } from '../../../cloud/store/postgres-address.ts'
import { accountExists, insertAccount } from '../../../cloud/store/principals.ts'
import type { Database, Tables } from '../../../cloud/store/tables.ts'
import { conclude, transact } from '../../../cloud/store/transact.ts'
import { useOnce } from '../../../cloud/store/used-once.ts'
import { type Cluster, createCluster } from '../../../scripts/postgres/cluster.ts'
import { createDatabase } from '../../../scripts/postgres/sql.ts'

let folder: string
let cluster: Cluster
let proxy: Server
/** Pieces in which something came from the cloud to PostgreSQL, and back. */
let pieces: { toServer: number; back: number }
let proxyPort: number

beforeAll(async () => {
  pieces = { toServer: 0, back: 0 }
  folder = await mkdtemp(join(tmpdir(), 'zipkey-transact-'))
  cluster = await createCluster()
  proxy = createServer((client) => {
    const server = connect(cluster.port, '127.0.0.1')
    client.on('data', (piece) => {
      pieces.toServer += 1
      server.write(piece)
    })
    server.on('data', (piece) => {
      pieces.back += 1
      client.write(piece)
    })
    for (const socket of [client, server]) socket.on('error', () => {}).on('close', () => [client, server].map((each) => each.destroy()))
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const address = proxy.address()
  proxyPort = typeof address === 'object' && address !== null ? address.port : 0
})

afterAll(async () => {
  proxy.close()
  await cluster.remove()
  await rm(folder, { recursive: true })
})

async function newPlace(engine: DatabasePlace['engine']): Promise<DatabasePlace> {
  if (engine === 'sqlite') return { engine, path: join(folder, `${crypto.randomUUID()}.db`) }
  const made = await createDatabase(cluster)
  const address = parsePostgresUrl(made.url)
  if (!address.ok) throw new Error(address.problem)
  return { engine, address: { ...address.value, port: proxyPort }, password: async () => made.password, ca: null, connections: 2 }
}

describe.each(['sqlite', 'postgres'] as const)('a transaction on %s', (engine) => {
  let db: Kysely<Tables>

  beforeEach(async () => {
    const place = await newPlace(engine)
    await migrateDatabase(place)
    db = openDatabase(place)
  })
  afterEach(() => db.destroy())

  test('carries out in order what is asked together', async () => {
    const answers = await transact(db, (within) =>
      Promise.all([
        accountExists(within, 'acme'),
        insertAccount(within, 'acme', 1),
        accountExists(within, 'acme'),
        insertAccount(within, 'acme', 1),
        useOnce(within, ['a', 'b'], 1),
        useOnce(within, ['b', 'c'], 1),
      ]),
    )
    expect(answers).toEqual([false, true, true, false, true, false])
    expect(await accountExists(db, 'acme')).toBe(true)
  })

  test('keeps nothing where one of several that are asked together fails, and tells which', async () => {
    const failing = transact(db, (within) =>
      Promise.all([
        insertAccount(within, 'acme', 1),
        within.insertInto('account').values({ id: 'acme', created_at: 1 }).execute(),
        insertAccount(within, 'other', 1),
      ]),
    )
    await expect(failing).rejects.toThrow(/unique/i)
    expect([await accountExists(db, 'acme'), await accountExists(db, 'other')]).toEqual([false, false])
    expect(await transact(db, (within) => insertAccount(within, 'acme', 1))).toBe(true)
  })

  test('keeps nothing where the work throws while answers are on their way', async () => {
    const failing = transact(db, async (within) => {
      const asked = [insertAccount(within, 'acme', 1), insertAccount(within, 'other', 1)]
      await Promise.race(asked)
      throw new Error('on purpose')
    })
    await expect(failing).rejects.toThrow('on purpose')
    expect([await accountExists(db, 'acme'), await accountExists(db, 'other')]).toEqual([false, false])
  })

  test('is not committed once a query of it failed, though the work goes on', async () => {
    const failing = transact(db, async (within) => {
      await insertAccount(within, 'acme', 1)
      await within
        .insertInto('account')
        .values({ id: 'acme', created_at: 1 })
        .execute()
        .catch(() => {})
    })
    await expect(failing).rejects.toThrow()
    expect(await accountExists(db, 'acme')).toBe(false)
  })

  const writing = (within: Database, ...ids: readonly string[]) =>
    ids.map((id) => within.insertInto('account').values({ id, created_at: 1 }).compile())

  test('keeps what it writes last, in order, before it is over', async () => {
    const result = await conclude(db, async (within) => ({
      result: await insertAccount(within, 'acme', 1),
      writes: [...writing(within, 'other'), within.updateTable('account').set({ created_at: 2 }).where('id', '=', 'other').compile()],
    }))
    expect(result).toBe(true)
    expect(await db.selectFrom('account').selectAll().orderBy('id').execute()).toEqual([
      { id: 'acme', created_at: 1 },
      { id: 'other', created_at: 2 },
    ])
  })

  test.each([[['acme', 'other']], [['other', 'acme']]])(
    'keeps nothing where one of the last writes fails (%s), and tells why',
    async (ids) => {
      await insertAccount(db, 'acme', 1)
      const failing = conclude(db, async (within) => {
        await insertAccount(within, 'first', 1)
        return { result: 'never', writes: writing(within, ...ids) }
      })
      await expect(failing).rejects.toThrow(/unique/i)
      expect(await db.selectFrom('account').select('id').execute()).toEqual([{ id: 'acme' }])
      expect(await conclude(db, async (within) => ({ result: 'then', writes: writing(within, 'next') }))).toBe('then')
    },
  )

  test('takes back what it did where the work throws', async () => {
    const failing = conclude(db, async (within) => {
      await insertAccount(within, 'acme', 1)
      throw new Error('on purpose')
    })
    await expect(failing).rejects.toThrow('on purpose')
    expect(await accountExists(db, 'acme')).toBe(false)
  })
})

test('what is asked together goes to PostgreSQL in one piece, with the beginning of the transaction, and is answered in one', async () => {
  const place = await newPlace('postgres')
  await migrateDatabase(place)
  const db = openDatabase(place)
  const ask = () =>
    conclude(db, async (within) => {
      await Promise.all([accountExists(within, 'a'), accountExists(within, 'b'), insertAccount(within, 'c', 1)])
      const update = within.updateTable('account').set({ created_at: 2 })
      return { result: null, writes: [update.where('id', '=', 'c').compile(), update.where('id', '=', 'd').compile()] }
    })
  await ask()
  pieces = { toServer: 0, back: 0 }
  await ask()
  // All of the questions, and the last writes with the commit.
  expect(pieces).toEqual({ toServer: 2, back: 2 })
  await db.destroy()
})
