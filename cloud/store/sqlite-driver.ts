/**
 * SQLite for Kysely, made for many requests at a time: transactions are committed in groups (group-commit.ts), what is read outside
 * of one is read from a second connection that sees only what is committed, and a statement is prepared once.
 */
import type SQLite from 'better-sqlite3'
import { type CompiledQuery, type DatabaseConnection, type Dialect, type Driver, type QueryResult, SqliteDialect } from 'kysely'
import { GroupCommit } from './group-commit.ts'
import { PreparingSqliteAdapter } from './prepared.ts'

/** Two connections to one file. */
export type SqliteConnections = { readonly writer: SQLite.Database; readonly reader: SQLite.Database }

// Queries that differ only in how many values they list have different texts.
const MOST_STATEMENTS = 500

/** Statements of one connection by their text. */
class Statements {
  readonly #database: SQLite.Database
  readonly #prepared = new Map<string, SQLite.Statement<unknown[], unknown>>()

  constructor(database: SQLite.Database) {
    this.#database = database
  }

  of(text: string): SQLite.Statement<unknown[], unknown> {
    const known = this.#prepared.get(text)
    if (known !== undefined) return known
    const statement = this.#database.prepare<unknown[], unknown>(text)
    if (this.#prepared.size === MOST_STATEMENTS) this.#prepared.clear()
    this.#prepared.set(text, statement)
    return statement
  }
}

type Shared = { readonly group: GroupCommit; readonly writing: Statements; readonly reading: Statements }

function run<R>(statement: SQLite.Statement<unknown[], unknown>, parameters: readonly unknown[]): QueryResult<R> {
  // Kysely knows the rows by the query that it compiled.
  if (statement.reader) return { rows: statement.all(...parameters) as R[] }
  const { changes, lastInsertRowid } = statement.run(...parameters)
  return { numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid), rows: [] }
}

/** What one request holds while it works. A transaction of which a statement failed is not committed, as on PostgreSQL. */
class Connection implements DatabaseConnection {
  readonly #shared: Shared
  #state: 'outside' | 'within' | 'failed' = 'outside'

  constructor(shared: Shared) {
    this.#shared = shared
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const { writing, reading } = this.#shared
    if (this.#state !== 'outside') return this.#within(() => run(writing.of(sql), parameters))
    const read = reading.of(sql)
    return read.readonly ? run(read, parameters) : this.#alone(() => run(writing.of(sql), parameters))
  }

  #within<T>(ask: () => T): T {
    this.#requireGood()
    try {
      return ask()
    } catch (error) {
      this.#state = 'failed'
      throw error
    }
  }

  #requireGood(): void {
    this.#shared.group.requireOpen()
    if (this.#state === 'failed') throw new Error('a statement of this transaction failed')
  }

  // biome-ignore lint/correctness/useYield: the interface asks for it, and nothing here streams
  async *streamQuery(): AsyncIterableIterator<never> {
    throw new Error('queries are not streamed from SQLite')
  }

  async begin(): Promise<void> {
    await this.#shared.group.begin()
    this.#state = 'within'
  }

  async commit(): Promise<void> {
    this.#requireGood()
    const durable = this.#shared.group.commit()
    this.#state = 'outside'
    await durable
  }

  /** Kysely rolls back what could not be committed as well; the turn is over then. */
  async rollback(): Promise<void> {
    if (this.#state === 'outside') return
    this.#state = 'outside'
    await this.#shared.group.rollback()
  }

  /** A statement that writes is a transaction of its own. */
  async #alone<T>(write: () => T): Promise<T> {
    await this.begin()
    try {
      const result = write()
      await this.commit()
      return result
    } catch (error) {
      await this.rollback()
      throw error
    }
  }
}

class GroupingDriver implements Driver {
  readonly #connections: SqliteConnections
  readonly #shared: Shared

  constructor(connections: SqliteConnections) {
    this.#connections = connections
    const { writer, reader } = connections
    this.#shared = { group: new GroupCommit(writer), writing: new Statements(writer), reading: new Statements(reader) }
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    return new Connection(this.#shared)
  }

  beginTransaction(connection: DatabaseConnection): Promise<void> {
    return this.#ours(connection).begin()
  }

  commitTransaction(connection: DatabaseConnection): Promise<void> {
    return this.#ours(connection).commit()
  }

  rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    return this.#ours(connection).rollback()
  }

  async releaseConnection(): Promise<void> {}

  async destroy(): Promise<void> {
    await this.#shared.group.end()
    this.#connections.reader.close()
    this.#connections.writer.close()
  }

  #ours(connection: DatabaseConnection): Connection {
    if (connection instanceof Connection) return connection
    throw new Error('a connection of another driver')
  }
}

/** The dialect over two connections to one file; they are closed with it. */
export function groupingDialect(connections: SqliteConnections): Dialect {
  const plain = new SqliteDialect({ database: connections.writer })
  return {
    createDriver: () => new GroupingDriver(connections),
    createQueryCompiler: () => plain.createQueryCompiler(),
    createAdapter: () => new PreparingSqliteAdapter(),
    createIntrospector: (db) => plain.createIntrospector(db),
  }
}
