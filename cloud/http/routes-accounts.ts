/** What operators call within an account: provisioning keys, devices, the audit log. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { parseAccountId, parseDeviceId, parseKeyId } from '../../agent/contract/names.ts'
import type { Parsed } from '../../agent/contract/parsed.ts'
import type { CloudParts } from '../parts.ts'
import { registerDevices, showDevice } from '../registry/devices.ts'
import { createProvisioningKey, retireKey, showProvisioningKeys } from '../registry/provisioning-keys.ts'
import { orderRotation } from '../registry/rotation.ts'
import { parseIdPattern } from '../rules/id-pattern.ts'
import { readAudit } from '../store/audit-log.ts'
import { operators } from './declared-security.ts'
import { operatorKeyOf } from './principal.ts'
import { problemAnswers } from './problems.ts'

/** A string that a parser of the contract must accept. */
export const parsedBy = (parse: (text: string) => Parsed<string>) =>
  z.string().superRefine((text, context) => {
    const result = parse(text)
    if (!result.ok) context.addIssue({ code: 'custom', message: result.problem })
  })

const account = parsedBy(parseAccountId)
const inAccount = z.object({ account })
const timeMs = z.number().int().nonnegative().nullable().default(null)

const rules = {
  allow: z.array(parsedBy(parseIdPattern)).min(1).max(100_000),
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
  device: parsedBy(parseDeviceId).optional(),
  after: z.coerce.number().int().nonnegative().default(0),
  limit: z.coerce.number().int().min(1).max(1000).default(1000),
})

const create = {
  summary: 'Creates a provisioning key; its text is shown this once',
  security: operators('operator'),
  params: inAccount,
  body: z.object({ id: parsedBy(parseKeyId), ...rules }),
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
  params: z.object({ account, key: parsedBy(parseKeyId) }),
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

const REGISTER_AT_ONCE = 100

const deviceRoutes =
  (parts: CloudParts): FastifyPluginAsyncZod =>
  async (app) => {
    // Rows are strings here and parsed one by one, so that one wrong row does not refuse the others.
    const row = z.object({ id: z.string(), secret: z.string().max(1024), format: z.string().default('zks') })
    const result = z.object({ id: z.string(), status: z.enum(['registered', 'error']), message: z.string() })
    const register = {
      summary: 'Registers devices with the secrets flashed at manufacture; every row has a result of its own',
      security: operators('operator'),
      params: inAccount,
      body: z.object({ devices: z.array(row).min(1).max(REGISTER_AT_ONCE) }),
      response: { 200: z.object({ results: z.array(result) }), ...problemAnswers('invalid-token', 'insufficient-scope', 'not-found') },
    }
    app.post('/v1/accounts/:account/devices', { schema: register }, async (request) => ({
      results: await registerDevices(parts, operatorKeyOf(request), request.params.account, request.body.devices),
    }))

    const issued = z.object({ credential: z.string(), generation: z.number(), state: z.string() })
    const shown = z.object({
      account: z.string(),
      id: z.string(),
      created_at_ms: z.number(),
      temporary: z.object({ state: z.string(), provisioning_key: z.string().nullable() }),
      flashed: z.string(),
      issued: z.array(issued),
    })
    const show = {
      summary: 'A device, and the state of its credentials',
      security: operators('auditor'),
      params: z.object({ account, device: parsedBy(parseDeviceId) }),
      response: { 200: shown, ...problemAnswers('invalid-token', 'insufficient-scope', 'not-found') },
    }
    app.get('/v1/accounts/:account/devices/:device', { schema: show }, async (request) => showDevice(parts, request.params))

    const rotate = {
      summary: 'Orders the device to rotate its permanent secret; an order that is open already is given again',
      security: operators('operator'),
      params: z.object({ account, device: parsedBy(parseDeviceId) }),
      response: { 201: z.object({ order: z.string() }), ...problemAnswers('invalid-token', 'insufficient-scope', 'not-found', 'conflict') },
    }
    const rotation = '/v1/accounts/:account/devices/:device/rotation-orders'
    app.post(rotation, { schema: rotate }, async (request, reply) =>
      reply.code(201).send({ order: await orderRotation(parts, operatorKeyOf(request), request.params) }),
    )
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
    await app.register(deviceRoutes(parts))
    await app.register(auditRoutes(parts))
  }
