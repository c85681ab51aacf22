import { describe, expect, test } from 'vitest'
import { parsePostgresUrl } from '../../../../cloud/store/postgres-address.ts'

describe('the URL of a PostgreSQL database', () => {
  test.each([
    ['postgres://zipkey@db.example/cloud', { host: 'db.example', port: 5432, database: 'cloud', user: 'zipkey', tls: true }],
    ['postgresql://zipkey@db.example:6000/cloud?sslmode=disable', { host: 'db.example', port: 6000, tls: false }],
    ['postgres://zipkey@127.0.0.1/cloud', { host: '127.0.0.1', tls: false }],
    ['postgres://zipkey@[::1]/cloud?sslmode=verify-full', { host: '::1', tls: true }],
    ['postgres:///cloud?host=/run/postgresql', { host: '/run/postgresql', database: 'cloud', user: null, tls: false }],
    ['postgres://zip%40key@localhost/cl%20oud', { database: 'cl oud', user: 'zip@key', tls: false }],
  ])('%s is read', (text, address) => {
    expect(parsePostgresUrl(text)).toMatchObject({ ok: true, value: address })
  })

  test.each([
    ['mysql://zipkey@db.example/cloud', /postgres:\/\//],
    ['postgres:', /postgres:\/\//],
    ['postgres://zipkey:sesame@db.example/cloud', /password/],
    ['postgres://zipkey@db.example', /database/],
    ['postgres://zipkey@db.example/a/b', /database/],
    ['postgres:///cloud', /host/],
    ['postgres://zipkey@db.example/cloud?sslmode=require', /verify-full or disable/],
    ['postgres://zipkey@db.example/cloud?options=-cfsync%3Doff', /not options/],
  ])('%s is refused in words that do not repeat it', (text, problem) => {
    const address = parsePostgresUrl(text)
    expect(address).toMatchObject({ ok: false, problem: expect.stringMatching(problem) })
    expect(JSON.stringify(address)).not.toContain('sesame')
  })
})
