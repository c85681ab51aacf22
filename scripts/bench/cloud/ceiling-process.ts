/**
 * The ceiling: fastify alone, over the same TLS, that answers the same requests with bodies of the same size after one durable commit
 * each. Nothing is checked, derived, signed or logged.
 *
 *   ceiling-process.ts <certificate> <key> <SQLite file or PostgreSQL URL> <bytes of a token's answer> <bytes of a secret's answer>
 */
import { readFileSync } from 'node:fs'
import SQLite from 'better-sqlite3'
import fastify from 'fastify'
import pg from 'pg'
import { JWT_BEARER_ASSERTION, ROUTES } from '../../../agent/contract/routes.ts'

const TOLD = 'x'.repeat(200)
/** As many as the cloud opens. */
const CONNECTIONS = 10

/** Stores a row; it is on the disk when this settles. */
type Store = () => Promise<void>

function openSqlite(path: string): Store {
  const database = new SQLite(path)
  database.pragma('journal_mode = WAL')
  database.pragma('synchronous = FULL')
  database.exec('create table request (id integer primary key, told text not null)')
  const insert = database.prepare('insert into request (told) values (?)')
  return async () => {
    insert.run(TOLD)
  }
}

async function openPostgres(connectionString: string): Promise<Store> {
  const pool = new pg.Pool({ connectionString, max: CONNECTIONS })
  await pool.query('create table request (id bigserial primary key, told text not null)')
  const insert = { name: 'insert', text: 'insert into request (told) values ($1)', values: [TOLD] }
  return async () => {
    await pool.query(insert)
  }
}

/** A JSON object of so many bytes. */
const answerOf = (bytes: number) => ({ text: 'x'.repeat(Math.max(0, bytes - JSON.stringify({ text: '' }).length)) })

async function main(): Promise<void> {
  const [certificate = '', key = '', database = '', tokenBytes = '', secretBytes = ''] = process.argv.slice(2)
  const store = database.startsWith('postgres:') ? await openPostgres(database) : openSqlite(database)
  const app = fastify({ https: { cert: readFileSync(certificate), key: readFileSync(key), minVersion: 'TLSv1.2' }, logger: false })
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, async (_request: unknown, body: string | Buffer) =>
    Object.fromEntries(new URLSearchParams(body.toString())),
  )
  const [token, secret] = [answerOf(Number(tokenBytes)), answerOf(Number(secretBytes))]
  app.post<{ Body: { client_assertion_type?: string } }>(ROUTES.token, async (request, reply) => {
    if (request.body.client_assertion_type !== JWT_BEARER_ASSERTION) return reply.code(400).send()
    await store()
    return token
  })
  app.post<{ Body: { nonce?: string } }>(ROUTES.deviceCredential, async (request, reply) => {
    if (typeof request.body.nonce !== 'string') return reply.code(400).send()
    await store()
    return reply.code(201).send(secret)
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const address = app.server.address()
  console.log(`listening on port ${typeof address === 'object' && address !== null ? address.port : 0}`)
}

await main()
