/**
 * Queries that every device's way goes through are built and compiled once for an open database, and then only given their values:
 * building one takes Kysely longer than SQLite takes to answer it. They are the same queries, written the same way.
 */
import { type Compilable, type CompiledQuery, PostgresAdapter, SqliteAdapter } from 'kysely'
import type { Database } from './tables.ts'

/** What is compiled, by the query that it came from and the columns that it was given. It lives as long as the database is open. */
type Compiled = Map<symbol, Map<string, CompiledQuery>>

/** SQLite's adapter, with room for compiled queries. */
export class PreparingSqliteAdapter extends SqliteAdapter {
  readonly compiled: Compiled = new Map()
}

/** PostgreSQL's adapter, with room for compiled queries. */
export class PreparingPostgresAdapter extends PostgresAdapter {
  readonly compiled: Compiled = new Map()
}

/** Stands for a value while a query is built: the one of this name in this row. */
class Slot {
  readonly row: number
  readonly name: string

  constructor(row: number, name: string) {
    this.row = row
    this.name = name
  }
}

/** Rows of slots for rows of values, with the members of the first; to who builds the query they look the same. */
function slotsOf<V extends object>(rows: readonly V[]): readonly V[] {
  const names = Object.keys(rows[0] ?? {})
  return rows.map((_, row) => Object.fromEntries(names.map((name) => [name, new Slot(row, name)])) as V)
}

/** A query of one row or more; all rows have the same members. */
export function preparedRows<V extends object, R>(
  build: (db: Database, rows: readonly V[]) => Compilable<R>,
): (db: Database, rows: readonly V[]) => CompiledQuery<R> {
  const key = Symbol('query')
  return (db, rows) => {
    const query = compiledFor(db, key, shapeOf(rows), () => build(db, slotsOf(rows)).compile())
    const parameters = query.parameters.map((value) => (value instanceof Slot ? valueFor(rows, value) : value))
    return { ...query, parameters }
  }
}

/** A query of one row of values. */
export function prepared<V extends object, R>(
  build: (db: Database, values: V) => Compilable<R>,
): (db: Database, values: V) => CompiledQuery<R> {
  const fill = preparedRows<V, R>((db, rows) => {
    const [values] = rows
    if (values === undefined) throw new Error('a query of one row was given none')
    return build(db, values)
  })
  return (db, values) => fill(db, [values])
}

const shapeOf = (rows: readonly object[]): string => `${rows.length} ${Object.keys(rows[0] ?? {}).join(' ')}`

function compiledFor(db: Database, key: symbol, shape: string, compile: () => CompiledQuery): CompiledQuery {
  const { adapter } = db.getExecutor()
  if (!(adapter instanceof PreparingSqliteAdapter || adapter instanceof PreparingPostgresAdapter)) return compile()
  const byShape = adapter.compiled.get(key) ?? new Map<string, CompiledQuery>()
  adapter.compiled.set(key, byShape)
  const query = byShape.get(shape) ?? compile()
  byShape.set(shape, query)
  return query
}

/** A row that lacks a member is a mistake. */
function valueFor(rows: readonly object[], { row, name }: Slot): unknown {
  const values = rows[row] ?? {}
  if (!Object.hasOwn(values, name)) throw new Error(`a prepared query was given no ${name}`)
  return Reflect.get(values, name)
}
