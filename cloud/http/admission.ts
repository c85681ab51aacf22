/**
 * The gate of the service: so many requests are worked on at once, and the rest is sent away at once with 503 and Retry-After
 * (RFC 9110 §10.2.3), before anything is looked up. A request holds a place while the service works for it, not while
 * it waits for the client's bytes; one whose client has gone holds it until the work is done.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ApiProblem } from '../api-problem.ts'
import { appointment, type CallerKind, findsPlace } from '../rules/admission.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whose requests the route takes; null: it is never refused. */
    caller?: CallerKind | null
  }
  interface FastifyRequest {
    placeTakenMs: number | null
  }
}

const REPORT_EVERY_MS = 10_000
/** How much the last answer weighs in the mean. */
const WEIGHT = 0.05

/** The places of one process. */
export class Places {
  readonly #places: number
  readonly #monotonicMs: () => number
  readonly #random: () => number
  #taken = 0
  #meanHeldMs = 0
  #bookedUntilMs = 0
  #sentAway = 0

  constructor(places: number, monotonicMs: () => number = () => performance.now(), random: () => number = Math.random) {
    this.#places = places
    this.#monotonicMs = monotonicMs
    this.#random = random
  }

  /** How many are taken. */
  get taken(): number {
    return this.#taken
  }

  /** Takes a place and gives the moment; or says when to come back. */
  take(caller: CallerKind): number {
    const nowMs = this.#monotonicMs()
    if (findsPlace(caller, this.#taken, this.#places)) {
      this.#taken += 1
      return nowMs
    }
    this.#sentAway += 1
    // Little's law: with all places taken, answers come this often.
    const { retryAfterS, bookedUntilMs } = appointment(this.#bookedUntilMs, nowMs, this.#meanHeldMs / this.#taken, this.#random())
    this.#bookedUntilMs = bookedUntilMs
    throw new ApiProblem('unavailable', 'too many requests are being answered at this moment', retryAfterS)
  }

  /** Gives back a place. */
  giveBack(): void {
    this.#taken -= 1
  }

  /** Gives back a place that was taken at this moment for work that is done now. */
  answered(takenMs: number): void {
    this.giveBack()
    this.#meanHeldMs += WEIGHT * (this.#monotonicMs() - takenMs - this.#meanHeldMs)
  }

  /** How many were sent away since this was last asked. */
  sentAway(): number {
    const count = this.#sentAway
    this.#sentAway = 0
    return count
  }
}

/** Puts every route that is added from now on behind the gate, before the hooks that are added to it later. */
export function admitThrough(app: FastifyInstance, places: Places): void {
  app.decorateRequest('placeTakenMs', null)
  const take = async (request: FastifyRequest): Promise<void> => {
    const caller = request.routeOptions.config.caller ?? null
    if (caller !== null) request.placeTakenMs = places.take(caller)
  }
  app.addHook('onRoute', (route) => {
    route.onRequest = [route.onRequest ?? [], take].flat()
  })
  app.addHook('preParsing', async (request) => {
    if (request.placeTakenMs !== null) places.giveBack()
    request.placeTakenMs = null
  })
  app.addHook('preValidation', take)
  app.addHook('onSend', async (request) => {
    if (request.placeTakenMs !== null) places.answered(request.placeTakenMs)
    request.placeTakenMs = null
  })
  const reporting = setInterval(() => {
    const count = places.sentAway()
    if (count > 0)
      app.log.warn({ count, seconds: REPORT_EVERY_MS / 1000 }, 'more was asked than can be answered: sent away with Retry-After')
  }, REPORT_EVERY_MS).unref()
  app.addHook('onClose', async () => clearInterval(reporting))
}
