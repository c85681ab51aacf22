import { request } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import fastify, { type FastifyInstance } from 'fastify'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { admitThrough, Places } from '../../../cloud/http/admission.ts'
import { answerWithProblems } from '../../../cloud/http/problems.ts'

const PLACES = 8

let app: FastifyInstance
let places: Places
let finish: () => void
let port: number

beforeEach(async () => {
  app = fastify({ forceCloseConnections: true })
  places = new Places(PLACES)
  const finished = new Promise<void>((resolve) => {
    finish = resolve
  })
  answerWithProblems(app)
  admitThrough(app, places)
  const work = async () => {
    await finished
    return { done: true }
  }
  app.post('/public', { config: { caller: 'public' } }, work)
  app.post('/device', { config: { caller: 'device' } }, work)
  app.post('/aaa', { config: { caller: 'aaa' } }, work)
  app.get('/health', { config: { caller: null } }, async () => ({ done: true }))
  app.get('/failing', { config: { caller: 'public' } }, () => Promise.reject(new Error('as the test says')))
  await app.listen({ host: '127.0.0.1', port: 0 })
  const address = app.server.address()
  port = typeof address === 'object' && address !== null ? address.port : 0
})

afterEach(async () => {
  finish()
  await app.close()
})

type Answer = { readonly status: number; readonly retryAfter: string | undefined }

function ask(method: string, path: string, body?: string, signal?: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' }
    const options = { port, method, path, headers, agent: false, ...(signal === undefined ? {} : { signal }) }
    const call = request(options, (response) => {
      response.resume().on('end', () => resolve({ status: response.statusCode ?? 0, retryAfter: response.headers['retry-after'] }))
    })
    call.on('error', reject)
    call.end(body)
  })
}

const post = (path: string, signal?: AbortSignal) => ask('POST', path, '{}', signal)
const until = async (isSo: () => boolean): Promise<void> => {
  while (!isSo()) await setTimeout(5)
}

test('whoever finds no place is told at once when to come back, and one that is free is given again', async () => {
  const first = Array.from({ length: 4 }, () => post('/public'))
  await until(() => places.taken === 4)
  const { status, retryAfter } = await post('/public')
  expect([status, Number(retryAfter) >= 1]).toEqual([503, true])
  finish()
  expect((await Promise.all(first)).map((answer) => answer.status)).toEqual([200, 200, 200, 200])
  expect(places.taken).toBe(0)
  expect((await post('/public')).status).toBe(200)
})

test('devices with a token, then AAA servers find a place when others do not any more, and a load balancer always', async () => {
  const waiting = [...Array.from({ length: 4 }, () => post('/public')), ...Array.from({ length: 2 }, () => post('/device'))]
  await until(() => places.taken === 6)
  expect((await post('/device')).status).toBe(503)
  waiting.push(post('/aaa'), post('/aaa'))
  await until(() => places.taken === PLACES)
  expect((await post('/aaa')).status).toBe(503)
  expect((await ask('GET', '/health')).status).toBe(200)
  finish()
  expect((await Promise.all(waiting)).every(({ status }) => status === 200)).toBe(true)
})

test('a client that goes away leaves its place taken until the work for it is done, and then free', async () => {
  const leaving = new AbortController()
  const gone = Array.from({ length: 4 }, () => post('/public', leaving.signal).catch(() => null))
  await until(() => places.taken === 4)
  leaving.abort()
  await Promise.all(gone)
  await setTimeout(50)
  expect(places.taken).toBe(4)
  finish()
  await until(() => places.taken === 0)
})

test('a client that does not send what it announced holds no place', async () => {
  const slow = Array.from({ length: PLACES }, () => {
    const headers = { 'content-type': 'application/json', 'content-length': '100' }
    const call = request({ port, method: 'POST', path: '/public', headers, agent: false }).on('error', () => {})
    call.write('{')
    return call
  })
  await setTimeout(50)
  expect(places.taken).toBe(0)
  for (const call of slow) call.destroy()
})

test('an answer that is an error gives its place back', async () => {
  expect((await ask('GET', '/failing')).status).toBe(500)
  expect((await ask('GET', '/nowhere')).status).toBe(404)
  expect((await ask('POST', '/public', '{')).status).toBe(400)
  expect(places.taken).toBe(0)
})
