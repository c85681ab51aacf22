/** Everything that a database holds, to be compared with what it holds later. */
import type { Kysely } from 'kysely'
import type { Tables } from '../../cloud/store/tables.ts'

/** All rows of all tables, as text that is the same only where the rows are. */
export async function dumpDatabase(db: Kysely<Tables>): Promise<string> {
  const tables = await db.introspection.getTables()
  const dumped: string[] = []
  for (const { name } of tables) {
    // The introspection gives names of any kind; these are the tables of this database.
    const rows = await db
      .selectFrom(name as keyof Tables)
      .selectAll()
      .execute()
    dumped.push(`${name}\n${rows.map((row) => JSON.stringify(row)).join('\n')}`)
  }
  return dumped.join('\n')
}
