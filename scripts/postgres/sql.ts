/** What a superuser does on a throw-away cluster, by psql over its unix socket. */
import { randomBytes } from 'node:crypto'
import { runProgram } from '../run-program.ts'

/** Where a cluster is. */
export type ClusterAddress = { readonly socketFolder: string; readonly port: number }

/** Runs SQL as the superuser; gives what it prints, rows by lines and columns by `|`. */
export async function runSql({ socketFolder, port }: ClusterAddress, database: string, sql: string): Promise<string> {
  const where = ['-h', socketFolder, '-p', String(port), '-U', 'postgres', '-d', database]
  return (await runProgram('psql', [...where, '-X', '-q', '-t', '-A', '-v', 'ON_ERROR_STOP=1', '-c', sql])).trim()
}

/** A database of a role of its own. */
export type NewDatabase = { readonly name: string; readonly url: string; readonly password: string }

/** Makes an empty database, and the role that owns it. */
export async function createDatabase(cluster: ClusterAddress): Promise<NewDatabase> {
  const name = `zipkey_${randomBytes(6).toString('hex')}`
  const password = randomBytes(16).toString('base64url')
  await runSql(cluster, 'postgres', `create role ${name} login password '${password}'`)
  await runSql(cluster, 'postgres', `create database ${name} owner ${name}`)
  return { name, password, url: `postgres://${name}@127.0.0.1:${cluster.port}/${name}` }
}
