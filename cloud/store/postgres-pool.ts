/** Connections to PostgreSQL. Nothing waits for ever: not for a connection, not for a lock, not for a server that went silent. */
import { checkServerIdentity } from 'node:tls'
import type { PostgresPool } from 'kysely'
import pg from 'pg'
import { DatabaseUnavailable } from './database-unavailable.ts'
import type { PostgresAddress } from './postgres-address.ts'
import type { KnownStatements } from './postgres-batch.ts'
import { Session, StatementNames } from './postgres-session.ts'

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
    // By the name that was asked for, which the driver itself forgets where it is an address.
    ssl: tls
      ? { rejectUnauthorized: true, checkServerIdentity: (_, peer) => checkServerIdentity(host, peer), ...(ca === null ? {} : { ca }) }
      : false,
    connectionTimeoutMillis: waits.connectMs,
    ...(waits.statementMs === 0 ? {} : { query_timeout: waits.statementMs + SILENCE_MS }),
    keepAlive: true,
    application_name: waits.name,
    options: sessionSettings(waits),
  }
}

/** Opens the pool; it connects when it is first used. */
export function openPostgresPool(access: PostgresAccess, waits: PostgresWaits): PostgresPool {
  const pool = new pg.Pool(poolOptions(access, waits))
  const names = new StatementNames()
  const known = new WeakMap<pg.PoolClient, KnownStatements>()
  // A connection that breaks while nobody waits for an answer says so here; whoever uses it next gets the error.
  pool.on('error', () => {})
  pool.on('connect', (client) => {
    client.on('error', () => {})
    known.set(client, new Map())
  })
  return {
    connect: async () => {
      try {
        const client = await pool.connect()
        return new Session(client, names, known.get(client) ?? new Map())
      } catch (error) {
        throw new DatabaseUnavailable(error)
      }
    },
    end: () => pool.end(),
  }
}
