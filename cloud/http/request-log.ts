/** The service's log: one line for each request once it is answered. Of a request it tells only what was asked for: no headers, no body, no query. */
import type { FastifyInstance, FastifyServerOptions } from 'fastify'

const WARN = 40
const METADATA: unique symbol = Symbol.for('pino.metadata')

/** Where lines go in the end. */
type Out = { readonly write: (text: string) => unknown }

/**
 * Hands over in one piece what is logged in one turn of the event loop, since each write waits for the reader of the log. A warning
 * does not wait for the turn's end. pino tells the level of a line by `lastLevel`, where a stream asks for it by its symbol.
 */
export class TurnByTurn {
  readonly #out: Out
  #pending = ''
  readonly [METADATA] = true
  lastLevel = 0

  constructor(out: Out) {
    this.#out = out
  }

  write(line: string): void {
    if (this.#pending === '') setImmediate(() => this.flush())
    this.#pending += line
    if (this.lastLevel >= WARN) this.flush()
  }

  flush(): void {
    const text = this.#pending
    this.#pending = ''
    if (text !== '') this.#out.write(text)
  }
}

/** The logger's settings. */
export const loggerOf = (level: string, stream: TurnByTurn): NonNullable<FastifyServerOptions['logger']> => ({
  level,
  base: null,
  serializers: { req: ({ method, url, ip }) => ({ method, path: url.split('?', 1)[0], ip }) },
  stream,
})

/** Logs what is answered; fastify's own request logging, two lines for each request, is to be off. */
export function logAnswers(app: FastifyInstance, stream: TurnByTurn): void {
  app.addHook('onResponse', async (request, reply) => {
    request.log.info({ req: request, res: reply, responseTime: reply.elapsedTime }, 'answered')
  })
  app.addHook('onClose', async () => stream.flush())
}
