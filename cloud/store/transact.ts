/**
 * Transactions whose queries may be asked together: those that need no answer of each other, by `Promise.all`, are on their way to the
 * server at once and cost one round trip. They are carried out in the order in which they are asked. Within Kysely's own transactions
 * each is sent only when the last was answered.
 */
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  DummyDriver,
  Kysely,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import type { Database, Tables } from './tables.ts'

/** Runs the work in a transaction, which is committed when the work ends well and rolled back when it throws. */
export const transact = <T>(db: Kysely<Tables>, work: (db: Database) => Promise<T>): Promise<T> =>
  onOneConnection(db, (connection) => work(by(db, connection)))

/** What the work of a transaction came to, and what it writes last. */
export type Conclusion<T> = { readonly result: T; readonly writes: readonly CompiledQuery[] }

/** As `transact`; what the work writes last is on its way together with the commit, and one that fails leaves nothing to commit. */
export async function conclude<T>(db: Kysely<Tables>, work: (db: Database) => Promise<Conclusion<T>>): Promise<T> {
  let written: readonly Promise<unknown>[] = []
  const concluded = onOneConnection(db, async (connection) => {
    const { result, writes } = await work(by(db, connection))
    // Asked of the connection itself: all of them are asked before the commit is.
    written = writes.map((write) => connection.executeQuery(write))
    // Looked at below; the commit must not wait for it.
    for (const each of written) each.catch(() => {})
    return result
  })
  // One that failed says why; the commit says only that it was not to be.
  const result = await concluded.catch(async (error: unknown) => {
    await Promise.all(written)
    throw error
  })
  await Promise.all(written)
  return result
}

const onOneConnection = <T>(db: Kysely<Tables>, work: (connection: DatabaseConnection) => Promise<T>): Promise<T> =>
  db.transaction().execute((transaction) => transaction.getExecutor().provideConnection(work))

/** The database by one of its connections. */
function by(db: Kysely<Tables>, connection: DatabaseConnection): Database {
  const executor = db.getExecutor().withConnectionProvider({ provideConnection: (consumer) => consumer(connection) })
  return new Kysely<Tables>({ config: { dialect: UNUSED }, dialect: UNUSED, driver: new DummyDriver(), executor })
}

/** An instance is made with a dialect; queries go by their executor. */
const UNUSED: Dialect = {
  createDriver: () => new DummyDriver(),
  createAdapter: () => new SqliteAdapter(),
  createQueryCompiler: () => new SqliteQueryCompiler(),
  createIntrospector: (db) => new SqliteIntrospector(db),
}
