import fastify from 'fastify'
import { describe, expect, it } from 'vitest'
import { AAA_CLIENTS, devices, enforceDeclaredSecurity, operators, PUBLIC } from '../../../../cloud/http/declared-security.ts'
import type { CloudParts } from '../../../../cloud/parts.ts'

/** Nothing of it is asked before a request comes. */
const NO_PARTS = {} as CloudParts

function addRoute(schema: object | undefined): void {
  const app = fastify()
  enforceDeclaredSecurity(app, NO_PARTS)
  app.get('/v1/new', schema === undefined ? {} : { schema }, async () => 'anything')
}

describe('a new route', () => {
  it.each([
    ['has no schema', undefined],
    ['declares nothing', { summary: 'New' }],
    ['names a kind of caller that is not there', { security: [{ visitor: [] }] }],
    ['leaves the role of an operator open', { security: [{ operator: [] }] }],
    ['names a role that is not there', { security: [{ operator: ['janitor'] }] }],
    ['leaves the scope of a device open', { security: [{ device: [] }] }],
    ['lets one of several callers in', { security: [...operators('admin'), ...AAA_CLIENTS] }],
    ['is kept out of the OpenAPI document', { security: PUBLIC, hide: true }],
  ])('that %s keeps the service from starting', (_, schema) => {
    expect(() => addRoute(schema)).toThrow('GET /v1/new does not say in the OpenAPI document who may call it')
  })

  it.each([
    ['everybody', PUBLIC],
    ['operators', operators('auditor')],
    ['devices', devices('enrol', 'device')],
    ['AAA clients', AAA_CLIENTS],
  ])('may declare that it is for %s', (_, security) => {
    expect(() => addRoute({ security })).not.toThrow()
  })

  it.each([
    ['operators', operators('auditor')],
    ['devices', devices('device')],
    ['AAA clients', AAA_CLIENTS],
  ])('lets nobody else in where it declares %s', async (_, security) => {
    const app = fastify()
    enforceDeclaredSecurity(app, NO_PARTS)
    app.get('/v1/new', { schema: { security } }, async () => 'anything')
    expect((await app.inject({ path: '/v1/new' })).body).not.toBe('anything')
  })
})
