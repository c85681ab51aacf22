/** What operators call about the hotspot profiles of an account. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { CloudParts } from '../parts.ts'
import { setProfiles, showProfiles } from '../registry/hotspot-profiles.ts'
import { operators } from './declared-security.ts'
import { inAccount } from './fields.ts'
import { operatorKeyOf } from './principal.ts'
import { problemAnswers } from './problems.ts'

const MOST_PROFILES = 32

const profile = z.record(z.string(), z.unknown()).describe('as in hotspots[] of the CA config, with CA and passphrase in place')

const set = {
  summary: "Replaces the hotspot profiles that the account's devices are given beside those flashed at the factory",
  security: operators('operator'),
  params: inAccount,
  body: z.object({ hotspots: z.array(profile).max(MOST_PROFILES) }),
  response: {
    200: z.object({ version: z.number().int() }),
    ...problemAnswers('invalid-token', 'insufficient-scope', 'not-found'),
  },
}

const show = {
  summary: 'The hotspot profiles of the account, without their passphrases',
  security: operators('auditor'),
  params: inAccount,
  response: {
    200: z.object({ version: z.number().int(), hotspots: z.array(profile) }),
    ...problemAnswers('invalid-token', 'insufficient-scope'),
  },
}

/** The routes. */
export const hotspotProfileRoutes =
  (parts: CloudParts): FastifyPluginAsyncZod =>
  async (app) => {
    app.post('/v1/accounts/:account/hotspot-profiles', { schema: set }, async (request) => {
      const { version } = await setProfiles(parts, operatorKeyOf(request), request.params.account, request.body.hotspots)
      return { version }
    })

    app.get('/v1/accounts/:account/hotspot-profiles', { schema: show }, async (request) => showProfiles(parts, request.params.account))
  }
