/** PostgreSQL's own programs for backups. The password goes by a file, never by an argument or the environment. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { DataFolderError, writePrivateFile } from '../data-folder.ts'
import type { PostgresAccess } from '../store/postgres-pool.ts'

const execute = promisify(execFile)

// libpq 15 does not know the system's certificates by itself.
const SYSTEM_CA = '/etc/ssl/certs/ca-certificates.crt'

/** Runs `pg_dump` or `pg_restore` on the database, with these parameters besides where it is. */
export async function runPostgresTool(
  program: 'pg_dump' | 'pg_restore',
  parameters: readonly string[],
  access: PostgresAccess,
): Promise<void> {
  const { host, port, user, database, tls } = access.address
  const secrets = await mkdtemp(join(tmpdir(), 'zipkey-cloud-'))
  try {
    const ca = access.ca === null ? SYSTEM_CA : join(secrets, 'ca.pem')
    if (access.ca !== null) await writePrivateFile(ca, access.ca)
    const passfile = join(secrets, 'passfile')
    const password = access.password === null ? '' : await access.password()
    await writePrivateFile(passfile, `*:*:*:*:${password.replace(/[\\:]/g, '\\$&')}\n`)
    const where = ['--host', host, '--port', String(port), '--dbname', database, ...(user === null ? [] : ['--username', user])]
    const env = {
      PATH: process.env.PATH,
      PGPASSFILE: passfile,
      LC_ALL: 'C',
      ...(tls ? { PGSSLMODE: 'verify-full', PGSSLROOTCERT: ca } : {}),
    }
    await execute(program, [...where, '--no-password', ...parameters], { env }).catch(told(program))
  } finally {
    await rm(secrets, { recursive: true })
  }
}

const told = (program: string) => (error: NodeJS.ErrnoException & { readonly stderr?: string }) => {
  if (error.code === 'ENOENT') {
    throw new DataFolderError(`${program} is not installed: it comes with PostgreSQL's client, in a version not older than the server's`)
  }
  throw new DataFolderError(error.stderr?.trim().split('\n')[0] ?? error.message)
}
