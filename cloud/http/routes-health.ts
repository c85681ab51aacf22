/** What load balancers ask. It is never refused for too much work: a process that is busy is not one that is broken. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { sql } from 'kysely'
import { z } from 'zod'
import { ApiProblem } from '../api-problem.ts'
import type { CloudParts } from '../parts.ts'
import { PUBLIC } from './declared-security.ts'
import { problemAnswers } from './problems.ts'

const DATABASE_ANSWERS_WITHIN_MS = 2_000
const ASK_AGAIN_S = 5

const health = {
  summary: 'Whether this process can do its work, for load balancers',
  security: PUBLIC,
  response: { 200: z.object({ status: z.literal('ok') }), ...problemAnswers('unavailable') },
}

/** The route for load balancers. */
export const healthRoutes =
  (parts: CloudParts): FastifyPluginAsyncZod =>
  async (app) => {
    app.get('/v1/health', { schema: health, config: { caller: null, rateLimit: false } }, async (request, reply) => {
      reply.header('cache-control', 'no-store')
      await databaseAnswers(parts).catch((error: unknown) => {
        request.log.error({ err: error }, 'the database does not answer')
        throw new ApiProblem('unavailable', 'the database does not answer', ASK_AGAIN_S)
      })
      return { status: 'ok' as const }
    })
  }

async function databaseAnswers({ db }: CloudParts): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${DATABASE_ANSWERS_WITHIN_MS} ms`)), DATABASE_ANSWERS_WITHIN_MS)
  })
  try {
    await Promise.race([sql`select 1`.execute(db), late])
  } finally {
    clearTimeout(timer)
  }
}
