/** What a restore loses, as the audit log of the database that is replaced tells it. */
import type { Kysely } from 'kysely'
import type { StoredAuditEntry } from '../store/audit-log.ts'
import type { Tables } from '../store/tables.ts'

/** From the first entry that the backup does not have to the last. */
export type LostTime = {
  readonly entries: number
  readonly lastSeq: number
  readonly fromMs: number
  readonly toMs: number
  /** What operators did in it, and have to do again: whom they revoked, above all. */
  readonly acts: readonly StoredAuditEntry[]
}

/** Reads the log after an entry; null where it cannot be read, or nothing was lost. */
export async function lostTime(replaced: Kysely<Tables>, afterSeq: number): Promise<LostTime | null> {
  try {
    return await read(replaced, afterSeq)
  } catch {
    // The database may be restored because it is damaged.
    return null
  }
}

async function read(replaced: Kysely<Tables>, afterSeq: number): Promise<LostTime | null> {
  const lost = replaced.selectFrom('audit').where('seq', '>', afterSeq)
  const { entries, last, from, to } = await lost
    .select(({ fn }) => [fn.countAll<number>().as('entries'), fn.max('seq').as('last'), fn.min('at').as('from'), fn.max('at').as('to')])
    .executeTakeFirstOrThrow()
  if (last === null || from === null || to === null) return null
  const acts = await lost.selectAll().where('principal', 'like', 'operator:%').orderBy('seq').execute()
  return { entries, lastSeq: last, fromMs: from, toMs: to, acts }
}
