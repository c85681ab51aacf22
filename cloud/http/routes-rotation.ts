/** What operators call to have devices rotate: orders for one or many, and schedules. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { parseKeyId } from '../../agent/contract/names.ts'
import type { CloudParts } from '../parts.ts'
import { forEachDevice, orderRotation, takeOrderBack } from '../registry/rotation.ts'
import { createSchedule, removeSchedule, showSchedules } from '../registry/rotation-schedules.ts'
import { operators } from './declared-security.ts'
import { idPattern, inAccount, ofDevice, parsedBy } from './fields.ts'
import { operatorKeyOf } from './principal.ts'
import { problemAnswers } from './problems.ts'

const HOUR_MS = 3_600_000
const LONGEST_MS = 3650 * 24 * HOUR_MS
const DEVICES_AT_ONCE = 100

const answers = problemAnswers('invalid-token', 'insufficient-scope', 'not-found')

const rotate = {
  summary: 'Orders the device to rotate its permanent credential; an order that is open already is given again',
  security: operators('operator'),
  params: ofDevice,
  response: { 201: z.object({ order: z.string() }), ...answers, ...problemAnswers('conflict') },
}

// Ids are strings here and parsed one by one, so that one wrong id does not refuse the others.
const devices = z.object({ devices: z.array(z.string()).min(1).max(DEVICES_AT_ONCE) })
const result = z.object({ id: z.string(), status: z.enum(['done', 'error']), order: z.string().nullable(), message: z.string() })
const results = { 200: z.object({ results: z.array(result) }), ...answers }

const rotateMany = {
  summary: 'Orders many devices to rotate; every one has a result of its own',
  security: operators('operator'),
  params: inAccount,
  body: devices,
  response: results,
}

const takeBack = { ...rotateMany, summary: 'Takes open orders back; every device has a result of its own' }

const everyMs = z.number().int().min(HOUR_MS).max(LONGEST_MS)
const schedule = { id: parsedBy(parseKeyId), allow: z.array(idPattern).min(1).max(1000), every_ms: everyMs }

const create = {
  summary: 'Creates a schedule: no matching device works with a credential that is older than the period',
  security: operators('operator'),
  params: inAccount,
  body: z.object(schedule),
  response: { 201: z.object({ id: z.string() }), ...answers, ...problemAnswers('conflict') },
}

const list = {
  summary: 'The rotation schedules of an account',
  security: operators('auditor'),
  params: inAccount,
  response: { 200: z.object({ rotation_schedules: z.array(z.object({ ...schedule, created_at_ms: z.number() })) }), ...answers },
}

const remove = {
  summary: 'Deletes a schedule; orders that it opened stay open',
  security: operators('operator'),
  params: inAccount.extend({ schedule: parsedBy(parseKeyId) }),
  response: { 204: z.null(), ...answers },
}

/** The routes. */
export const rotationRoutes =
  (parts: CloudParts): FastifyPluginAsyncZod =>
  async (app) => {
    const account = '/v1/accounts/:account'

    app.post(`${account}/devices/:device/rotation-orders`, { schema: rotate }, async (request, reply) =>
      reply.code(201).send({ order: await orderRotation(parts, operatorKeyOf(request), request.params) }),
    )
    app.post(`${account}/rotation-orders`, { schema: rotateMany }, async (request) => ({
      results: await forEachDevice(parts, operatorKeyOf(request), request.params.account, request.body.devices, orderRotation),
    }))
    app.post(`${account}/rotation-orders/take-back`, { schema: takeBack }, async (request) => ({
      results: await forEachDevice(parts, operatorKeyOf(request), request.params.account, request.body.devices, takeOrderBack),
    }))

    app.post(`${account}/rotation-schedules`, { schema: create }, async (request, reply) => {
      await createSchedule(parts, operatorKeyOf(request), request.params.account, request.body)
      return reply.code(201).send({ id: request.body.id })
    })
    app.get(`${account}/rotation-schedules`, { schema: list }, async (request) => ({
      rotation_schedules: await showSchedules(parts, request.params.account),
    }))
    app.post(`${account}/rotation-schedules/:schedule/delete`, { schema: remove }, async (request, reply) => {
      await removeSchedule(parts, operatorKeyOf(request), request.params.account, request.params.schedule)
      return reply.code(204).send(null)
    })
  }
