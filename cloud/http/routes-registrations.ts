/** What manufacturers call: whose manifests are believed, registering the devices of a batch, and what becomes of them. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { parseKeyId } from '../../agent/contract/names.ts'
import { parseBatchId, REGISTRATION_LIMITS, REGISTRATION_ROUTES } from '../../agent/contract/registration.ts'
import { registrationKeysOf } from '../crypto/registration-key.ts'
import type { CloudParts } from '../parts.ts'
import { addFactoryKey, retireFactory, showBatch, showFactoryKeys } from '../registry/factory-keys.ts'
import { revokeDevices, showStates } from '../registry/many-devices.ts'
import { registerPart } from '../registry/registration.ts'
import { operators, PUBLIC } from './declared-security.ts'
import { deviceId, inAccount, parsedBy } from './fields.ts'
import { operatorKeyOf } from './principal.ts'
import { problemAnswers } from './problems.ts'
import { listed } from './routes-devices.ts'

const answers = problemAnswers('invalid-token', 'insufficient-scope', 'not-found')
const coordinate = z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'a coordinate is 43 characters of base64url')
const idList = (most: number) => z.array(deviceId).min(1).max(most)

const published = {
  summary: 'The public key (JWK) that registration manifests are encrypted to',
  security: PUBLIC,
  response: { 200: z.record(z.string(), z.unknown()), ...problemAnswers() },
}

const add = {
  summary: 'Believes registration manifests that are signed by this key (P-256)',
  security: operators('operator'),
  params: inAccount,
  body: z.object({
    id: parsedBy(parseKeyId),
    key: z.object({ kty: z.literal('EC'), crv: z.literal('P-256'), x: coordinate, y: coordinate }),
  }),
  response: { 201: z.object({ id: z.string(), kid: z.string() }), ...answers, ...problemAnswers('conflict') },
}

const shownKey = z.object({ id: z.string(), kid: z.string(), retired: z.boolean(), created_at_ms: z.number() })

const list = {
  summary: 'The factory keys of an account',
  security: operators('auditor'),
  params: inAccount,
  response: { 200: z.object({ factory_keys: z.array(shownKey) }), ...answers },
}

const retire = {
  summary: 'Believes nothing any more that a factory key signs; what it registered stays',
  security: operators('operator'),
  params: inAccount.extend({ key: parsedBy(parseKeyId) }),
  response: { 204: z.null(), ...answers },
}

const result = z.object({ id: z.string(), status: z.enum(['registered', 'unchanged', 'conflict', 'refused']), message: z.string() })

const register = {
  summary: 'Registers the devices of a part of a manifest; every row has a result of its own, and what is there is never changed',
  security: operators('operator'),
  params: inAccount,
  body: z.object({ part: z.string().describe('a line of the manifest: a JWE around the JWS of a factory key') }),
  response: {
    200: z.object({ batch: z.string(), part: z.number(), of: z.number(), results: z.array(result) }),
    ...answers,
    ...problemAnswers('unavailable'),
  },
}

const shownPart = z.object({
  part: z.number(),
  from: z.number(),
  rows: z.number(),
  factory_key: z.string(),
  registered_at_ms: z.number(),
})

const batch = {
  summary: 'Which parts of a batch arrived; `devices` is how many the whole batch has, and null where none did',
  security: operators('auditor'),
  params: inAccount.extend({ batch: parsedBy(parseBatchId) }),
  response: { 200: z.object({ batch: z.string(), devices: z.number().nullable(), parts: z.array(shownPart) }), ...answers },
}

const states = {
  summary: 'How these devices stand; those that are not registered are left out',
  security: operators('auditor'),
  params: inAccount,
  body: z.object({ devices: idList(REGISTRATION_LIMITS.states) }),
  response: { 200: z.object({ devices: z.array(listed) }), ...answers },
}

const revoked = z.object({ id: z.string(), status: z.enum(['revoked', 'unchanged', 'unknown']) })

const revoke = {
  summary: 'Ends every credential of these devices for ever, as one by one',
  security: operators('operator'),
  params: inAccount,
  body: z.object({ devices: idList(REGISTRATION_LIMITS.revocations) }),
  response: { 200: z.object({ results: z.array(revoked) }), ...answers },
}

const factoryKeyRoutes =
  (parts: CloudParts): FastifyPluginAsyncZod =>
  async (app) => {
    const path = '/v1/accounts/:account/factory-keys'
    app.post(path, { schema: add }, async (request, reply) => {
      const { account } = request.params
      return reply.code(201).send(await addFactoryKey(parts, operatorKeyOf(request), account, request.body))
    })
    app.get(path, { schema: list }, async ({ params }) => ({ factory_keys: await showFactoryKeys(parts, params.account) }))
    app.post(`${path}/:key/retire`, { schema: retire }, async (request, reply) => {
      await retireFactory(parts, operatorKeyOf(request), request.params.account, request.params.key)
      return reply.code(204).send(null)
    })
  }

/** The routes. */
export const registrationRoutes =
  (parts: CloudParts): FastifyPluginAsyncZod =>
  async (app) => {
    const keys = await registrationKeysOf(parts.masterKeys)
    const paths = {
      registrations: REGISTRATION_ROUTES.registrations(':account'),
      states: REGISTRATION_ROUTES.deviceStates(':account'),
      revocations: REGISTRATION_ROUTES.deviceRevocations(':account'),
    }
    app.get(REGISTRATION_ROUTES.registrationKey, { schema: published }, async () => ({ ...keys[0]?.publicJwk }))
    await app.register(factoryKeyRoutes(parts))
    app.post(paths.registrations, { schema: register }, async (request) =>
      registerPart(parts, keys, operatorKeyOf(request), { account: request.params.account, jwe: request.body.part }),
    )
    app.get(`${paths.registrations}/:batch`, { schema: batch }, async ({ params }) => showBatch(parts, params.account, params.batch))
    app.post(paths.states, { schema: states }, async ({ params, body }) => ({
      devices: await showStates(parts, params.account, body.devices),
    }))
    app.post(paths.revocations, { schema: revoke }, async (request) => ({
      results: await revokeDevices(parts, operatorKeyOf(request), request.params.account, request.body.devices),
    }))
  }
