/** `application/x-www-form-urlencoded` bodies (RFC 6749 §4.4.2): each parameter once. */
import type { FastifyInstance } from 'fastify'
import { ApiProblem } from '../api-problem.ts'

/** Teaches the service to read forms. */
export function acceptForms(app: FastifyInstance): void {
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, async (_request: unknown, body: string | Buffer) => {
    const form = new URLSearchParams(body.toString())
    if (new Set(form.keys()).size !== form.size) throw new ApiProblem('invalid-request', 'a form parameter is given twice')
    return Object.fromEntries(form)
  })
}
