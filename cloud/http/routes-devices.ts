/** What operators call about devices: registering, listing and showing them. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { CloudParts } from '../parts.ts'
import { registerDevices } from '../registry/devices.ts'
import { showDevice, showDevices } from '../registry/show-devices.ts'
import { DEVICE_STATES } from '../store/device-list.ts'
import { operators } from './declared-security.ts'
import { deviceId, idPattern, inAccount, ofDevice, pageLimit } from './fields.ts'
import { operatorKeyOf } from './principal.ts'
import { problemAnswers } from './problems.ts'
import { shownAlarm } from './routes-alarms.ts'

const REGISTER_AT_ONCE = 100

// Rows are strings here and parsed one by one, so that one wrong row does not refuse the others.
const row = z.object({
  id: z.string(),
  secret: z.string().max(1024).default('').describe('empty for a device that has a certificate alone'),
  format: z.string().default('zks'),
  certificate: z
    .string()
    .max(8192)
    .default('')
    .describe("the device's own certificate in PEM, or its SHA-256 fingerprint in hex or as c.…"),
})
const result = z.object({ id: z.string(), status: z.enum(['registered', 'error']), message: z.string() })

const register = {
  summary: 'Registers devices with the secrets or certificates flashed at manufacture; every row has a result of its own',
  security: operators('operator'),
  params: inAccount,
  body: z.object({ devices: z.array(row).min(1).max(REGISTER_AT_ONCE) }),
  response: { 200: z.object({ results: z.array(result) }), ...problemAnswers('invalid-token', 'insufficient-scope', 'not-found') },
}

const timeMs = z.number().nullable()

/** A device in a list. */
export const listed = z.object({
  id: z.string(),
  created_at_ms: z.number(),
  temporary: z.string(),
  flashed: z.string(),
  current: z.string().nullable(),
  promoted_ms: timeMs,
  frozen_since_ms: timeMs,
  rearmed_until_ms: timeMs,
})

const list = {
  summary: 'The devices of an account, by id; `next` is what to give as `after` for the next page, and null on the last one',
  security: operators('auditor'),
  params: inAccount,
  querystring: z.object({
    state: z.enum(DEVICE_STATES).nullable().default(null),
    pattern: idPattern.default('*'),
    after: z.union([z.literal(''), deviceId]).default(''),
    limit: pageLimit,
  }),
  response: {
    200: z.object({ devices: z.array(listed), next: z.string().nullable() }),
    ...problemAnswers('invalid-token', 'insufficient-scope', 'not-found'),
  },
}

const shown = z.object({
  account: z.string(),
  id: z.string(),
  created_at_ms: z.number(),
  temporary: z.object({ state: z.string(), provisioning_key: z.string().nullable() }),
  flashed: z.string(),
  issued: z.array(z.object({ credential: z.string(), generation: z.number(), state: z.string() })),
  promoted_ms: timeMs,
  frozen_since_ms: timeMs,
  rearmed: z.object({ credential: z.string(), until_ms: z.number(), issued: z.string().nullable() }).nullable(),
  order: z.object({ id: z.string(), created_at_ms: z.number() }).nullable(),
  runs: z.array(z.object({ run: z.string(), first_heard_ms: z.number() })),
  alarms: z.array(shownAlarm),
})

const show = {
  summary: 'A device: its credentials, what was ordered, what was heard of it, and its open alarms',
  security: operators('auditor'),
  params: ofDevice,
  response: { 200: shown, ...problemAnswers('invalid-token', 'insufficient-scope', 'not-found') },
}

/** The routes. */
export const registryRoutes =
  (parts: CloudParts): FastifyPluginAsyncZod =>
  async (app) => {
    app.post('/v1/accounts/:account/devices', { schema: register }, async (request) => ({
      results: await registerDevices(parts, operatorKeyOf(request), request.params.account, request.body.devices),
    }))
    app.get('/v1/accounts/:account/devices', { schema: list }, async (request) => {
      const { pattern, ...query } = request.query
      return showDevices(parts, { account: request.params.account, ...query }, pattern)
    })
    app.get('/v1/accounts/:account/devices/:device', { schema: show }, async (request) => showDevice(parts, request.params))
  }
