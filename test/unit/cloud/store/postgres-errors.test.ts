import { describe, expect, test } from 'vitest'
import { DatabaseUnavailable, isDatabaseUnavailable } from '../../../../cloud/store/database-unavailable.ts'
import { judgeServerError } from '../../../../cloud/store/postgres-errors.ts'

const serverError = (code: string) => Object.assign(new Error('as the server says'), { code, detail: 'Failing row contains (zks_…).' })

describe('an error of PostgreSQL', () => {
  test.each([
    ['40001', 'a serialisation failure'],
    ['40P01', 'a deadlock'],
    ['55P03', 'a lock that was not free in time'],
    ['57014', 'a statement that took too long'],
    ['57P01', 'a server that is told to stop'],
    ['57P03', 'a server that starts'],
    ['53300', 'too many connections'],
    ['08006', 'a connection that failed'],
    ['25006', 'a standby'],
    ['0A000', 'a statement planned for another shape of a table'],
  ])('%s, %s, passes', (code) => {
    expect(isDatabaseUnavailable(judgeServerError(serverError(code)))).toBe(true)
  })

  test.each(['23505', '42P01', '22021', 'P0001'])('%s does not', (code) => {
    const error = serverError(code)
    expect(judgeServerError(error)).toBe(error)
    expect(isDatabaseUnavailable(error)).toBe(false)
  })

  test('quotes no row', () => {
    expect(JSON.stringify({ ...judgeServerError(serverError('23505')) })).not.toContain('zks_')
  })
})

test('SQLite passes as well when it is busy', () => {
  expect(isDatabaseUnavailable(Object.assign(new Error('database is locked'), { code: 'SQLITE_BUSY_SNAPSHOT' }))).toBe(true)
  expect(isDatabaseUnavailable(Object.assign(new Error('no such table'), { code: 'SQLITE_ERROR' }))).toBe(false)
  expect(isDatabaseUnavailable(new DatabaseUnavailable('anything'))).toBe(true)
})
