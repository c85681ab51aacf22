/** What operators call within an account: provisioning keys and the audit log here, devices, rotation and alarms in files of their own. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { parseKeyId } from '../../agent/contract/names.ts'
import type { CloudParts } from '../parts.ts'
import { createProvisioningKey, retireKey, showProvisioningKeys } from '../registry/provisioning-keys.ts'
import { readAudit } from '../store/audit-log.ts'
import { operators } from './declared-security.ts'
import { deviceId, idPattern, inAccount, pageLimit, parsedBy } from './fields.ts'
import { operatorKeyOf } from './principal.ts'
import { problemAnswers } from './problems.ts'
import { alarmRoutes } from './routes-alarms.ts'
import { authorityRoutes } from './routes-authorities.ts'
import { deviceCareRoutes } from './routes-device-care.ts'
import { registryRoutes } from './routes-devices.ts'
import { hotspotProfileRoutes } from './routes-hotspot-profiles.ts'
import { registrationRoutes } from './routes-registrations.ts'
import { rotationRoutes } from './routes-rotation.ts'

const timeMs = z.number().int().nonnegative().nullable().default(null)

const rules = {
  allow: z.array(idPattern).min(1).max(100_000),
  not_before_ms: timeMs,
  not_after_ms: timeMs,
  max_devices: z.number().int().positive().max(2_147_483_647).nullable().default(null),
}

const shownKey = z.object({ id: z.string(), ...rules, retired: z.boolean(), created_at_ms: z.number(), enrolled_devices: z.number() })

const auditEntry = z.object({
  seq: z.number(),
  at: z.number(),
  account: z.string().nullable(),
  device: z.string().nullable(),
  credential: z.string().nullable(),
  event: z.string(),
  principal: z.string(),
  detail: z.string(),
  session: z.string().nullable(),
})

/** One page of the audit log. */
export const auditPage = z.object({ entries: z.array(auditEntry) })

/** Which page. */
export const auditQuery = z.object({
  device: deviceId.optional(),
  after: z.coerce.number().int().nonnegative().default(0),
  limit: pageLimit,
})

const create = {
  summary: 'Creates a provisioning key, or takes one that devices have already (`key`); its text is shown this once',
  security: operators('operator'),
  params: inAccount,
  body: z.object({ id: parsedBy(parseKeyId), ...rules, key: z.string().nullable().default(null) }),
  response: {
    201: z.object({ id: z.string(), key: z.string() }),
    ...problemAnswers('invalid-token', 'insufficient-scope', 'conflict', 'not-found'),
  },
}

const list = {
  summary: 'The provisioning keys of an account, without their secrets',
  security: operators('auditor'),
  params: inAccount,
  response: { 200: z.object({ provisioning_keys: z.array(shownKey) }), ...problemAnswers('invalid-token', 'insufficient-scope') },
}

const retire = {
  summary: 'Retires a provisioning key; devices that swapped are not touched',
  security: operators('operator'),
  params: inAccount.extend({ key: parsedBy(parseKeyId) }),
  response: { 204: z.null(), ...problemAnswers('invalid-token', 'insufficient-scope', 'not-found') },
}

const provisioningKeyRoutes =
  (parts: CloudParts): FastifyPluginAsyncZod =>
  async (app) => {
    app.post('/v1/accounts/:account/provisioning-keys', { schema: create }, async (request, reply) => {
      const created = await createProvisioningKey(parts, operatorKeyOf(request), request.params.account, request.body)
      reply.code(201).header('cache-control', 'no-store')
      return created
    })

    app.get('/v1/accounts/:account/provisioning-keys', { schema: list }, async (request) => ({
      provisioning_keys: await showProvisioningKeys(parts, request.params.account),
    }))

    app.post('/v1/accounts/:account/provisioning-keys/:key/retire', { schema: retire }, async (request, reply) => {
      await retireKey(parts, operatorKeyOf(request), request.params.account, request.params.key)
      return reply.code(204).send(null)
    })
  }

const auditRoutes =
  (parts: CloudParts): FastifyPluginAsyncZod =>
  async (app) => {
    const read = {
      summary: 'The audit log of an account, oldest first; `after` is the seq of the last entry seen',
      security: operators('auditor'),
      params: inAccount,
      querystring: auditQuery,
      response: { 200: auditPage, ...problemAnswers('invalid-token', 'insufficient-scope') },
    }
    app.get('/v1/accounts/:account/audit', { schema: read }, async (request) => {
      const { device, after, limit } = request.query
      const entries = await readAudit(parts.db, { accounts: [request.params.account], device: device ?? null, after, limit })
      return { entries: [...entries] }
    })
  }

/** The operators' routes within an account. */
export const accountRoutes =
  (parts: CloudParts): FastifyPluginAsyncZod =>
  async (app) => {
    await app.register(provisioningKeyRoutes(parts))
    await app.register(registryRoutes(parts))
    await app.register(registrationRoutes(parts))
    await app.register(authorityRoutes(parts))
    await app.register(deviceCareRoutes(parts))
    await app.register(rotationRoutes(parts))
    await app.register(hotspotProfileRoutes(parts))
    await app.register(alarmRoutes(parts))
    await app.register(auditRoutes(parts))
  }
