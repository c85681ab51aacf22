/**
 * The only loop: event → transition → effects → event. Here live deadlines, abort and the watchdog; what is decided lives in
 * lifecycle/, what is done in the executors.
 *
 * Leaving a state aborts its effects; an answer of an effect that was left is dropped by its number. Every effect ends in
 * exactly one event, every AgentError becomes `failed` in one place, and any other exception is a bug that ends the process.
 */
import { AgentError, type Failure, type FailureCode } from './failure.ts'
import { describeEvent, describeOrder, describeState } from './lifecycle/describe.ts'
import type { Effect, Event, State, Step } from './lifecycle/state.ts'
import { START, transition } from './lifecycle/transition.ts'
import type { Log } from './log.ts'
import type { Clock, ServiceManager } from './ports.ts'

/** How each effect is carried out; a missing executor does not compile. */
export type Executors = { readonly [K in Effect['do']]: (effect: Extract<Effect, { do: K }>, signal: AbortSignal) => Promise<Event> }

/** The last resort for each effect, should an adapter never answer; null for those that may take for ever. */
export type Deadlines = { readonly [K in Effect['do']]: { readonly ms: number; readonly code: FailureCode } | null }

/** What the loop needs besides the executors. */
export type RunOptions = {
  readonly executors: Executors
  readonly deadlines: Deadlines
  readonly clock: Clock
  readonly log: Log
  readonly service: ServiceManager
  readonly signal: AbortSignal
}

type Answer = { readonly flight: number; readonly effect: Effect['do']; readonly event: Event; readonly tookMs: number }
type Arrival = { readonly kind: 'answer'; readonly answer: Answer } | { readonly kind: 'bug'; readonly cause: unknown }

const execute = (executors: Executors, effect: Effect, signal: AbortSignal): Promise<Event> => {
  // Each effect is looked up under its own name, so that the executor's parameter is the effect's type; the union hides it from the compiler.
  const executor = executors[effect.do] as (effect: Effect, signal: AbortSignal) => Promise<Event>
  return executor(effect, signal)
}

/** An answered event, or the failure that took its place. */
async function attempt(effect: Effect, options: RunOptions, flightSignal: AbortSignal): Promise<Event> {
  const limit = options.deadlines[effect.do]
  const deadline = new AbortController()
  const signal = AbortSignal.any([flightSignal, deadline.signal])
  const expired = async (ms: number, code: FailureCode): Promise<Event> => {
    await options.clock.sleep(ms, signal)
    deadline.abort()
    return { type: 'failed', failure: { code, detail: `${effect.do} did not end within ${ms} ms`, retryAfterMs: 0 } }
  }
  try {
    const running = execute(options.executors, effect, signal)
    if (limit === null) return await running
    running.catch(() => {}) // settled by the race; after a deadline its end interests nobody
    return await Promise.race([running, expired(limit.ms, limit.code)])
  } catch (error) {
    if (error instanceof AgentError) return failed(effect, error.failure)
    throw error
  } finally {
    deadline.abort()
  }
}

const failed = (effect: Effect, failure: Failure): Event =>
  effect.do === 'watch-link' ? { type: 'link-lost', failure } : { type: 'failed', failure }

/** Runs until the lifecycle halts or the signal aborts; gives the last state. */
export async function run(options: RunOptions): Promise<State> {
  const { clock, log, service, signal } = options
  const arrivals: Arrival[] = []
  let wake = (): void => {}
  let flight = 0
  let flying = new AbortController()

  const post = (arrival: Arrival): void => {
    arrivals.push(arrival)
    wake()
  }
  const launch = (effects: readonly Effect[]): void => {
    flying.abort()
    flying = new AbortController()
    flight += 1
    const mine = { number: flight, signal: AbortSignal.any([flying.signal, signal]) }
    for (const effect of effects) {
      const startedMs = clock.monotonicMs()
      attempt(effect, options, mine.signal).then(
        (event) =>
          post({
            kind: 'answer',
            answer: { flight: mine.number, effect: effect.do, event, tookMs: Math.round(clock.monotonicMs() - startedMs) },
          }),
        (cause: unknown) => (mine.signal.aborted ? undefined : post({ kind: 'bug', cause })),
      )
    }
  }
  const arrivalOrTick = async (): Promise<void> => {
    if (arrivals.length > 0 || signal.aborted) return
    const ended = new AbortController()
    const woken = new Promise<void>((resolve) => {
      wake = resolve
      signal.addEventListener('abort', () => resolve(), { once: true, signal: ended.signal })
    })
    const tick = service.watchdogEveryMs === null ? [] : [clock.sleep(service.watchdogEveryMs, ended.signal).catch(() => {})]
    await Promise.race([woken, ...tick])
    ended.abort()
  }

  let [state, ...effects]: Step = START
  launch(effects)
  while (state.phase !== 'halted' && !signal.aborted) {
    await arrivalOrTick()
    service.watchdog()
    for (let arrival = arrivals.shift(); arrival !== undefined; arrival = arrivals.shift()) {
      if (arrival.kind === 'bug') throw arrival.cause
      const { answer } = arrival
      if (answer.flight !== flight) continue
      const from: State = state
      ;[state, ...effects] = transition(from, answer.event, clock.monotonicMs())
      tell(log, service, from, state, answer, clock.monotonicMs())
      if (effects.length > 0) launch(effects)
    }
  }
  flying.abort()
  return state
}

function tell(log: Log, service: ServiceManager, from: State, to: State, { effect, event, tookMs }: Answer, nowMs: number): void {
  const { text, fields } = describeEvent(event)
  const order = event.type === 'scanned' && from.phase === 'scanning' ? { bsss: describeOrder(from.journey, event.bsss, nowMs) } : {}
  const level = levelOf(event)
  const where = { effect, from: from.phase, to: to.phase, durationMs: tookMs }
  log[level]({ event: event.type, ...where, ...fields, ...order }, text)
  // What went well and led nowhere all the same: nothing in range, or nothing that takes the credential.
  if (level !== 'warn' && from.phase !== 'waiting' && to.phase === 'waiting') {
    const why = describeEvent({ type: 'failed', failure: to.because })
    log.warn({ event: 'failed', ...where, ...why.fields }, why.text)
  }
  if (from.phase === 'starting' && to.phase !== 'starting') service.ready()
  service.status(describeState(to))
}

/** What goes as it should every few minutes is no news. */
function levelOf(event: Event): 'debug' | 'info' | 'warn' {
  if (event.type === 'profiles-kept') return event.because === null ? 'debug' : 'warn'
  return event.type === 'failed' || event.type === 'link-lost' ? 'warn' : 'info'
}
