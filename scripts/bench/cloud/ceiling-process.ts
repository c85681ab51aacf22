/**
 * The ceiling: fastify alone, over the same TLS, that answers the same requests with bodies of the same size after one durable commit
 * each. Nothing is checked, derived, signed or logged.
 *
 *   ceiling-process.ts <certificate> <key> <database> <bytes of a token's answer> <bytes of a secret's answer>
 */
import { readFileSync } from 'node:fs'
import SQLite from 'better-sqlite3'
import fastify from 'fastify'
import { JWT_BEARER_ASSERTION, ROUTES } from '../../../agent/contract/routes.ts'

const ROW_BYTES = 200

/** Inserts a row; when it returns, or what it returns settles, the row is on the disk. */
function openStore(path: string): () => unknown {
  const database = new SQLite(path)
  database.pragma('journal_mode = WAL')
  database.pragma('synchronous = FULL')
  database.exec('create table request (id integer primary key, told text not null)')
  const insert = database.prepare('insert into request (told) values (?)')
  const told = 'x'.repeat(ROW_BYTES)
  return () => insert.run(told)
}

/** A JSON object of so many bytes. */
const answerOf = (bytes: number) => ({ text: 'x'.repeat(Math.max(0, bytes - JSON.stringify({ text: '' }).length)) })

async function main(): Promise<void> {
  const [certificate = '', key = '', database = '', tokenBytes = '', secretBytes = ''] = process.argv.slice(2)
  const commit = openStore(database)
  const app = fastify({ https: { cert: readFileSync(certificate), key: readFileSync(key), minVersion: 'TLSv1.2' }, logger: false })
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, async (_request: unknown, body: string | Buffer) =>
    Object.fromEntries(new URLSearchParams(body.toString())),
  )
  const [token, secret] = [answerOf(Number(tokenBytes)), answerOf(Number(secretBytes))]
  app.post<{ Body: { client_assertion_type?: string } }>(ROUTES.token, async (request, reply) => {
    if (request.body.client_assertion_type !== JWT_BEARER_ASSERTION) return reply.code(400).send()
    await commit()
    return token
  })
  app.post<{ Body: { nonce?: string } }>(ROUTES.deviceCredential, async (request, reply) => {
    if (typeof request.body.nonce !== 'string') return reply.code(400).send()
    await commit()
    return reply.code(201).send(secret)
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const address = app.server.address()
  console.log(`listening on port ${typeof address === 'object' && address !== null ? address.port : 0}`)
}

await main()
