import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { type Kysely, sql } from 'kysely'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { runPostgresTool } from '../../../cloud/backup/postgres-tools.ts'
import { DataFolderError } from '../../../cloud/data-folder.ts'
import { NO_CREDENTIALS } from '../../../cloud/rules/device-credentials.ts'
import { type AuditEntry, appendAudit, readAudit } from '../../../cloud/store/audit-log.ts'
import { migrateDatabase } from '../../../cloud/store/database.ts'
import { DatabaseUnavailable } from '../../../cloud/store/database-unavailable.ts'
import { isDeviceTaken, type NewDevice, newDeviceWrites } from '../../../cloud/store/devices.ts'
import { openPostgres } from '../../../cloud/store/postgres.ts'
import { parsePostgresUrl } from '../../../cloud/store/postgres-address.ts'
import { type PostgresAccess, REQUEST_WAITS } from '../../../cloud/store/postgres-pool.ts'
import type { Database, Tables } from '../../../cloud/store/tables.ts'
import { conclude } from '../../../cloud/store/transact.ts'
import { createAuthority, issueServer } from '../../../scripts/pki.ts'
import { type Cluster, createCluster } from '../../../scripts/postgres/cluster.ts'
import { createDatabase, type NewDatabase, runSql } from '../../../scripts/postgres/sql.ts'

let cluster: Cluster
let made: NewDatabase
let access: PostgresAccess
let db: Kysely<Tables>

beforeAll(async () => {
  cluster = await createCluster()
})
afterAll(() => cluster.remove())

beforeEach(async () => {
  made = await createDatabase(cluster)
  const address = parsePostgresUrl(made.url)
  if (!address.ok) throw new Error(address.problem)
  access = { address: address.value, password: async () => made.password, ca: null, connections: 4 }
  await migrateDatabase({ engine: 'postgres', ...access })
  db = openPostgres(access, { ...REQUEST_WAITS, lockMs: 200 })
})
afterEach(() => db.destroy())

const entry = (detail: string): AuditEntry => ({
  ...{ account: null, device: null, credential: null, session: null },
  ...{ event: 'account-created', principal: 'test', detail },
})
const told = async (after: number) => readAudit(db, { accounts: null, device: null, after, limit: 1000 })

/** A transaction that waits where the test wants it to. */
function openTransaction(work: (transaction: Database) => Promise<void>) {
  let end = (): void => {}
  const mayEnd = new Promise<void>((done) => {
    end = done
  })
  let tellBegun = (): void => {}
  const begun = new Promise<void>((done) => {
    tellBegun = done
  })
  const ended = db.transaction().execute(async (transaction) => {
    await work(transaction)
    tellBegun()
    await mayEnd
  })
  const commit = (): Promise<void> => {
    end()
    return ended
  }
  return { begun, end: commit }
}

describe('a reader of the audit log', () => {
  test('sees nothing that may still be preceded, and then everything in order', async () => {
    const slow = openTransaction((transaction) => appendAudit(transaction, 1, [entry('first')]))
    await slow.begun
    await appendAudit(db, 1, [entry('second')])
    expect(await told(0)).toEqual([])
    await slow.end()
    expect((await told(0)).map(({ detail }) => detail)).toEqual(['first', 'second'])
  })

  test('is not kept from what came before an open transaction, nor by one that failed', async () => {
    await appendAudit(db, 1, [entry('before')])
    const slow = openTransaction((transaction) => appendAudit(transaction, 1, [entry('open')]))
    await slow.begun
    expect((await told(0)).map(({ detail }) => detail)).toEqual(['before'])
    await slow.end()
    const failed = db.transaction().execute(async (transaction) => {
      await appendAudit(transaction, 1, [entry('rolled back')])
      throw new Error('on purpose')
    })
    await expect(failed).rejects.toThrow('on purpose')
    await appendAudit(db, 1, [entry('after')])
    expect((await told(0)).map(({ detail }) => detail)).toEqual(['before', 'open', 'after'])
  })

  test('that follows while many write misses none', async () => {
    const followed: string[] = []
    let after = 0
    const follow = async (): Promise<void> => {
      const entries = await told(after)
      after = entries.at(-1)?.seq ?? after
      followed.push(...entries.map(({ detail }) => detail))
    }
    const write = async (writer: number): Promise<void> => {
      for (let count = 0; count < 40; count++) {
        await db.transaction().execute(async (transaction) => {
          await appendAudit(transaction, 1, [entry(`${writer}.${count}`)])
          await setTimeout(Math.random() * 3)
          await appendAudit(transaction, 1, [entry(`${writer}.${count}+`)])
        })
      }
    }
    let writing = true
    const writers = Promise.all([0, 1, 2].map(write)).finally(() => {
      writing = false
    })
    while (writing) await follow()
    await writers
    await follow()
    expect(followed).toHaveLength(3 * 40 * 2)
    expect(new Set(followed).size).toBe(3 * 40 * 2)
  })
})

describe('the database', () => {
  test('keeps its audit log as it is', async () => {
    await appendAudit(db, 1, [entry('once')])
    await expect(db.updateTable('audit').set({ detail: 'never' }).execute()).rejects.toThrow(/only added to/)
    await expect(db.deleteFrom('audit').execute()).rejects.toThrow(/only added to/)
    await expect(sql`truncate audit`.execute(db)).rejects.toThrow(/only added to/)
  })

  test('keeps one of two new devices with one id, and says so to the other', async () => {
    await db.insertInto('account').values({ id: 'acme', created_at: 1 }).execute()
    const enrol = (device: string): Promise<null> => {
      const made: NewDevice = {
        name: { account: 'acme', device },
        credentials: NO_CREDENTIALS,
        sealedSecret: null,
        chainPem: null,
        runs: [],
      }
      return conclude(patient, async (within) => ({ result: null, writes: newDeviceWrites(within, made, 1) }))
    }
    const patient = openPostgres(access, REQUEST_WAITS)
    const results = await Promise.allSettled([enrol('SN-1'), enrol('sn-1'), enrol('Sn-1')])
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    const refused = results.flatMap((result) => (result.status === 'rejected' ? [isDeviceTaken(result.reason)] : []))
    expect(refused).toEqual([true, true])
    await patient.destroy()
  })

  test('gives counts and times as numbers', async () => {
    await appendAudit(db, 1_795_000_000_000, [entry('x')])
    expect((await told(0))[0]).toMatchObject({ at: 1_795_000_000_000, seq: 1 })
  })

  test('is migrated once by processes that start together', async () => {
    const fresh = await createDatabase(cluster)
    const address = parsePostgresUrl(fresh.url)
    if (!address.ok) throw new Error(address.problem)
    const place = { engine: 'postgres', address: address.value, password: async () => fresh.password, ca: null, connections: 2 } as const
    await Promise.all(Array.from({ length: 4 }, () => migrateDatabase(place)))
    expect(await runSql(cluster, fresh.name, 'select count(*) from account')).toBe('0')
  })

  test('waits for each commit to be on the disk, whatever the server would do by itself', async () => {
    await runSql(cluster, made.name, `alter database ${made.name} set synchronous_commit = off`)
    await runSql(cluster, made.name, `alter database ${made.name} set default_transaction_isolation = 'serializable'`)
    const other = openPostgres(access, REQUEST_WAITS)
    const { rows } = await sql`select current_setting('synchronous_commit') as synchronous_commit,
      current_setting('transaction_isolation') as isolation`.execute(other)
    expect(rows).toEqual([{ synchronous_commit: 'on', isolation: 'read committed' }])
    await other.destroy()
  })
})

describe('an error that passes', () => {
  test('is a lock that is not free in time', async () => {
    await db.insertInto('account').values({ id: 'acme', created_at: 1 }).execute()
    const lock = (transaction: Database) => transaction.updateTable('account').set({ created_at: 2 }).where('id', '=', 'acme').execute()
    const holder = openTransaction(async (transaction) => void (await lock(transaction)))
    await holder.begun
    await expect(db.transaction().execute(lock)).rejects.toThrow(DatabaseUnavailable)
    await holder.end()
    await db.transaction().execute(lock)
  })

  test('is a connection that the server ends in the middle of a transaction, or while nobody uses it', async () => {
    const endAll = () =>
      runSql(cluster, 'postgres', `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${made.name}'`)
    const broken = openTransaction(async (transaction) => {
      await appendAudit(transaction, 1, [entry('lost')])
      await endAll()
    })
    await broken.begun
    await expect(broken.end()).rejects.toThrow(DatabaseUnavailable)
    await appendAudit(db, 1, [entry('kept')])
    await endAll()
    await setTimeout(50)
    expect((await told(0)).map(({ detail }) => detail)).toEqual(['kept'])
  })

  test('is a table that got another column after the statement was planned', async () => {
    const read = () => db.selectFrom('account').selectAll().execute()
    await read()
    await runSql(cluster, made.name, "alter table account add column more text default 'x'; insert into account values ('acme', 1)")
    await expect(read()).rejects.toThrow(DatabaseUnavailable)
    expect(await read()).toEqual([{ id: 'acme', created_at: 1, more: 'x' }])
  })

  test('is a server without a free connection', async () => {
    await runSql(cluster, 'postgres', `alter role ${made.name} connection limit 1`)
    const holder = openTransaction(async () => {})
    await holder.begun
    await expect(told(0)).rejects.toThrow(DatabaseUnavailable)
    await holder.end()
    expect(await told(0)).toEqual([])
  })

  test('is a server that was killed; the next call goes to the one that was started again', async () => {
    await appendAudit(db, 1, [entry('kept')])
    await cluster.kill()
    await expect(told(0)).rejects.toThrow(DatabaseUnavailable)
    await cluster.start()
    expect((await told(0)).map(({ detail }) => detail)).toEqual(['kept'])
  })

  test('is never quoted with a password', async () => {
    const other = openPostgres({ ...access, password: async () => 'sesame' }, REQUEST_WAITS)
    const refused = await sql`select 1`.execute(other).catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(DatabaseUnavailable)
    expect(String(refused)).toMatch(/password authentication failed/)
    expect(String(refused)).not.toContain('sesame')
    await other.destroy()
  })
})

describe('a server that is reached over a network', () => {
  let folder: string
  let secured: Cluster
  let ca: string
  let foreignCa: string

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'zipkey-postgres-tls-'))
    const authority = await createAuthority(folder, 'authority')
    secured = await createCluster(await issueServer(folder, authority, { name: 'server', dnsName: 'localhost' }))
    ca = await readFile(authority.certificateFile, 'utf8')
    foreignCa = await readFile((await createAuthority(folder, 'foreign')).certificateFile, 'utf8')
  })
  afterAll(async () => {
    await secured.remove()
    await rm(folder, { recursive: true })
  })

  async function accessOf(host: string, trusted: string): Promise<PostgresAccess> {
    const { url, password } = await createDatabase(secured)
    const parsed = parsePostgresUrl(`${url.replace('127.0.0.1', host)}?sslmode=verify-full`)
    if (!parsed.ok) throw new Error(parsed.problem)
    return { address: parsed.value, password: async () => password, ca: trusted, connections: 2 }
  }

  async function isEncrypted(by: PostgresAccess): Promise<boolean> {
    const other = openPostgres(by, REQUEST_WAITS)
    try {
      const { rows } = await sql<{ ssl: boolean }>`select ssl from pg_stat_ssl where pid = pg_backend_pid()`.execute(other)
      return rows[0]?.ssl === true
    } finally {
      await other.destroy()
    }
  }

  test('is talked to by TLS, and dumped by it', async () => {
    const good = await accessOf('localhost', ca)
    expect(await isEncrypted(good)).toBe(true)
    await runPostgresTool('pg_dump', ['--format=custom', '--file', join(folder, 'dump')], good)
    expect((await readFile(join(folder, 'dump'))).subarray(0, 5).toString()).toBe('PGDMP')
  })

  test('gets no password where its certificate is another CA’s, or of another name', async () => {
    for (const bad of [await accessOf('localhost', foreignCa), await accessOf('127.0.0.1', ca)]) {
      await expect(isEncrypted(bad)).rejects.toThrow(DatabaseUnavailable)
      await expect(runPostgresTool('pg_dump', ['--file', join(folder, 'no-dump')], bad)).rejects.toThrow(DataFolderError)
    }
  })
})
