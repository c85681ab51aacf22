/** What operators do when something is wrong with a device: revoke it, re-arm it, freeze and unfreeze its rotation. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { type CredentialId, parseCredentialId } from '../../agent/contract/names.ts'
import { ApiProblem } from '../api-problem.ts'
import type { CloudParts } from '../parts.ts'
import { rearmCredential, revokeCredentials, setFrozen } from '../registry/device-care.ts'
import { operators } from './declared-security.ts'
import { credentialName, ofDevice } from './fields.ts'
import { operatorKeyOf } from './principal.ts'
import { problemAnswers } from './problems.ts'

const security = operators('operator')
const answers = problemAnswers('invalid-token', 'insufficient-scope', 'not-found')

const revoke = {
  summary: 'Ends a credential of a device for ever, or for null every one that it has or had',
  security,
  params: ofDevice,
  body: z.object({ credential: credentialName.nullable() }),
  response: { 204: z.null(), ...answers },
}

const rearm = {
  summary: 'Makes a credential that ended good once more, for an hour: for one swap, however often its messages are lost',
  security,
  params: ofDevice,
  body: z.object({ credential: credentialName }),
  response: { 201: z.object({ credential: z.string(), until_ms: z.number() }), ...answers, ...problemAnswers('conflict') },
}

const freeze = {
  summary: 'Lets no order issue anything to a device; its current credential works on',
  security,
  params: ofDevice,
  response: { 204: z.null(), ...answers },
}

const unfreeze = { ...freeze, summary: 'Lets a device be rotated again' }

function credentialOf(text: string): CredentialId {
  const id = parseCredentialId(text === 'flashed' ? null : text)
  if (!id.ok) throw new ApiProblem('invalid-request', id.problem)
  return id.value
}

/** The routes. */
export const deviceCareRoutes =
  (parts: CloudParts): FastifyPluginAsyncZod =>
  async (app) => {
    const device = '/v1/accounts/:account/devices/:device'

    app.post(`${device}/revoke`, { schema: revoke }, async (request, reply) => {
      const { credential } = request.body
      await revokeCredentials(parts, operatorKeyOf(request), request.params, credential === null ? null : credentialOf(credential))
      return reply.code(204).send(null)
    })

    app.post(`${device}/rearm`, { schema: rearm }, async (request, reply) => {
      const { credential } = request.body
      const untilMs = await rearmCredential(parts, operatorKeyOf(request), request.params, credentialOf(credential))
      return reply.code(201).send({ credential, until_ms: untilMs })
    })

    app.post(`${device}/freeze`, { schema: freeze }, async (request, reply) => {
      await setFrozen(parts, operatorKeyOf(request), request.params, true)
      return reply.code(204).send(null)
    })

    app.post(`${device}/unfreeze`, { schema: unfreeze }, async (request, reply) => {
      await setFrozen(parts, operatorKeyOf(request), request.params, false)
      return reply.code(204).send(null)
    })
  }
