/** `database` of `config.json`: a PostgreSQL database, or none for SQLite in the folder. */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type DatabaseSettings, DataFolderError, dataFiles, readPrivateFile } from './data-folder.ts'
import { type DatabasePlace, migrateDatabase } from './store/database.ts'
import { DatabaseUnavailable } from './store/database-unavailable.ts'
import { DatabaseUnfit } from './store/database-unfit.ts'
import { parsePostgresUrl } from './store/postgres-address.ts'

/** Which database a folder's config means. */
export async function databasePlace(folder: string, settings: DatabaseSettings | undefined): Promise<DatabasePlace> {
  if (settings === undefined) return { engine: 'sqlite', path: dataFiles(folder).database }
  const { url, passwordFile, caFile, connections } = settings
  const address = parsePostgresUrl(url)
  if (!address.ok) throw new DataFolderError(`database: url: ${address.problem}`)
  const readPassword = async (file: string): Promise<string> => (await readPrivateFile(resolve(folder, file))).replace(/\r?\n$/, '')
  // Read once now, so that a file that is missing is told at the start and not by the first request.
  if (passwordFile !== undefined) await readPassword(passwordFile).catch(told('database.passwordFile'))
  const password = passwordFile === undefined ? null : () => readPassword(passwordFile)
  const ca = caFile === undefined ? null : await readFile(resolve(folder, caFile), 'utf8').catch(told('database.caFile'))
  return { engine: 'postgres', address: address.value, password, ca, connections }
}

const told = (member: string) => (error: Error) => {
  throw error instanceof DataFolderError ? error : new DataFolderError(`${member}: ${error.message}`)
}

/** Brings the folder's database to this version's shape. */
export const prepareDatabase = (place: DatabasePlace): Promise<void> => reachable(() => migrateDatabase(place))

/** Works with a database; one that is out of reach is told in one line. */
export async function reachable<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof DatabaseUnfit) throw new DataFolderError(error.message)
    const reason = unavailability(error)
    if (reason === null) throw error
    throw new DataFolderError(`${reason.message}: look at database in config.json, and whether the server runs`)
  }
}

function unavailability(error: unknown): DatabaseUnavailable | null {
  if (error instanceof DatabaseUnavailable) return error
  return error instanceof Error && error.cause instanceof DatabaseUnavailable ? error.cause : null
}
