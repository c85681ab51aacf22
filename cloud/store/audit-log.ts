/** The audit log: what happened to which credential, by whom. Written in the transaction of what it tells; never a secret. */
import { type CompiledQuery, sql } from 'kysely'
import type { AuditEventName } from '../rules/audit-event.ts'
import { preparedRows } from './prepared.ts'
import type { AuditTable, Database } from './tables.ts'

/** One entry; null where it does not apply. */
export type AuditEntry = {
  readonly account: string | null
  readonly device: string | null
  readonly credential: string | null
  readonly event: AuditEventName
  readonly principal: string
  readonly detail: string
  readonly session: string | null
}

/** One entry as it was stored. */
export type StoredAuditEntry = Readonly<Omit<AuditTable, 'seq'>> & { readonly seq: number }

/** Which entries to read: those after `after`, oldest first; null does not filter. */
export type AuditFilter = {
  readonly accounts: readonly string[] | null
  readonly device: string | null
  readonly after: number
  readonly limit: number
}

/** Adds entries. */
export async function appendAudit(db: Database, nowMs: number, entries: readonly AuditEntry[]): Promise<void> {
  await Promise.all(auditWrites(db, nowMs, entries).map((write) => db.executeQuery(write)))
}

/** What adds entries; nothing where there are none. */
export function auditWrites(db: Database, nowMs: number, entries: readonly AuditEntry[]): readonly CompiledQuery[] {
  if (entries.length === 0) return []
  const rows = entries.map(({ account, device, credential, event, principal, detail, session }) => ({
    ...{ at: nowMs, account, device, credential, event, principal, detail, session },
  }))
  return [insertEntries(db, rows)]
}

const insertEntries = preparedRows((db, rows: readonly Omit<AuditTable, 'seq'>[]) => db.insertInto('audit').values(rows))

/** Reads entries, up to the first that may still be preceded by another: who goes on after the last one misses none. */
export async function readAudit(db: Database, filter: AuditFilter): Promise<readonly StoredAuditEntry[]> {
  const { rows } = await sql<{ seq: number }>`select audit_settled() as seq`.execute(db)
  const settled = rows[0]?.seq ?? 0
  let query = db.selectFrom('audit').selectAll().where('seq', '>', filter.after).where('seq', '<=', settled)
  if (filter.accounts !== null) query = query.where('account', 'in', filter.accounts)
  if (filter.device !== null) query = query.where('device', '=', filter.device)
  return query.orderBy('seq').limit(filter.limit).execute()
}

/** The `seq` of the last entry; 0 where there is none. */
export async function lastSeq(db: Database): Promise<number> {
  const row = await db.selectFrom('audit').select('seq').orderBy('seq', 'desc').limit(1).executeTakeFirst()
  return row?.seq ?? 0
}

/** Whose session this is, as the hotspot's accept told it. */
export async function auditedSession(db: Database, session: string): Promise<StoredAuditEntry | null> {
  const row = await db.selectFrom('audit').selectAll().where('session', '=', session).orderBy('seq').limit(1).executeTakeFirst()
  return row ?? null
}
