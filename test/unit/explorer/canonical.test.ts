import { describe, expect, it } from 'vitest'
import { FAILURES, type FailureCode } from '../../../agent/failure.ts'
import type { Journey } from '../../../agent/lifecycle/journey.ts'
import type { Event, State, Step } from '../../../agent/lifecycle/state.ts'
import { transition } from '../../../agent/lifecycle/transition.ts'
import { ATTEMPT_PERIOD, plainEffect, plainState } from '../../explorer/canonical.ts'
import {
  bssAt,
  currentCandidate,
  failureOf,
  holdOn,
  issued,
  journeyOf,
  linkOn,
  pendingCandidate,
  temporaryCandidate,
  tokenOf,
} from '../lifecycle/samples.ts'

const [honest, twin] = [bssAt(1), bssAt(2)]

const JOURNEYS: readonly Journey[] = [
  journeyOf(temporaryCandidate),
  journeyOf(pendingCandidate('mk-1'), temporaryCandidate),
  journeyOf(temporaryCandidate, pendingCandidate('mk-1')),
  journeyOf(currentCandidate('mk-1'), temporaryCandidate),
  journeyOf(pendingCandidate('mk-2'), currentCandidate('mk-1'), temporaryCandidate),
  { ...journeyOf(currentCandidate('mk-1'), temporaryCandidate), lastFallbackMs: 0 },
]

const FAILURE_EVENTS = Object.keys(FAILURES).map((code): Event => ({ type: 'failed', failure: failureOf(code as FailureCode) }))

const EVENTS: readonly Event[] = [
  ...FAILURE_EVENTS,
  { type: 'joined', link: linkOn(honest) },
  { type: 'time-known', challenge: 'challenge' },
  { type: 'authenticated', token: tokenOf('device') },
  { type: 'authenticated', token: tokenOf('enrol') },
  { type: 'issued', credential: issued('mk-2') },
  { type: 'stored' },
  { type: 'promoted' },
  { type: 'ordered', orderId: 'order' },
  { type: 'link-lost', failure: failureOf('ERR_WIFI_LINK_LOST') },
  { type: 'waited' },
  { type: 'loaded', candidates: [temporaryCandidate], clockTrusted: true, isPartial: false, known: [] },
]

/** States of every phase that carries a journey. */
const statesWith = (journey: Journey): readonly State[] => {
  const [hold, token, credential] = [holdOn(honest, false), tokenOf('device'), issued('mk-1')]
  return [
    { phase: 'starting', attempt: 0, journey },
    { phase: 'scanning', journey },
    { phase: 'joining', journey, bss: honest, others: [], refusal: null },
    { phase: 'joining', journey, bss: honest, others: [twin], refusal: failureOf('ERR_WIFI_EAP_REJECTED') },
    { phase: 'asking-time', journey, hold },
    { phase: 'authenticating', journey, hold },
    { phase: 'authenticating', journey, hold: holdOn(honest, true) },
    { phase: 'swapping', journey, hold, token, step: { at: 'requesting', orderId: null, nonce: 'kept' } },
    { phase: 'swapping', journey, hold, token, step: { at: 'storing', credential } },
    { phase: 'swapping', journey, hold, token, step: { at: 'promoting', credential } },
    { phase: 'steady', journey, hold, credential, token, sinceMs: 0 },
    { phase: 'waiting', journey, hold, because: failureOf('ERR_CLOUD_UNREACHABLE') },
  ]
}

const plainStep = ([state, ...effects]: Step) => [plainState(state), ...effects.map(plainEffect)]

/** What the explorer takes for the same must go on to the same, or it would have missed something. */
function expectSame(change: (journey: Journey) => Journey): void {
  for (const journey of JOURNEYS)
    for (let attempt = 0; attempt < ATTEMPT_PERIOD; attempt++)
      for (const [index, state] of statesWith({ ...journey, attempt }).entries()) {
        const changed = statesWith(change({ ...journey, attempt }))[index] ?? state
        expect(plainState(changed)).toEqual(plainState(state))
        for (const event of EVENTS) expect(plainStep(transition(changed, event, 0))).toEqual(plainStep(transition(state, event, 0)))
      }
}

describe('two states that the explorer takes for the same lead to the same', () => {
  it.each([1, 2, 7])('whatever the attempt is: %i rounds of three later', (rounds) => {
    expectSame((journey) => ({ ...journey, attempt: journey.attempt + rounds * ATTEMPT_PERIOD }))
  })

  it('whatever failed where, since a scan answers in every order', () => {
    const memory = [{ key: `${honest.bssid} t.line-7`, weight: 5, atMs: 0 }]
    expectSame((journey) => ({ ...journey, memory }))
  })
})
