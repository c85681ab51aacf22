/** Whether services work on a PostgreSQL database, on whatever machine. One that has been idle for a while has no connection to be seen by. */
import { setTimeout } from 'node:timers/promises'
import { type Kysely, sql } from 'kysely'
import { DataFolderError } from '../data-folder.ts'
import { REQUEST_WAITS } from '../store/postgres-pool.ts'
import type { Tables } from '../store/tables.ts'

/** The server takes a moment to see that a service which was stopped just now is gone. */
const GONE_WITHIN_MS = 5_000

/** Refuses where one does. */
export async function requireNoService(db: Kysely<Tables>): Promise<void> {
  for (const untilMs = Date.now() + GONE_WITHIN_MS; ; await setTimeout(100)) {
    const { rows } = await sql<{ address: string | null }>`select host(client_addr) as address from pg_stat_activity
      where datname = current_database() and application_name = ${REQUEST_WAITS.name} and pid <> pg_backend_pid()`.execute(db)
    const [one] = rows
    if (one === undefined) return
    if (Date.now() < untilMs) continue
    throw new DataFolderError(`a service works on the database, from ${one.address ?? 'this machine'}: stop it first`)
  }
}
