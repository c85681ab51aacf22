/**
 * The whole lifecycle, told once:
 *
 *   starting ─▶ scanning ─▶ joining ─▶ (asking-time) ─▶ authenticating ─▶ swapping ─▶ scanning … ─▶ steady
 *                  ▲            any failure, any lost link ─▶ waiting ─┘
 *
 * A device scans, joins the best hotspot with the first credential it has, and authenticates to the cloud. A temporary
 * credential asks for a permanent one, which is stored durably and then walks the same path; only when it has arrived is it
 * promoted. A permanent credential is rotated by the same moves, on an order of the cloud. Nothing is deleted because someone said no: a refusal goes to the next candidate, everything else tries again.
 *
 * Pure: no clock, no chance, no I/O. Effects are data for run.ts to carry out; `nowMs` is monotonic.
 */
import type { Candidates } from '../credential/credential.ts'
import { canCarry, methodsOf } from '../credential/eap-profile.ts'
import { FAILURES, type Failure, type FailureCode } from '../failure.ts'
import type { AccessToken, Bss } from '../ports.ts'
import { afterFailure, arrived, type Journey, order, readAgain, setOut, stumbled, withCurrent, withPending } from './journey.ts'
import type { Effect, Event, Hold, State, Step } from './state.ts'

/** A scan this young serves the second walk of the swap. */
const FRESH_SCAN_MS = 15_000

/** A device that was steady this long starts its backoff anew; one that flaps does not. */
const SETTLED_MS = 60_000

/** A hotspot that never led to the cloud is left after so many failed calls, for another BSS if there is one. */
const CALLS_BEFORE_LEAVING = 3

/** Failures that say nothing about the BSS that was being joined. */
const NOT_THE_BSS: ReadonlySet<FailureCode> = new Set(['ERR_WIFI_BUS', 'ERR_WIFI_SUPPLICANT', 'ERR_WIFI_NO_RADIO'])

/** Failures by date alone: they lead back to the signed time (contract §4). */
const BY_DATE: ReadonlySet<FailureCode> = new Set(['ERR_WIFI_SERVER_DATES', 'ERR_CLOUD_DATES', 'ERR_CLOUD_CLOCK'])

/** Every other retry looks on all channels, which takes seconds: what is on the profiles' own may be nothing but an evil twin. */
const scan = (journey: Journey, maxAgeMs: number, everywhere = journey.attempt % 2 === 1): Step => [
  { phase: 'scanning', journey },
  { do: 'scan', maxAgeMs, everywhere },
]

/** A hotspot whose link was lost is where it was, mostly. */
const scanAfter = (journey: Journey, because: Failure): Step =>
  because.code === 'ERR_WIFI_LINK_LOST' ? scan(journey, 0, false) : scan(journey, 0)

function wait(journey: Journey, hold: Hold | null, because: Failure): Step {
  const effects: Effect[] = [{ do: 'wait', attempt: journey.attempt, atLeastMs: because.retryAfterMs }]
  if (hold !== null) effects.push({ do: 'watch-link', link: hold.link })
  if (because.code === 'ERR_WIFI_NO_RADIO') effects.push({ do: 'watch-radio' })
  return [{ phase: 'waiting', journey, hold, because }, ...effects]
}

function fail(journey: Journey, hold: Hold | null, failure: Failure, nowMs: number): Step {
  if (FAILURES[failure.code].disposition === 'halt') return [{ phase: 'halted', because: failure }]
  const next = afterFailure(BY_DATE.has(failure.code) ? { ...journey, clock: 'doubtful' } : journey, failure, nowMs)
  const isStillGood = next.candidates[0] === journey.candidates[0] || hold?.link.eap === null
  if (hold === null || !isStillGood) return wait(next, null, failure)
  const patient = (hold.reachedCloud && hold.link.bss !== null) || next.attempt % CALLS_BEFORE_LEAVING !== 0
  return patient ? wait(next, hold, failure) : wait(stumbled(next, hold.link.bss, nowMs), null, failure)
}

function join(journey: Journey, bsss: readonly Bss[], refusal: Failure | null, whenNone: Failure, nowMs: number): Step {
  const [bss, ...others] = bsss
  if (bss === undefined) return fail(journey, null, refusal ?? whenNone, nowMs)
  return [
    { phase: 'joining', journey, bss, others, refusal },
    { do: 'join', bss, candidate: journey.candidates[0], checkDates: journey.clock === 'trusted' },
  ]
}

/** Joins a BSS whose profile takes the walking credential; the others are no place to go for it. */
function joinFitting(journey: Journey, bsss: readonly Bss[], nowMs: number): Step {
  const [{ credential }] = journey.candidates
  const fitting = bsss.filter(({ hotspot }) => canCarry(hotspot, credential))
  const whenNone = bsss.length === 0 ? NO_HOTSPOT : noMethod(methodsOf(credential))
  const bestFirst = order(journey, fitting, nowMs).map(({ bss }) => bss)
  return join(journey, bestFirst, null, whenNone, nowMs)
}

function approachCloud(journey: Journey, hold: Hold, challenge: string | null): Step {
  const watch: Effect = { do: 'watch-link', link: hold.link }
  if (journey.clock === 'doubtful') return [{ phase: 'asking-time', journey, hold }, { do: 'ask-time' }, watch]
  return [{ phase: 'authenticating', journey, hold }, { do: 'authenticate', candidate: journey.candidates[0], challenge }, watch]
}

function settle(journey: Journey, hold: Hold, token: AccessToken, nowMs: number, sinceMs = nowMs): Step {
  const [candidate] = journey.candidates
  if (candidate.slot === 'temporary') return wait(journey, hold, outsideContract('a temporary credential cannot be steady'))
  const settled = arrived(journey, hold.link.bss)
  const isNews = settled.known !== journey.known
  return [
    { phase: 'steady', journey: settled, hold, credential: candidate.credential, token, sinceMs },
    { do: 'keep-token', candidate, token },
    { do: 'watch-link', link: hold.link },
    { do: 'watch-orders', token, steadySinceMs: sinceMs },
    { do: 'renew-profiles', candidate, token, hotspot: hold.link.bss?.hotspot ?? null },
    ...(isNews ? [{ do: 'remember-hotspots', known: settled.known } as const] : []),
  ]
}

const outsideContract = (detail: string): Failure => ({ code: 'ERR_CLOUD_ANSWER', detail, retryAfterMs: 0 })

function swap(journey: Journey, hold: Hold, token: AccessToken, step: Extract<State, { phase: 'swapping' }>['step']): Step {
  const state: State = { phase: 'swapping', journey, hold, token, step }
  const watch: Effect = { do: 'watch-link', link: hold.link }
  switch (step.at) {
    case 'requesting':
      return [state, { do: 'request-swap', token, orderId: step.orderId, nonce: step.nonce }, watch]
    case 'storing':
      return [state, { do: 'store-pending', credential: step.credential }]
    case 'promoting':
      return [state, { do: 'promote', credential: step.credential }]
  }
}

function authenticated(journey: Journey, link: Hold['link'], token: AccessToken, nowMs: number): Step {
  const hold: Hold = { link, reachedCloud: true }
  const [candidate] = journey.candidates
  const expected = candidate.slot === 'temporary' ? 'enrol' : 'device'
  if (token.scope !== expected) return fail(journey, hold, outsideContract(`expected a token of scope ${expected}`), nowMs)
  switch (candidate.slot) {
    case 'temporary':
      return swap(journey, hold, token, { at: 'requesting', orderId: null, nonce: 'kept' })
    case 'pending':
      return swap(journey, hold, token, { at: 'promoting', credential: candidate.credential })
    case 'current':
    case 'flashed':
      return settle(journey, hold, token, nowMs)
  }
}

function inSwap(state: Extract<State, { phase: 'swapping' }>, event: Event, nowMs: number): Step {
  const { journey, hold, token, step } = state
  if (event.type === 'failed' && event.failure.code === 'ERR_CLOUD_NONCE_SPENT' && step.at === 'requesting' && step.nonce === 'kept') {
    return swap(journey, hold, token, { ...step, nonce: 'fresh' })
  }
  if (event.type === 'failed' && step.at === 'requesting' && step.orderId !== null) return withoutRotation(journey, hold, event.failure)
  if (event.type === 'failed' && step.at === 'storing') return startAgain({ ...journey, attempt: journey.attempt + 1 }, event.failure)
  if (event.type === 'failed') return fail(journey, hold, event.failure, nowMs)
  if (event.type === 'issued' && step.at === 'requesting')
    return swap(journey, hold, token, { at: 'storing', credential: event.credential })
  if (event.type === 'stored' && step.at === 'storing') return walkAgain(withPending(journey, step.credential), hold)
  if (event.type === 'promoted' && step.at === 'promoting') return settle(withCurrent(journey, step.credential), hold, token, nowMs)
  return [state]
}

/** The new secret walks the same path. Where no credential is shown the join would prove nothing: there the whole proof is the first token. */
const walkAgain = (journey: Journey, hold: Hold): Step =>
  hold.link.eap === null ? approachCloud(journey, hold, null) : scan(journey, FRESH_SCAN_MS)

/** A write that failed may have been done all the same: what is on the disk then is good, and may be the only thing that is. */
const startAgain = (journey: Journey, because: Failure): Step => [
  { phase: 'starting', attempt: journey.attempt, journey },
  { do: 'wait', attempt: journey.attempt, atLeastMs: because.retryAfterMs },
]

/** A refused order says nothing about the credential that asked: it stays in front, and its next token tells how it stands. */
const withoutRotation = (journey: Journey, hold: Hold, because: Failure): Step =>
  wait({ ...journey, attempt: journey.attempt + 1 }, hold, because)

function inJoining(state: Extract<State, { phase: 'joining' }>, event: Event, nowMs: number): Step {
  const { journey, bss, others, refusal } = state
  if (event.type === 'joined') return approachCloud(journey, { link: event.link, reachedCloud: false }, null)
  if (event.type !== 'failed') return [state]
  const { failure } = event
  if (NOT_THE_BSS.has(failure.code)) return fail(journey, null, failure, nowMs)
  const refused = refusal ?? (FAILURES[failure.code].disposition === 'rotate' ? failure : null)
  const doubted: Journey = BY_DATE.has(failure.code) ? { ...journey, clock: 'doubtful' } : journey
  return join(stumbled(doubted, bss, nowMs), others, refused, failure, nowMs)
}

function inSteady(state: Extract<State, { phase: 'steady' }>, event: Event, nowMs: number): Step {
  const { journey, hold } = state
  const settled: Journey = nowMs - state.sinceMs >= SETTLED_MS ? { ...journey, attempt: 0 } : journey
  if (event.type === 'authenticated') return settle(journey, hold, event.token, nowMs, state.sinceMs)
  if (event.type === 'ordered') return swap(settled, hold, state.token, { at: 'requesting', orderId: event.orderId, nonce: 'kept' })
  if (event.type === 'failed') return fail(settled, hold, event.failure, nowMs)
  if (event.type === 'link-lost')
    return wait(settled === journey ? { ...journey, attempt: journey.attempt + 1 } : settled, null, event.failure)
  return [state]
}

function inWaiting(state: Extract<State, { phase: 'waiting' }>, event: Event): Step {
  const { journey, hold, because } = state
  if (event.type === 'link-lost') return wait(journey, null, { ...event.failure, retryAfterMs: because.retryAfterMs })
  if (event.type !== 'waited' && event.type !== 'radio-appeared') return [state]
  if (hold !== null) return approachCloud(journey, hold, null)
  // The slot that could not be read may hold the only credential that is still good.
  return journey.isPartial ? [{ phase: 'starting', attempt: journey.attempt, journey }, { do: 'load' }] : scanAfter(journey, because)
}

function inStarting(state: Extract<State, { phase: 'starting' }>, event: Event): Step {
  if (event.type === 'waited') return [state, { do: 'load' }]
  if (event.type === 'failed') {
    if (FAILURES[event.failure.code].disposition === 'halt') return [{ phase: 'halted', because: event.failure }]
    // What was read before is still good, and the next round looks again.
    if (state.journey?.isPartial === true) return scan(state.journey, 0)
    const attempt = state.attempt + 1
    return [
      { ...state, attempt },
      { do: 'wait', attempt, atLeastMs: event.failure.retryAfterMs },
    ]
  }
  if (event.type !== 'loaded') return [state]
  const [first, ...rest] = event.candidates
  if (first !== undefined) {
    const candidates: Candidates = [first, ...rest]
    const { clockTrusted, isPartial, known } = event
    const journey =
      state.journey === null ? setOut(candidates, clockTrusted, isPartial, known) : readAgain(state.journey, candidates, isPartial)
    return scan(journey, 0)
  }
  return [
    {
      phase: 'halted',
      because: {
        code: 'ERR_CREDENTIAL_MISSING',
        detail: 'neither the CA config nor the state directory holds a credential',
        retryAfterMs: 0,
      },
    },
  ]
}

/** Where every run begins. */
export const START: Step = [{ phase: 'starting', attempt: 0, journey: null }, { do: 'load' }]

/** What follows from an event in a state; an event that means nothing there changes nothing. */
export function transition(state: State, event: Event, nowMs: number): Step {
  switch (state.phase) {
    case 'starting':
      return inStarting(state, event)
    case 'scanning':
      if (event.type === 'failed') return fail(state.journey, null, event.failure, nowMs)
      if (event.type === 'joined') return approachCloud(state.journey, { link: event.link, reachedCloud: false }, null)
      if (event.type !== 'scanned') return [state]
      return joinFitting(state.journey, event.bsss, nowMs)
    case 'joining':
      return inJoining(state, event, nowMs)
    case 'asking-time':
      if (event.type === 'failed') return fail(state.journey, state.hold, event.failure, nowMs)
      if (event.type === 'link-lost') return fail(state.journey, null, event.failure, nowMs)
      return event.type === 'time-known' ? timeKnown(state.journey, state.hold, event.challenge) : [state]
    case 'authenticating':
      if (event.type === 'failed') return fail(state.journey, state.hold, event.failure, nowMs)
      if (event.type === 'link-lost') return fail(state.journey, null, event.failure, nowMs)
      return event.type === 'authenticated' ? authenticated(state.journey, state.hold.link, event.token, nowMs) : [state]
    case 'swapping':
      return event.type === 'link-lost' ? fail(state.journey, null, event.failure, nowMs) : inSwap(state, event, nowMs)
    case 'steady':
      return inSteady(state, event, nowMs)
    case 'waiting':
      return inWaiting(state, event)
    case 'halted':
      return [state]
  }
}

const noMethod = (methods: readonly string[]): Failure => ({
  code: 'ERR_WIFI_NO_METHOD',
  detail: `no hotspot profile in range offers ${methods.join(', ')}, by which this credential joins`,
  retryAfterMs: 0,
})

const NO_HOTSPOT: Failure = { code: 'ERR_WIFI_NO_HOTSPOT', detail: 'no BSS in range matches a hotspot profile', retryAfterMs: 0 }

/** With the time known, a link that was joined without checking dates is joined again strictly; any other goes on with the challenge. */
function timeKnown(journey: Journey, hold: Hold, challenge: string): Step {
  const trusted: Journey = { ...journey, clock: 'trusted' }
  const isStrict = hold.link.eap === null || hold.link.eap.datesChecked
  return isStrict ? approachCloud(trusted, hold, challenge) : scan(trusted, FRESH_SCAN_MS)
}
