import { setImmediate } from 'node:timers/promises'
import { pino } from 'pino'
import { beforeEach, expect, test } from 'vitest'
import { TurnByTurn } from '../../../../cloud/http/request-log.ts'

let written: string[]
let stream: TurnByTurn

beforeEach(() => {
  written = []
  stream = new TurnByTurn({ write: (text) => written.push(text) })
})

const messages = (text: string | undefined): readonly string[] =>
  (text ?? '').split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line).msg]))

test('what is logged in one turn of the event loop is written in one piece, in order', async () => {
  const log = pino({}, stream)
  log.info('a')
  log.info('b')
  expect(written).toEqual([])
  await setImmediate()
  log.info('c')
  await setImmediate()
  expect(written.map(messages)).toEqual([['a', 'b'], ['c']])
})

test('a warning is written at once, behind what came before it', () => {
  const log = pino({}, stream)
  log.info('a')
  log.warn('b')
  expect(written.map(messages)).toEqual([['a', 'b']])
})

test('nothing is kept back at the end, and nothing is written twice', async () => {
  pino({}, stream).info('a')
  stream.flush()
  stream.flush()
  await setImmediate()
  expect(written.map(messages)).toEqual([['a']])
})
