/** What operators call across accounts: accounts themselves, operator keys, AAA clients, the whole audit log. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { parseAccountId, parseKeyId, parseRealm } from '../../agent/contract/names.ts'
import { isBearerKeyText } from '../crypto/bearer-key.ts'
import type { CloudParts } from '../parts.ts'
import { createAaaClient, createAccount, createOperatorKey } from '../registry/principals.ts'
import { readAudit } from '../store/audit-log.ts'
import { OPERATOR_ROLES } from '../store/principals.ts'
import { operators } from './declared-security.ts'
import { parsedBy } from './fields.ts'
import { operatorKeyOf } from './principal.ts'
import { problemAnswers } from './problems.ts'
import { auditPage, auditQuery } from './routes-accounts.ts'

const bearerKey = z.string().refine(isBearerKeyText, 'a secret drawn elsewhere is 43 characters of base64url')
const accounts = z.array(parsedBy(parseAccountId)).min(1).nullable().default(null)
const security = operators('admin')
const answers = problemAnswers('invalid-token', 'insufficient-scope', 'conflict', 'not-found')

const account = {
  summary: 'Creates an account',
  security,
  body: z.object({ id: parsedBy(parseAccountId) }),
  response: { 201: z.object({ id: z.string() }), ...answers },
}

const operatorKey = {
  summary: 'Creates an operator key; its text is shown this once',
  security,
  body: z.object({ id: parsedBy(parseKeyId), role: z.enum(OPERATOR_ROLES), accounts }),
  response: { 201: z.object({ id: z.string(), key: z.string() }), ...answers },
}

const aaaClient = {
  summary: "Creates an AAA client, a hotspot operator's RADIUS server; its secret is shown this once",
  security,
  body: z.object({ id: parsedBy(parseKeyId), aaa_domain: parsedBy(parseRealm), accounts, secret: bearerKey.nullable().default(null) }),
  response: { 201: z.object({ id: z.string(), secret: z.string() }), ...answers },
}

const audit = {
  summary: 'The whole audit log, oldest first',
  security,
  querystring: auditQuery,
  response: { 200: auditPage, ...answers },
}

/** The administrators' routes. */
export const adminRoutes =
  (parts: CloudParts): FastifyPluginAsyncZod =>
  async (app) => {
    app.post('/v1/accounts', { schema: account }, async (request, reply) => {
      await createAccount(parts, operatorKeyOf(request), request.body.id)
      return reply.code(201).send({ id: request.body.id })
    })

    app.post('/v1/operator-keys', { schema: operatorKey }, async (request, reply) => {
      const created = await createOperatorKey(parts, operatorKeyOf(request), request.body)
      return reply.code(201).header('cache-control', 'no-store').send(created)
    })

    app.post('/v1/aaa-clients', { schema: aaaClient }, async (request, reply) => {
      const created = await createAaaClient(parts, operatorKeyOf(request), request.body)
      return reply.code(201).header('cache-control', 'no-store').send(created)
    })

    app.get('/v1/audit', { schema: audit }, async (request) => {
      const { device, after, limit } = request.query
      return {
        entries: [...(await readAudit(parts.db, { accounts: operatorKeyOf(request).accounts, device: device ?? null, after, limit }))],
      }
    })
  }
