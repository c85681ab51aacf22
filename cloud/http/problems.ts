/** The one place where errors become problem documents (RFC 9457). */
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { PROBLEMS, type ProblemType, problemUri } from '../../agent/contract/problems.ts'
import { ApiProblem } from '../api-problem.ts'
import { isDatabaseUnavailable } from '../store/database-unavailable.ts'

const CONTENT_TYPE = 'application/problem+json'

/** A problem document, for the OpenAPI document. */
export const problemSchema = z
  .object({ type: z.string(), title: z.string(), status: z.number().int(), detail: z.string() })
  .describe(`A problem document (RFC 9457). type is one of ${Object.keys(PROBLEMS).join(', ')} after urn:zipkey:problem:`)

/** The answer of a route that says no, for the OpenAPI document. */
export const problemAnswers = (...types: readonly ProblemType[]) =>
  Object.fromEntries(
    [...types, 'invalid-request' as const, 'too-many-requests' as const, 'internal' as const].map((type) => [
      PROBLEMS[type].status,
      { description: PROBLEMS[type].title, content: { [CONTENT_TYPE]: { schema: problemSchema } } },
    ]),
  )

/** Sends a problem. */
export function sendProblem(reply: FastifyReply, { problem, detail, retryAfterS }: ApiProblem): FastifyReply {
  const { status, title } = PROBLEMS[problem]
  if (retryAfterS !== null) reply.header('retry-after', String(retryAfterS))
  // Serialised here, since a route's schemas describe what it answers when all is well.
  return reply
    .code(status)
    .type(CONTENT_TYPE)
    .serializer(JSON.stringify)
    .send({ type: problemUri(problem), title, status, detail })
}

function problemOf(error: FastifyError): ApiProblem {
  if (error instanceof ApiProblem) return error
  if (error.validation !== undefined) return new ApiProblem('invalid-request', firstLine(error.message))
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') return new ApiProblem('too-large', 'the request body is too large')
  if (isDatabaseUnavailable(error)) return new ApiProblem('unavailable', 'the database is busy', 1)
  if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500) {
    return new ApiProblem('invalid-request', firstLine(error.message))
  }
  return new ApiProblem('internal', PROBLEMS.internal.title)
}

const firstLine = (text: string): string => text.split('\n', 1)[0] ?? ''

/** Makes every error of the service a problem document; what is the service's own fault is logged. */
export function answerWithProblems(app: FastifyInstance): void {
  app.setErrorHandler((error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
    const problem = problemOf(error)
    if (problem.problem === 'internal') request.log.error({ err: error }, 'the service failed')
    else if (isDatabaseUnavailable(error)) request.log.warn({ reason: error.message }, 'the database is not available')
    else if (problem.cause !== undefined) request.log.error({ err: problem.cause, problem: problem.problem }, 'refused')
    else request.log.info({ problem: problem.problem }, 'refused')
    return sendProblem(reply, problem)
  })
  app.setNotFoundHandler((_request, reply) => sendProblem(reply, new ApiProblem('not-found', 'there is no such path or method')))
}
