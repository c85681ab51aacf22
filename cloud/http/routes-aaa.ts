/** What AAA servers call (contract §6). Answers have the form that FreeRADIUS's rlm_rest reads; nothing in them is expanded or echoed. */
import { setTimeout } from 'node:timers/promises'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { ROUTES } from '../../agent/contract/routes.ts'
import { authorizeHotspot, recordHotspotResult, recordHotspotSession } from '../onboarding/hotspot.ts'
import { authorizeCertificate, recordCertificateResult } from '../onboarding/hotspot-certificate.ts'
import type { CloudParts } from '../parts.ts'
import { AAA_CLIENTS } from './declared-security.ts'
import { aaaClientOf } from './principal.ts'
import { problemAnswers } from './problems.ts'

/**
 * A look-up that is done sooner is answered after this time all the same, which then does not tell what was found: a row more or
 * less takes some microseconds. It is started before the work, so that it ends at the same moment whatever the work took.
 */
const LOOK_UP_MS = 3

// Whatever a supplicant sent inside the tunnel arrives here; RADIUS attributes hold 253 bytes, which JSON may write longer.
const attribute = z.string().max(2048)
const station = { calling_station: attribute, called_station: attribute }
const handle = z
  .string()
  .regex(/^(0x[0-9a-f]{32})?$/)
  .transform((text) => (text === '' ? null : text.slice(2)))
const method = z.enum(['TTLS-PAP', 'TTLS-MSCHAPv2', 'PEAP-MSCHAPv2', 'PWD', 'TLS'])
// PEM; of EAP-TLS alone, and empty otherwise. FreeRADIUS reads it with spaces in place of line ends.
const certificate = z
  .string()
  .max(16_384)
  .default('')
  .transform((pem) => pem.replace(/(-----[A-Z ]+-----)|\s+/g, (_, label: string | undefined) => label ?? '\n'))

const rlmRest = <T extends z.ZodType>(value: T) => z.object({ op: z.literal(':='), do_xlat: z.literal(false), value: z.tuple([value]) })
const set = <T>(value: T) => ({ op: ':=' as const, do_xlat: false as const, value: [value] as [T] })

const granted = { 'reply:Session-Timeout': rlmRest(z.number().int()), 'reply:Class': rlmRest(z.string()) }
const authorizeAnswer = z.union([
  z.object({ 'control:Cleartext-Password': rlmRest(z.string()), ...granted }),
  z.object({ 'control:Auth-Type': rlmRest(z.enum(['Accept', 'Reject'])), ...granted }),
])

const sessionOf = ({ sessionS, session }: { readonly sessionS: number; readonly session: string }) => ({
  'reply:Session-Timeout': set(sessionS),
  'reply:Class': set(`0x${session}`),
})

const printable = (text: string): string => text.replace(/[^\x20-\x7e]/g, '?')
const stationText = (body: { calling_station: string; called_station: string }): string =>
  printable(body.called_station === '' ? body.calling_station : `${body.calling_station} at ${body.called_station}`).slice(0, 200)

const authorize = {
  summary: 'The password to check a device against, which nobody has for unknown ones; for method TLS whether the certificate is good',
  security: AAA_CLIENTS,
  body: z.object({ identity: attribute, method, certificate, ...station }),
  response: { 200: authorizeAnswer, ...problemAnswers('invalid-token') },
}

const postAuth = {
  summary: 'How an EAP run ended',
  security: AAA_CLIENTS,
  body: z.object({
    identity: attribute,
    method,
    certificate,
    result: z.enum(['Access-Accept', 'Access-Reject']),
    session: handle,
    ...station,
  }),
  response: { 204: z.null(), ...problemAnswers('invalid-token') },
}

const accounting = {
  summary: "A session's begin or end",
  security: AAA_CLIENTS,
  body: z.object({ event: attribute, session: handle, seconds: z.string().regex(/^[0-9]{0,10}$/), ...station }),
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
      const { body } = request
      const client = aaaClientOf(request)
      if (body.method === 'TLS') {
        const grant = await authorizeCertificate(parts, client, body)
        return { 'control:Auth-Type': set(grant.accepted ? ('Accept' as const) : ('Reject' as const)), ...sessionOf(grant) }
      }
      const due = setTimeout(LOOK_UP_MS)
      const grant = await authorizeHotspot(parts, client, { ...body, station: stationText(body) })
      await due
      return { 'control:Cleartext-Password': set(grant.password), ...sessionOf(grant) }
    })

    app.post(ROUTES.aaaPostAuth, { schema: postAuth, config: limit }, async (request, reply) => {
      const { body } = request
      const told = { ...body, station: stationText(body), accepted: body.result === 'Access-Accept' }
      if (body.method === 'TLS') await recordCertificateResult(parts, aaaClientOf(request), told)
      else await recordHotspotResult(parts, aaaClientOf(request), told)
      return reply.code(204).send(null)
    })

    app.post(ROUTES.aaaAccounting, { schema: accounting, config: limit }, async (request, reply) => {
      const { event, session, seconds } = request.body
      if (session !== null && (event === 'Start' || event === 'Stop')) {
        await recordHotspotSession(parts, aaaClientOf(request), { event, session, seconds: Number(seconds) })
      }
      return reply.code(204).send(null)
    })
  }
