/** What operators call about alarms. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { CloudParts } from '../parts.ts'
import { acknowledge, showAlarms } from '../registry/alarms.ts'
import { ALARM_KINDS } from '../rules/alarm.ts'
import { operators } from './declared-security.ts'
import { deviceId, inAccount, pageLimit } from './fields.ts'
import { operatorKeyOf } from './principal.ts'
import { problemAnswers } from './problems.ts'

const ALARM_ID = /^[0-9a-f]{22}$/

/** An alarm. */
export const shownAlarm = z.object({
  id: z.string(),
  account: z.string(),
  device: z.string(),
  kind: z.enum(ALARM_KINDS),
  detail: z.string(),
  count: z.number(),
  at_ms: z.number(),
  last_ms: z.number(),
  acknowledged_ms: z.number().nullable(),
  acknowledged_by: z.string().nullable(),
})

const answers = problemAnswers('invalid-token', 'insufficient-scope')

const list = {
  summary:
    'The alarms of an account, oldest first; `after` is the id of the last one seen, `since_ms` leaves out what was not raised since',
  security: operators('auditor'),
  params: inAccount,
  querystring: z.object({
    state: z.enum(['open', 'all']).default('open'),
    device: deviceId.nullable().default(null),
    since_ms: z.coerce.number().int().nonnegative().default(0),
    after: z.union([z.literal(''), z.string().regex(ALARM_ID)]).default(''),
    limit: pageLimit,
  }),
  response: { 200: z.object({ alarms: z.array(shownAlarm) }), ...answers },
}

const everywhere = {
  summary: 'The alarms of every account that the operator key is for, oldest first',
  security: operators('auditor'),
  querystring: list.querystring,
  response: list.response,
}

const acknowledgement = {
  summary: 'Acknowledges an open alarm; the next one of its kind opens anew',
  security: operators('operator'),
  params: inAccount.extend({ alarm: z.string().regex(ALARM_ID, 'an alarm id is 22 hexadecimal digits') }),
  response: { 204: z.null(), ...answers, ...problemAnswers('not-found') },
}

type Query = z.infer<typeof list.querystring>

const filterOf = (accounts: readonly string[] | null, { state, since_ms: sinceMs, ...query }: Query) => ({
  ...query,
  accounts,
  sinceMs,
  open: state === 'open',
})

/** The routes. */
export const alarmRoutes =
  (parts: CloudParts): FastifyPluginAsyncZod =>
  async (app) => {
    app.get('/v1/accounts/:account/alarms', { schema: list }, async (request) => ({
      alarms: await showAlarms(parts, filterOf([request.params.account], request.query)),
    }))
    app.get('/v1/alarms', { schema: everywhere }, async (request) => ({
      alarms: await showAlarms(parts, filterOf(operatorKeyOf(request).accounts, request.query)),
    }))
    app.post('/v1/accounts/:account/alarms/:alarm/acknowledge', { schema: acknowledgement }, async (request, reply) => {
      await acknowledge(parts, operatorKeyOf(request), request.params.account, request.params.alarm)
      return reply.code(204).send(null)
    })
  }
