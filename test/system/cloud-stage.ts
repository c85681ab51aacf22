/**
 * On what the cloud of the system tests stands. The same tests run on every stage: SQLite; PostgreSQL; and a pair of processes on
 * one PostgreSQL, each request going to the other one than the last.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { inject } from 'vitest'
import type { DatabaseSettings } from '../../cloud/data-folder.ts'
import { dataFiles, readCloudConfig } from '../../cloud/data-folder.ts'
import { databasePlace } from '../../cloud/folder-database.ts'
import { openDatabase } from '../../cloud/store/database.ts'
import { createDatabase, runSql } from '../../scripts/postgres/sql.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The stage of a vitest project; SQLite where it is left out. */
    cloudStage: 'postgres' | 'pair'
  }
}

/** The stage of this run. */
export const cloudStage = (): 'sqlite' | 'postgres' | 'pair' => inject('cloudStage') ?? 'sqlite'

/** A database for a new cloud, its password in a file of this name; none on SQLite. */
export async function newDatabase(passwordFile: string): Promise<Pick<DatabaseSettings, 'url' | 'passwordFile'> | null> {
  if (cloudStage() === 'sqlite') return null
  const { url, password } = await createDatabase(inject('cluster'))
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 })
  return { url, passwordFile }
}

/** Opens the database of a cloud's folder, beside the cloud. */
export async function openDatabaseOf(folder: string) {
  const { database } = await readCloudConfig(folder)
  return openDatabase(await databasePlace(folder, database))
}

/** Every byte that the database of a cloud's folder keeps on the disk. */
export async function storedBytes(folder: string): Promise<Buffer> {
  const { database } = await readCloudConfig(folder)
  if (database === undefined) return readAll(['', '-wal'].map((suffix) => `${dataFiles(folder).database}${suffix}`))
  const cluster = inject('cluster')
  const name = new URL(database.url).pathname.slice(1)
  await runSql(cluster, name, 'checkpoint')
  const oid = await runSql(cluster, name, `select oid from pg_database where datname = '${name}'`)
  const data = await runSql(cluster, name, 'show data_directory')
  return readAll([...(await filesIn(join(data, 'base', oid))), ...(await filesIn(join(data, 'pg_wal')))])
}

const readAll = async (paths: readonly string[]): Promise<Buffer> => Buffer.concat(await Promise.all(paths.map((path) => readFile(path))))

async function filesIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(folder, entry.name))
}
