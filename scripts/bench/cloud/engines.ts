/** The database engines that are measured: SQLite in the folder, and a PostgreSQL of the measurement's own with fsync on. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createCluster } from '../../postgres/cluster.ts'
import { createDatabase, type NewDatabase } from '../../postgres/sql.ts'

/** Which one. */
export type EngineName = 'sqlite' | 'postgres'

/** Gives each server that is measured an empty database; null is a file in its folder. */
export type Databases = {
  readonly make: () => Promise<NewDatabase | null>
  /** The server's process; null where the database is part of the cloud's. */
  readonly pid: number | null
  readonly remove: () => Promise<void>
}

/** Starts the engine, where it is one that is started. */
export async function openDatabases(engine: EngineName): Promise<Databases> {
  switch (engine) {
    case 'sqlite':
      return { make: async () => null, pid: null, remove: async () => {} }
    case 'postgres': {
      const cluster = await createCluster()
      const pid = Number((await readFile(join(cluster.dataFolder, 'postmaster.pid'), 'utf8')).split('\n', 1)[0])
      return { make: () => createDatabase(cluster), pid, remove: cluster.remove }
    }
  }
}
