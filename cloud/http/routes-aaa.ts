/** What AAA servers call (contract §6). Answers have the form that FreeRADIUS's rlm_rest reads; nothing in them is expanded or echoed. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { ROUTES } from '../../agent/contract/routes.ts'
import { authorizeHotspot, recordHotspotResult, recordHotspotSession } from '../onboarding/hotspot.ts'
import type { CloudParts } from '../parts.ts'
import { AAA_CLIENTS } from './declared-security.ts'
import { aaaClientOf } from './principal.ts'
import { problemAnswers } from './problems.ts'

// Whatever a supplicant sent inside the tunnel arrives here; RADIUS attributes hold 253 bytes, which JSON may write longer.
const attribute = z.string().max(2048)
const station = { calling_station: attribute, called_station: attribute }
const session = z
  .string()
  .regex(/^(0x[0-9a-f]{32})?$/)
  .transform((text) => (text === '' ? null : text.slice(2)))
const method = z.enum(['TTLS-PAP', 'TTLS-MSCHAPv2'])

const rlmRest = <T extends z.ZodType>(value: T) => z.object({ op: z.literal(':='), do_xlat: z.literal(false), value: z.tuple([value]) })
const set = <T>(value: T) => ({ op: ':=' as const, do_xlat: false as const, value: [value] as [T] })

const authorizeAnswer = z.object({
  'control:Cleartext-Password': rlmRest(z.string()),
  'reply:Session-Timeout': rlmRest(z.number().int()),
  'reply:Class': rlmRest(z.string()),
})

const printable = (text: string): string => text.replace(/[^\x20-\x7e]/g, '?')
const stationText = (body: { calling_station: string; called_station: string }): string =>
  printable(body.called_station === '' ? body.calling_station : `${body.calling_station} at ${body.called_station}`).slice(0, 200)

const authorize = {
  summary: 'The password to check a device against; unknown ones get a password that nobody has',
  security: AAA_CLIENTS,
  body: z.object({ identity: attribute, method, ...station }),
  response: { 200: authorizeAnswer, ...problemAnswers('invalid-token') },
}

const postAuth = {
  summary: 'How an EAP run ended',
  security: AAA_CLIENTS,
  body: z.object({ identity: attribute, method, result: z.enum(['Access-Accept', 'Access-Reject']), session, ...station }),
  response: { 204: z.null(), ...problemAnswers('invalid-token') },
}

const accounting = {
  summary: "A session's begin or end",
  security: AAA_CLIENTS,
  body: z.object({ event: attribute, session, seconds: z.string().regex(/^[0-9]{0,10}$/), ...station }),
  response: { 204: z.null(), ...problemAnswers('invalid-token') },
}

/** The AAA routes; each AAA client is rate-limited by itself. */
export const aaaRoutes =
  (parts: CloudParts, requestsPerMinute: number): FastifyPluginAsyncZod =>
  async (app) => {
    const limit = {
      rateLimit: {
        max: requestsPerMinute,
        hook: 'preValidation' as const,
        keyGenerator: (request: Parameters<typeof aaaClientOf>[0]) => `aaa:${aaaClientOf(request).id}`,
      },
    }

    app.post(ROUTES.aaaAuthorize, { schema: authorize, config: limit }, async (request) => {
      const { identity, method: eapMethod } = request.body
      const asked = { identity, method: eapMethod, station: stationText(request.body) }
      const grant = await authorizeHotspot(parts, aaaClientOf(request), asked)
      return {
        'control:Cleartext-Password': set(grant.password),
        'reply:Session-Timeout': set(grant.sessionS),
        'reply:Class': set(`0x${grant.session}`),
      }
    })

    app.post(ROUTES.aaaPostAuth, { schema: postAuth, config: limit }, async (request, reply) => {
      const { identity, method: eapMethod, result, session: handle } = request.body
      const told = {
        identity,
        method: eapMethod,
        station: stationText(request.body),
        accepted: result === 'Access-Accept',
        session: handle,
      }
      await recordHotspotResult(parts, aaaClientOf(request), told)
      return reply.code(204).send(null)
    })

    app.post(ROUTES.aaaAccounting, { schema: accounting, config: limit }, async (request, reply) => {
      const { event, session: handle, seconds } = request.body
      if (handle !== null && (event === 'Start' || event === 'Stop')) {
        await recordHotspotSession(parts, aaaClientOf(request), { event, session: handle, seconds: Number(seconds) })
      }
      return reply.code(204).send(null)
    })
  }
