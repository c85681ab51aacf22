/** What the engines have in common in putting a backup in the place of a database. */
import type { Kysely } from 'kysely'
import type { Engine } from '../store/engine.ts'
import type { Tables } from '../store/tables.ts'

/** Called with the backup before it counts, and with what is replaced where that can be read. */
export type Complete = (restored: Kysely<Tables>, engine: Engine, replaced: Kysely<Tables> | null) => Promise<void>

/** Which backup; `stamp` stands in the name under which the other is kept. */
export type Replacing = { readonly file: string | null; readonly stamp: string; readonly complete: Complete }

/** An engine's way: puts the backup in place and says where the other is kept. */
export type Way = (file: string | null, complete: Complete) => Promise<string | null>
