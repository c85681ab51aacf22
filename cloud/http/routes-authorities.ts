/** What operators call about CAs of their own, whose certificates enrol devices just in time. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { parseKeyId } from '../../agent/contract/names.ts'
import type { CloudParts } from '../parts.ts'
import { challengeAuthority, registerAuthority, retireCertificateAuthority, showAuthorities } from '../registry/authorities.ts'
import { DEVICE_ID_FIELDS } from '../rules/authority.ts'
import { operators } from './declared-security.ts'
import { idPattern, inAccount, parsedBy } from './fields.ts'
import { operatorKeyOf } from './principal.ts'
import { problemAnswers } from './problems.ts'

const answers = problemAnswers('invalid-token', 'insufficient-scope', 'not-found')
const pem = z.string().max(16_384)
const rules = { device_id_in: z.enum(DEVICE_ID_FIELDS), allow: z.array(idPattern).min(1).max(1000) }

const challenge = {
  summary: 'A challenge by which the owner of a CA proves that it has its key',
  security: operators('operator'),
  params: inAccount,
  body: z.object({ certificate: pem.describe('PEM of the CA that issues devices’ certificates itself') }),
  response: { 200: z.object({ challenge: z.string(), expires_at_ms: z.number() }), ...answers },
}

const register = {
  summary: 'Registers a CA: devices that nobody registered enrol by its certificates',
  security: operators('operator'),
  params: inAccount,
  body: z.object({
    id: parsedBy(parseKeyId),
    certificate: pem,
    proof: pem.describe('a certificate (PEM) that this CA issued, with the challenge as its common name'),
    ...rules,
  }),
  response: { 201: z.object({ id: z.string(), fingerprint: z.string() }), ...answers, ...problemAnswers('conflict') },
}

const shown = z.object({
  ...{ id: z.string(), fingerprint: z.string(), subject: z.string(), ...rules, retired: z.boolean(), created_at_ms: z.number() },
  certificate: z.string(),
})

const list = {
  summary: 'The CAs of an account',
  security: operators('auditor'),
  params: inAccount,
  response: { 200: z.object({ certificate_authorities: z.array(shown) }), ...answers },
}

const retire = {
  summary: 'Retires a CA: it enrols nobody any more; devices that it enrolled are not touched',
  security: operators('operator'),
  params: inAccount.extend({ authority: parsedBy(parseKeyId) }),
  response: { 204: z.null(), ...answers },
}

/** The routes. */
export const authorityRoutes =
  (parts: CloudParts): FastifyPluginAsyncZod =>
  async (app) => {
    const path = '/v1/accounts/:account/certificate-authorities'
    app.post(`${path}/challenge`, { schema: challenge }, async ({ params, body }) =>
      challengeAuthority(parts, params.account, body.certificate),
    )
    app.post(path, { schema: register }, async (request, reply) => {
      const registered = await registerAuthority(parts, operatorKeyOf(request), request.params.account, request.body)
      return reply.code(201).send(registered)
    })
    app.get(path, { schema: list }, async ({ params }) => ({ certificate_authorities: await showAuthorities(parts, params.account) }))
    app.post(`${path}/:authority/retire`, { schema: retire }, async (request, reply) => {
      await retireCertificateAuthority(parts, operatorKeyOf(request), request.params.account, request.params.authority)
      return reply.code(204).send(null)
    })
  }
