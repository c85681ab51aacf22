/**
 * Connections to PostgreSQL. Each error says whether another attempt may go well, a connection that failed is not used again,
 * and nothing waits for ever: not for a connection, not for a lock, not for a server that went silent.
 */
import type { PostgresCursor, PostgresPool, PostgresPoolClient, PostgresQueryResult } from 'kysely'
import pg from 'pg'
import { DatabaseUnavailable } from './database-unavailable.ts'
import type { PostgresAddress } from './postgres-address.ts'
import { endsConnection, judgeServerError } from './postgres-errors.ts'
import { sendTogether } from './send-together.ts'

/** How to get in: the password is read again for every connection, and `ca` is null for the system's own. */
export type PostgresAccess = {
  readonly address: PostgresAddress
  readonly password: (() => Promise<string>) | null
  readonly ca: string | null
  readonly connections: number
}

/** How long anything waits, 0 is for ever; and what the server calls the connections. */
export type PostgresWaits = { readonly connectMs: number; readonly lockMs: number; readonly statementMs: number; readonly name: string }

/** For requests. */
export const REQUEST_WAITS: PostgresWaits = { connectMs: 5000, lockMs: 5000, statementMs: 10_000, name: 'zipkey-cloud' }

/** For migrations and backups, which take as long as they take. */
export const PATIENT_WAITS: PostgresWaits = { connectMs: 5000, lockMs: 0, statementMs: 0, name: 'zipkey-cloud maintenance' }

const IDLE_IN_TRANSACTION_MS = 30_000
// The server ends a statement that takes too long; only one that is out of reach does not.
const SILENCE_MS = 5000
const INT8 = pg.types.builtins.INT8

/** Set with the connection, whatever the server's or the database's defaults are. `synchronous_commit` waits for a synchronous standby as well. */
const sessionSettings = ({ lockMs, statementMs }: PostgresWaits): string =>
  [
    'synchronous_commit=on',
    'default_transaction_isolation=read\\ committed',
    `lock_timeout=${lockMs}`,
    `statement_timeout=${statementMs}`,
    `idle_in_transaction_session_timeout=${IDLE_IN_TRANSACTION_MS}`,
  ]
    .map((setting) => `-c ${setting}`)
    .join(' ')

function poolOptions({ address, password, ca, connections }: PostgresAccess, waits: PostgresWaits): pg.PoolConfig {
  const { host, port, database, user, tls } = address
  return {
    ...{ host, port, database, max: connections },
    ...(user === null ? {} : { user }),
    ...(password === null ? {} : { password }),
    ssl: tls ? { rejectUnauthorized: true, ...(ca === null ? {} : { ca }) } : false,
    connectionTimeoutMillis: waits.connectMs,
    ...(waits.statementMs === 0 ? {} : { query_timeout: waits.statementMs + SILENCE_MS }),
    keepAlive: true,
    pipeline: true,
    application_name: waits.name,
    options: sessionSettings(waits),
    // Counts and times in ms fit a number; the driver gives 64 bits as text.
    types: { getTypeParser: (oid, format) => (oid === INT8 ? Number : pg.types.getTypeParser(oid, format)) },
  }
}

// Queries that differ only in how many values they list have different texts.
const MOST_STATEMENTS = 500

/** Names for statements, the same on every connection: the server reads and plans a text that has one only once. */
class StatementNames {
  readonly #names = new Map<string, { readonly name: string }>()

  of(text: string): { readonly name?: string } {
    const known = this.#names.get(text)
    if (known !== undefined) return known
    if (this.#names.size === MOST_STATEMENTS || !isPlanned(text)) return {}
    const name = { name: `s${this.#names.size}` }
    this.#names.set(text, name)
    return name
  }
}

/** Whether a statement is one that is planned: others cannot or need not be prepared. */
const isPlanned = (text: string): boolean => /^(select|insert|update|delete) /.test(text)

/** Opens the pool; it connects when it is first used. */
export function openPostgresPool(access: PostgresAccess, waits: PostgresWaits): PostgresPool {
  const pool = new pg.Pool(poolOptions(access, waits))
  const names = new StatementNames()
  // A connection that breaks while nobody waits for an answer says so here; whoever uses it next gets the error.
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  return {
    connect: async () => {
      try {
        return watched(await pool.connect(), names)
      } catch (error) {
        throw new DatabaseUnavailable(error)
      }
    },
    end: () => pool.end(),
  }
}

function watched(client: pg.PoolClient, names: StatementNames): PostgresPoolClient {
  const hold = sendTogether(client.connection.stream)
  let broken = false
  let beginning: Promise<unknown> | null = null
  async function ask<R>(text: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<R>> {
    hold()
    const asked = client.query({ ...names.of(text), text, values: [...parameters] })
    if (text === 'begin') {
      // It goes with the first query, whose answer counts only if this went well.
      beginning = asked
      asked.catch(() => {})
      return { command: 'UPDATE', rowCount: 0, rows: [] }
    }
    try {
      const [{ command, rowCount, rows }] = await Promise.all([asked, beginning])
      beginning = null
      // The server answers the commit of a transaction that failed in between with a rollback, and calls that no error.
      if (text === 'commit' && command !== 'COMMIT') throw new Error('a transaction that had failed was committed')
      return { command: command as PostgresQueryResult<R>['command'], rowCount: rowCount ?? 0, rows }
    } catch (error) {
      if (error instanceof pg.DatabaseError) {
        broken ||= endsConnection(error)
        throw judgeServerError(error)
      }
      broken = true
      throw new DatabaseUnavailable(error)
    }
  }
  function query<R>(text: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<R>>
  function query<R>(cursor: PostgresCursor<R>): PostgresCursor<R>
  function query<R>(
    text: string | PostgresCursor<R>,
    parameters: readonly unknown[] = [],
  ): Promise<PostgresQueryResult<R>> | PostgresCursor<R> {
    if (typeof text !== 'string') throw new Error('no query here reads by a cursor')
    return ask<R>(text, parameters)
  }
  return { query, release: () => client.release(broken) }
}
