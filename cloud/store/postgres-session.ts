/**
 * A connection to PostgreSQL as Kysely holds it: what is asked in one turn of the event loop, or while answers are on their way, goes
 * together. Each error says whether another attempt may go well, and a connection that failed is not used again.
 */
import type { PostgresCursor, PostgresPoolClient, PostgresQueryResult } from 'kysely'
import pg from 'pg'
import { DatabaseUnavailable } from './database-unavailable.ts'
import { Batch, type KnownStatements, type Outcome, type Statement, textOf } from './postgres-batch.ts'
import { endsConnection, judgeServerError } from './postgres-errors.ts'

// Queries that differ only in how many values they list have different texts.
const MOST_STATEMENTS = 500

/** Names for statements, the same on every connection: the server reads and plans a text that has one only once. */
export class StatementNames {
  readonly #names = new Map<string, string>()

  /** The name; empty where it has none. */
  of(text: string): string {
    const known = this.#names.get(text)
    if (known !== undefined) return known
    if (this.#names.size === MOST_STATEMENTS || !isRepeated(text)) return ''
    const name = `s${this.#names.size}`
    this.#names.set(text, name)
    return name
  }
}

/** Whether a statement is of a kind that is asked again and again. */
const isRepeated = (text: string): boolean => /^(select|insert|update|delete) |^(begin|commit|rollback)$/.test(text)

type Asked = { readonly statement: Statement; readonly resolve: (outcome: Outcome) => void; readonly reject: (error: Error) => void }

/** A connection while somebody has it. */
export class Session implements PostgresPoolClient {
  readonly #client: pg.PoolClient
  readonly #names: StatementNames
  readonly #known: KnownStatements
  #asked: Asked[] = []
  #isUnderWay = false
  #isBroken = false

  constructor(client: pg.PoolClient, names: StatementNames, known: KnownStatements) {
    this.#client = client
    this.#names = names
    this.#known = known
  }

  query<R>(text: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<R>>
  query<R>(cursor: PostgresCursor<R>): PostgresCursor<R>
  query<R>(text: string | PostgresCursor<R>, parameters: readonly unknown[] = []): Promise<PostgresQueryResult<R>> | PostgresCursor<R> {
    if (typeof text !== 'string') throw new Error('no query here reads by a cursor')
    return this.#ask<R>(text, parameters)
  }

  release(): void {
    this.#client.release(this.#isBroken)
  }

  async #ask<R>(text: string, values: readonly unknown[]): Promise<PostgresQueryResult<R>> {
    const answered = new Promise<Outcome>((resolve, reject) => {
      this.#asked.push({ statement: { name: this.#names.of(text), text, values: values.map(textOf) }, resolve, reject })
    })
    if (text === 'begin') {
      // It goes with the first query, which fails with it.
      answered.catch(() => {})
      return { command: 'UPDATE', rowCount: 0, rows: [] }
    }
    process.nextTick(() => this.#send())
    const { command, rowCount, rows } = await answered
    // The server answers the commit of a transaction that failed in between with a rollback, and calls that no error.
    if (text === 'commit' && command !== 'COMMIT') throw new Error('a transaction that had failed was committed')
    return { command: command as PostgresQueryResult<R>['command'], rowCount, rows: rows as R[] }
  }

  #send(): void {
    if (this.#isUnderWay || this.#asked.length === 0) return
    const asked = this.#asked
    this.#asked = []
    if (this.#isBroken) {
      refuse(asked, new DatabaseUnavailable(new Error('the connection was lost')))
      return
    }
    this.#isUnderWay = true
    const statements = asked.map(({ statement }) => statement)
    this.#client.query(
      new Batch(statements, this.#known, (result) => {
        this.#isUnderWay = false
        if (result instanceof Error) refuse(asked, this.#judge(result))
        else answer(asked, result)
        this.#send()
      }),
    )
  }

  #judge(error: Error): Error {
    if (error instanceof pg.DatabaseError) {
      this.#isBroken ||= endsConnection(error)
      return judgeServerError(error)
    }
    this.#isBroken = true
    return new DatabaseUnavailable(error)
  }
}

function refuse(asked: readonly Asked[], error: Error): void {
  for (const { reject } of asked) reject(error)
}

function answer(asked: readonly Asked[], outcomes: readonly Outcome[]): void {
  asked.forEach(({ resolve, reject }, index) => {
    const outcome = outcomes[index]
    if (outcome === undefined) reject(new Error('PostgreSQL left a statement without an answer'))
    else resolve(outcome)
  })
}
