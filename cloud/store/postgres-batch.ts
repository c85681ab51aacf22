/**
 * Statements that go to PostgreSQL as one piece and are answered as one (its protocol, §55.2.4 Pipelining): behind them stands one Sync,
 * so that the server sends once, and what follows a failed statement is not carried out. A statement is described once for a
 * connection. node-postgres has the connection, the messages and the types; its own queries have a Sync and a description each.
 */
import pg from 'pg'

/** A statement with its values; one with a name is read and planned once for a connection. */
export type Statement = { readonly name: string; readonly text: string; readonly values: readonly (string | null)[] }

/** What a statement came to. */
export type Outcome = { readonly command: string; readonly rowCount: number; readonly rows: readonly unknown[] }

type Column = { readonly name: string; readonly parse: (text: string) => unknown }

/** Which named statements a connection knows, and the columns of their rows. */
export type KnownStatements = Map<string, readonly Column[]>

const INT8 = pg.types.builtins.INT8

/** Counts and times in ms fit a number, which the driver gives as text. */
const columnOf = ({ name, dataTypeID }: pg.FieldDef): Column => ({
  name,
  parse: dataTypeID === INT8 ? Number : pg.types.getTypeParser(dataTypeID, 'text'),
})

/** A value as it is sent: the columns of this database hold text and whole numbers, and the catalogue is asked for truths. */
export function textOf(value: unknown): string | null {
  if (value === null || typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value)
  throw new TypeError(`no column takes a ${typeof value}`)
}

/** Some statements on their way; `settled` is asked once, with the error or with an outcome for each. */
export class Batch implements pg.Submittable {
  readonly #statements: readonly Statement[]
  readonly #known: KnownStatements
  readonly #settled: (result: Error | readonly Outcome[]) => void
  readonly #outcomes: Outcome[] = []
  #columns: readonly Column[] | null = null
  #rows: unknown[] = []
  /** The driver wraps it to end its own timer, and calls it no more once that is over. */
  callback = (_error: Error | null): void => {}

  constructor(statements: readonly Statement[], known: KnownStatements, settled: (result: Error | readonly Outcome[]) => void) {
    this.#statements = statements
    this.#known = known
    this.#settled = settled
  }

  submit(connection: pg.Connection): void {
    connection.stream.cork()
    for (const { name, text, values } of this.#statements) {
      const isKnown = this.#known.has(name)
      // Whether the server still has one of this name is not known after a failure; closing what is not there is no error.
      if (!isKnown && name !== '') connection.close({ type: 'S', name }, true)
      if (!isKnown) connection.parse({ name, text, types: [] }, true)
      connection.bind({ statement: name, values: [...values] }, true)
      if (!isKnown) connection.describe({ type: 'P' }, true)
      connection.execute(null, true)
    }
    connection.sync()
    connection.stream.uncork()
  }

  handleRowDescription({ fields }: { readonly fields: readonly pg.FieldDef[] }): void {
    this.#columns = fields.map(columnOf)
  }

  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    const columns = this.#columns ?? this.#known.get(this.#current.name) ?? []
    const row: Record<string, unknown> = {}
    columns.forEach(({ name, parse }, index) => {
      const text = fields[index] ?? null
      row[name] = text === null ? null : parse(text)
    })
    this.#rows.push(row)
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    const { name } = this.#current
    if (name !== '' && !this.#known.has(name)) this.#known.set(name, this.#columns ?? [])
    // `INSERT 0 1`, `SELECT 2`, `COMMIT`
    const [command = '', ...counts] = text.split(' ')
    this.#outcomes.push({ command, rowCount: Number(counts.at(-1) ?? 0), rows: this.#rows })
    this.#columns = null
    this.#rows = []
  }

  /** From the server, for the statement that is carried out; or from the connection, for all of them. */
  handleError(error: Error): void {
    this.#known.delete(this.#current.name)
    this.callback(error)
    this.#settled(error)
  }

  /** Only now is what was asked outside of a transaction committed. */
  handleReadyForQuery(): void {
    this.callback(null)
    this.#settled(this.#outcomes)
  }

  get #current(): Statement {
    return this.#statements[this.#outcomes.length] ?? { name: '', text: '', values: [] }
  }
}
