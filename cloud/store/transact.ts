/**
 * Transactions whose queries may be asked together: those that need no answer of each other, by `Promise.all`, are on their way to the
 * server at once and cost one round trip. They are carried out in the order in which they are asked. Within Kysely's own transactions
 * each is sent only when the last was answered.
 */
import { type Dialect, DummyDriver, Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely'
import type { Database, Tables } from './tables.ts'

/** Runs the work in a transaction, which is committed when the work ends well and rolled back when it throws. */
export const transact = <T>(db: Kysely<Tables>, work: (db: Database) => Promise<T>): Promise<T> =>
  db.transaction().execute((transaction) =>
    transaction.getExecutor().provideConnection((connection) => {
      const executor = db.getExecutor().withConnectionProvider({ provideConnection: (consumer) => consumer(connection) })
      return work(new Kysely<Tables>({ config: { dialect: UNUSED }, dialect: UNUSED, driver: new DummyDriver(), executor }))
    }),
  )

/** An instance is made with a dialect; queries go by their executor. */
const UNUSED: Dialect = {
  createDriver: () => new DummyDriver(),
  createAdapter: () => new SqliteAdapter(),
  createQueryCompiler: () => new SqliteQueryCompiler(),
  createIntrospector: (db) => new SqliteIntrospector(db),
}
