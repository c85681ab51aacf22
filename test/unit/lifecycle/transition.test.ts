import { describe, expect, it } from 'vitest'
import type { Candidate } from '../../../agent/credential/credential.ts'
import type { EapMethod } from '../../../agent/credential/hotspot.ts'
import type { FailureCode } from '../../../agent/failure.ts'
import { type Journey, setOut, withPending } from '../../../agent/lifecycle/journey.ts'
import type { Effect, Event, Hold, State } from '../../../agent/lifecycle/state.ts'
import { START, transition } from '../../../agent/lifecycle/transition.ts'
import type { Bss } from '../../../agent/ports.ts'
import { certified, newDeviceKey } from '../../fakes/device-ca.ts'
import {
  bssAt,
  currentCandidate,
  failureOf,
  flashedCandidate,
  holdOn,
  hotspot,
  issued,
  journeyOf,
  linkOn,
  pendingCandidate,
  plainBssAt,
  temporaryCandidate,
  tokenOf,
} from './samples.ts'

const good = bssAt(1)
const other = bssAt(2)
const fresh = journeyOf(temporaryCandidate)
const proving = journeyOf(pendingCandidate('mk-1'), temporaryCandidate)
const settled = journeyOf(currentCandidate('mk-1'), temporaryCandidate)
const hold = holdOn(good, false)
const kept = holdOn(good, true)
const plainHold = holdOn(plainBssAt(3), true)
const failed = (code: FailureCode, retryAfterMs = 0): Event => ({ type: 'failed', failure: failureOf(code, retryAfterMs) })
const lost: Event = { type: 'link-lost', failure: failureOf('ERR_WIFI_LINK_LOST') }
const joining: State = { phase: 'joining', journey: fresh, bss: good, others: [], refusal: null }
const steady: State = { phase: 'steady', journey: settled, hold: kept, credential: issued('mk-1'), token: tokenOf('device'), sinceMs: 0 }
const swapping = (step: Extract<State, { phase: 'swapping' }>['step'], journey = fresh, where = kept): State => ({
  phase: 'swapping',
  journey,
  hold: where,
  token: tokenOf('enrol'),
  step,
})
const requesting = swapping({ at: 'requesting', orderId: null, nonce: 'kept' })

type Row = {
  readonly story: string
  readonly from: State
  readonly event: Event
  readonly to: State['phase']
  readonly does: readonly Effect['do'][]
}

const ROWS: readonly Row[] = [
  {
    story: 'credentials found: it scans',
    from: START[0],
    event: { type: 'loaded', candidates: [temporaryCandidate], clockTrusted: true, isPartial: false, known: [] },
    to: 'scanning',
    does: ['scan'],
  },
  {
    story: 'no credential at all: a person is needed',
    from: START[0],
    event: { type: 'loaded', candidates: [], clockTrusted: true, isPartial: false, known: [] },
    to: 'halted',
    does: [],
  },
  { story: 'the store cannot be read: it tries again', from: START[0], event: failed('ERR_STORE_IO'), to: 'starting', does: ['wait'] },
  {
    story: 'after that wait it loads again',
    from: { phase: 'starting', attempt: 1, journey: null },
    event: { type: 'waited' },
    to: 'starting',
    does: ['load'],
  },
  {
    story: 'no BSS in range',
    from: { phase: 'scanning', journey: fresh },
    event: { type: 'scanned', bsss: [] },
    to: 'waiting',
    does: ['wait'],
  },
  {
    story: 'a cable leads to the cloud: no hotspot is joined',
    from: { phase: 'scanning', journey: fresh },
    event: { type: 'joined', link: { ...linkOn(good), bss: null, eap: null } },
    to: 'authenticating',
    does: ['authenticate', 'watch-link'],
  },
  {
    story: 'a BSS in range: it joins',
    from: { phase: 'scanning', journey: fresh },
    event: { type: 'scanned', bsss: [good, other] },
    to: 'joining',
    does: ['join'],
  },
  {
    story: 'no radio: it waits, and for the radio',
    from: { phase: 'scanning', journey: fresh },
    event: failed('ERR_WIFI_NO_RADIO'),
    to: 'waiting',
    does: ['wait', 'watch-radio'],
  },
  {
    story: 'the radio is back: it scans at once',
    from: { phase: 'waiting', journey: fresh, hold: null, because: failureOf('ERR_WIFI_NO_RADIO') },
    event: { type: 'radio-appeared' },
    to: 'scanning',
    does: ['scan'],
  },
  {
    story: 'joined: it authenticates',
    from: joining,
    event: { type: 'joined', link: linkOn(good) },
    to: 'authenticating',
    does: ['authenticate', 'watch-link'],
  },
  {
    story: 'joined, but the clock is doubtful: it asks for the time and nothing else',
    from: { ...joining, journey: setOut([temporaryCandidate], false) },
    event: { type: 'joined', link: linkOn(good, false) },
    to: 'asking-time',
    does: ['ask-time', 'watch-link'],
  },
  {
    story: 'the time is known: a join without date checks is repeated strictly',
    from: { phase: 'asking-time', journey: fresh, hold: { link: linkOn(good, false), reachedCloud: false } },
    event: { type: 'time-known', challenge: 'c' },
    to: 'scanning',
    does: ['scan'],
  },
  {
    story: 'the time is known: a strict link goes on',
    from: { phase: 'asking-time', journey: fresh, hold },
    event: { type: 'time-known', challenge: 'c' },
    to: 'authenticating',
    does: ['authenticate', 'watch-link'],
  },
  {
    story: 'one BSS fails: the next one is tried at once',
    from: { ...joining, others: [other] },
    event: failed('ERR_WIFI_SERVER_CA'),
    to: 'joining',
    does: ['join'],
  },
  { story: 'the last BSS fails: it waits', from: joining, event: failed('ERR_WIFI_SERVER_CA'), to: 'waiting', does: ['wait'] },
  {
    story: 'the supplicant fails: no other BSS is blamed',
    from: { ...joining, others: [other] },
    event: failed('ERR_WIFI_SUPPLICANT'),
    to: 'waiting',
    does: ['wait'],
  },
  {
    story: 'a temporary credential is in: it asks for a permanent one',
    from: { phase: 'authenticating', journey: fresh, hold },
    event: { type: 'authenticated', token: tokenOf('enrol') },
    to: 'swapping',
    does: ['request-swap', 'watch-link'],
  },
  {
    story: 'a pending credential is in: it is promoted',
    from: { phase: 'authenticating', journey: proving, hold },
    event: { type: 'authenticated', token: tokenOf('device') },
    to: 'swapping',
    does: ['promote'],
  },
  {
    story: 'a current credential is in: steady',
    from: { phase: 'authenticating', journey: settled, hold },
    event: { type: 'authenticated', token: tokenOf('device') },
    to: 'steady',
    does: ['keep-token', 'watch-link', 'watch-orders', 'renew-profiles', 'remember-hotspots'],
  },
  {
    story: 'a flashed secret is in: steady',
    from: { phase: 'authenticating', journey: journeyOf(flashedCandidate), hold },
    event: { type: 'authenticated', token: tokenOf('device') },
    to: 'steady',
    does: ['keep-token', 'watch-link', 'watch-orders', 'renew-profiles', 'remember-hotspots'],
  },
  {
    story: 'a token of the wrong scope is not trusted',
    from: { phase: 'authenticating', journey: fresh, hold },
    event: { type: 'authenticated', token: tokenOf('device') },
    to: 'waiting',
    does: ['wait', 'watch-link'],
  },
  {
    story: 'the cloud is away: the link is kept',
    from: { phase: 'authenticating', journey: fresh, hold },
    event: failed('ERR_CLOUD_UNREACHABLE'),
    to: 'waiting',
    does: ['wait', 'watch-link'],
  },
  {
    story: 'the secret is issued: it is stored before anything else',
    from: requesting,
    event: { type: 'issued', credential: issued('mk-1') },
    to: 'swapping',
    does: ['store-pending'],
  },
  {
    story: 'the nonce is spent: a fresh one is drawn',
    from: requesting,
    event: failed('ERR_CLOUD_NONCE_SPENT'),
    to: 'swapping',
    does: ['request-swap', 'watch-link'],
  },
  {
    story: 'a fresh nonce is spent too: it waits',
    from: swapping({ at: 'requesting', orderId: null, nonce: 'fresh' }),
    event: failed('ERR_CLOUD_NONCE_SPENT'),
    to: 'waiting',
    does: ['wait', 'watch-link'],
  },
  {
    story: 'stored: the new secret walks the same path',
    from: swapping({ at: 'storing', credential: issued('mk-1') }),
    event: { type: 'stored' },
    to: 'scanning',
    does: ['scan'],
  },
  {
    story: 'stored at a plain hotspot: its first token is the whole proof, and the link stays',
    from: swapping({ at: 'storing', credential: issued('mk-1') }, fresh, plainHold),
    event: { type: 'stored' },
    to: 'authenticating',
    does: ['authenticate', 'watch-link'],
  },
  {
    story: 'the cloud refuses a credential at a plain hotspot: the next one goes over the same link',
    from: { phase: 'authenticating', journey: proving, hold: plainHold },
    event: failed('ERR_CLOUD_REFUSED'),
    to: 'waiting',
    does: ['wait', 'watch-link'],
  },
  {
    story: 'the cloud refuses a credential behind 802.1X: the next one has to be let in there first',
    from: { phase: 'authenticating', journey: proving, hold: kept },
    event: failed('ERR_CLOUD_REFUSED'),
    to: 'waiting',
    does: ['wait'],
  },
  {
    story: 'the time is known at a plain hotspot: nothing there depended on dates',
    from: { phase: 'asking-time', journey: fresh, hold: plainHold },
    event: { type: 'time-known', challenge: 'c' },
    to: 'authenticating',
    does: ['authenticate', 'watch-link'],
  },
  {
    story: 'the disk is full, or was slow: it waits, and then looks at what is on it',
    from: swapping({ at: 'storing', credential: issued('mk-1') }),
    event: failed('ERR_STORE_IO'),
    to: 'starting',
    does: ['wait'],
  },
  {
    story: 'promoted: steady',
    from: swapping({ at: 'promoting', credential: issued('mk-1') }, proving),
    event: { type: 'promoted' },
    to: 'steady',
    does: ['keep-token', 'watch-link', 'watch-orders', 'renew-profiles', 'remember-hotspots'],
  },
  {
    story: 'a renewed token leaves it steady',
    from: steady,
    event: { type: 'authenticated', token: tokenOf('device') },
    to: 'steady',
    does: ['keep-token', 'watch-link', 'watch-orders', 'renew-profiles', 'remember-hotspots'],
  },
  {
    story: 'steady, and the cloud goes away: the link is kept',
    from: steady,
    event: failed('ERR_CLOUD_UNREACHABLE'),
    to: 'waiting',
    does: ['wait', 'watch-link'],
  },
  {
    story: 'steady, and a rotation is ordered: it asks with the same moves',
    from: steady,
    event: { type: 'ordered', orderId: 'order-1' },
    to: 'swapping',
    does: ['request-swap', 'watch-link'],
  },
  {
    story: 'the order was taken back: it waits, and the credential stays in front',
    from: swapping({ at: 'requesting', orderId: 'order-1', nonce: 'kept' }, settled),
    event: failed('ERR_CLOUD_REFUSED'),
    to: 'waiting',
    does: ['wait', 'watch-link'],
  },
  { story: 'steady, and the link is lost', from: steady, event: lost, to: 'waiting', does: ['wait'] },
  { story: 'the link is lost during the swap', from: requesting, event: lost, to: 'waiting', does: ['wait'] },
  {
    story: 'the link is lost while it waits for the cloud',
    from: { phase: 'waiting', journey: fresh, hold: kept, because: failureOf('ERR_CLOUD_BUSY') },
    event: lost,
    to: 'waiting',
    does: ['wait'],
  },
  {
    story: 'waited with a link: it calls the cloud again',
    from: { phase: 'waiting', journey: fresh, hold: kept, because: failureOf('ERR_CLOUD_BUSY') },
    event: { type: 'waited' },
    to: 'authenticating',
    does: ['authenticate', 'watch-link'],
  },
  {
    story: 'waited without a link: it scans',
    from: { phase: 'waiting', journey: fresh, hold: null, because: failureOf('ERR_WIFI_NO_HOTSPOT') },
    event: { type: 'waited' },
    to: 'scanning',
    does: ['scan'],
  },
  {
    story: 'a failure by date alone leads to the signed time',
    from: { phase: 'authenticating', journey: fresh, hold: kept },
    event: failed('ERR_CLOUD_DATES'),
    to: 'waiting',
    does: ['wait', 'watch-link'],
  },
  { story: 'an answer that means nothing here changes nothing', from: steady, event: { type: 'stored' }, to: 'steady', does: [] },
  {
    story: 'halted stays halted',
    from: { phase: 'halted', because: failureOf('ERR_CONFIG_INVALID') },
    event: { type: 'waited' },
    to: 'halted',
    does: [],
  },
]

describe('transition', () => {
  it.each(ROWS)('$story', ({ from, event, to, does }) => {
    const [state, ...effects] = transition(from, event, 1_000)
    expect(state.phase).toBe(to)
    expect(effects.map((effect) => effect.do)).toEqual(does)
  })

  it('asks for the time again after a failure by date, without checking dates at the next join', () => {
    const [waiting] = transition({ phase: 'authenticating', journey: fresh, hold: kept }, failed('ERR_CLOUD_DATES'), 0)
    const [asking] = transition(waiting, { type: 'waited' }, 0)
    expect(asking.phase).toBe('asking-time')
    const [, join] = transition({ phase: 'scanning', journey: setOut([temporaryCandidate], false) }, { type: 'scanned', bsss: [good] }, 0)
    expect(join).toMatchObject({ do: 'join', checkDates: false })
  })

  it('carries the challenge of the signed time into the next assertion', () => {
    const [, authenticate] = transition(
      { phase: 'asking-time', journey: fresh, hold },
      { type: 'time-known', challenge: 'the challenge' },
      0,
    )
    expect(authenticate).toMatchObject({ do: 'authenticate', challenge: 'the challenge' })
  })

  it('finds a secret on the disk although it heard that storing it failed, and carries on with what it remembers', () => {
    const remembered = { ...fresh, attempt: 4, lastFallbackMs: 7 }
    const storing = swapping({ at: 'storing', credential: issued('mk-1') }, remembered)
    const [reading, wait] = transition(storing, failed('ERR_STORE_IO', 5_000), 0)
    expect(wait).toMatchObject({ do: 'wait', attempt: 5, atLeastMs: 5_000 })
    const found = [pendingCandidate('mk-1'), ...remembered.candidates]
    const [next] = transition(reading, { type: 'loaded', candidates: found, clockTrusted: true, isPartial: false, known: [] }, 0)
    expect(next).toEqual({ phase: 'scanning', journey: { ...remembered, attempt: 5, candidates: found } })
  })

  it('reads the disk again before each round while a slot could not be read, and meanwhile goes on with what it knows', () => {
    const partial: Journey = { ...settled, isPartial: true }
    const [waiting] = transition({ phase: 'scanning', journey: partial }, failed('ERR_WIFI_NO_HOTSPOT'), 0)
    const [reading, load] = transition(waiting, { type: 'waited' }, 0)
    expect([reading.phase, load]).toEqual(['starting', { do: 'load' }])
    expect(transition(reading, failed('ERR_STORE_IO'), 0)[0]).toMatchObject({ phase: 'scanning', journey: { ...partial, attempt: 1 } })
    const found = [pendingCandidate('mk-2'), ...settled.candidates]
    const [whole] = transition(reading, { type: 'loaded', candidates: found, clockTrusted: true, isPartial: false, known: [] }, 0)
    expect(whole).toMatchObject({ phase: 'scanning', journey: { candidates: found, isPartial: false, attempt: 1 } })
  })

  it('does not read a disk again that gave everything', () => {
    const [waiting] = transition({ phase: 'scanning', journey: settled }, failed('ERR_WIFI_NO_HOTSPOT'), 0)
    expect(transition(waiting, { type: 'waited' }, 0)[0].phase).toBe('scanning')
  })

  it('shows the new secret to the cloud at a plain hotspot, and promotes what was proved there', () => {
    const storing: State = swapping({ at: 'storing', credential: issued('mk-1') }, fresh, plainHold)
    const [authenticating, authenticate] = transition(storing, { type: 'stored' }, 0)
    expect(authenticate).toMatchObject({ do: 'authenticate', candidate: pendingCandidate('mk-1') })
    const [, promote] = transition(authenticating, { type: 'authenticated', token: tokenOf('device') }, 0)
    expect(promote).toMatchObject({ do: 'promote', credential: issued('mk-1') })
  })

  it('leaves a cable that leads to the cloud no more, unlike a hotspot that once did', () => {
    const cable: Hold = { link: { ...linkOn(good), bss: null, eap: null }, reachedCloud: true }
    const calls = (hold: Hold): boolean[] =>
      [0, 1, 2].map((attempt) => {
        const [next] = transition({ phase: 'authenticating', journey: { ...settled, attempt }, hold }, failed('ERR_CLOUD_UNREACHABLE'), 0)
        return next.phase === 'waiting' && next.hold !== null
      })
    expect(calls(cable)).toEqual([true, true, false])
    expect(calls(kept)).toEqual([true, true, true])
  })

  it('waits as long as the cloud asked, even when the link is lost meanwhile', () => {
    const [busy, wait] = transition({ phase: 'authenticating', journey: fresh, hold: kept }, failed('ERR_CLOUD_BUSY', 90_000), 0)
    expect(wait).toMatchObject({ do: 'wait', atLeastMs: 90_000 })
    const [, again] = transition(busy, lost, 0)
    expect(again).toMatchObject({ do: 'wait', atLeastMs: 90_000 })
  })

  it('tries every BSS before a refusal rotates the credential, and remembers the refusal', () => {
    const [next] = transition({ ...joining, journey: proving, others: [other] }, failed('ERR_WIFI_EAP_REJECTED'), 0)
    expect(next).toMatchObject({ phase: 'joining', bss: other })
    const [waiting] = transition(next, failed('ERR_WIFI_JOIN_TIMEOUT'), 0)
    expect(waiting).toMatchObject({ phase: 'waiting', because: { code: 'ERR_WIFI_EAP_REJECTED' } })
    expect(waiting.phase === 'waiting' && waiting.journey.candidates[0].slot).toBe('temporary')
  })

  it('joins only where the profile takes the credential, and says so where none does', () => {
    const withMethods = (bss: Bss, ...methods: EapMethod[]): Bss => ({ ...bss, hotspot: { ...hotspot, eap: { ...hotspot.eap, methods } } })
    const [forCertificates, forSecrets] = [withMethods(bssAt(3, -80), 'TLS'), withMethods(bssAt(4, -30), 'TTLS')]
    const certificate: Candidate = { slot: 'current', credential: certified(newDeviceKey(), 'dev-1') }
    const scanned = (candidate: Candidate, ...bsss: readonly Bss[]) =>
      transition({ phase: 'scanning', journey: journeyOf(candidate, temporaryCandidate) }, { type: 'scanned', bsss }, 0)
    expect(scanned(certificate, forSecrets, forCertificates)[0]).toMatchObject({ phase: 'joining', bss: forCertificates, others: [] })
    expect(scanned(temporaryCandidate, forCertificates, forSecrets)[0]).toMatchObject({ phase: 'joining', bss: forSecrets, others: [] })
    const [waiting, wait] = scanned(certificate, forSecrets)
    expect(waiting).toMatchObject({ phase: 'waiting', because: { code: 'ERR_WIFI_NO_METHOD', detail: expect.stringContaining('TLS') } })
    expect([wait, waiting.phase === 'waiting' && waiting.journey.candidates[0]]).toMatchObject([{ do: 'wait' }, certificate])
    expect(scanned(certificate)[0]).toMatchObject({ phase: 'waiting', because: { code: 'ERR_WIFI_NO_HOTSPOT' } })
  })

  it('remembers a hotspot that led to the cloud, once, and tries it first from then on', () => {
    const arriving: State = { phase: 'authenticating', journey: settled, hold: kept }
    const [arrived, ...effects] = transition(arriving, { type: 'authenticated', token: tokenOf('device') }, 0)
    const remembering = effects.find((effect) => effect.do === 'remember-hotspots')
    expect(transition(arrived, { type: 'remembered' }, 0)).toEqual([arrived])
    const [, ...later] = transition(arrived, { type: 'authenticated', token: tokenOf('device') }, 0)
    expect(later.map((effect) => effect.do)).toEqual(['keep-token', 'watch-link', 'watch-orders', 'renew-profiles'])
    const known = remembering?.known ?? []
    const [scanning] = transition(
      START[0],
      { type: 'loaded', candidates: [temporaryCandidate], clockTrusted: true, isPartial: false, known },
      0,
    )
    const [joiningKnown] = transition(scanning, { type: 'scanned', bsss: [bssAt(9, -20), good] }, 0)
    expect(joiningKnown).toMatchObject({ phase: 'joining', bss: good, others: [bssAt(9, -20)] })
  })

  it('looks on every channel in every other retry, and comes back to a known hotspot without that', () => {
    const everywhere = (attempt: number, code: FailureCode = 'ERR_WIFI_NO_HOTSPOT'): unknown =>
      transition({ phase: 'waiting', journey: { ...settled, attempt }, hold: null, because: failureOf(code) }, { type: 'waited' }, 0)[1]
    expect([0, 1, 2, 3].map((attempt) => everywhere(attempt))).toEqual(
      [false, true, false, true].map((all) => ({ do: 'scan', maxAgeMs: 0, everywhere: all })),
    )
    expect(everywhere(1, 'ERR_WIFI_LINK_LOST')).toEqual({ do: 'scan', maxAgeMs: 0, everywhere: false })
  })

  it('puts a stronger evil twin behind the good BSS after one attempt', () => {
    const twin = bssAt(9, -20)
    const [first] = transition({ phase: 'scanning', journey: fresh }, { type: 'scanned', bsss: [twin, good] }, 0)
    const [second] = transition(first, failed('ERR_WIFI_SERVER_CA'), 0)
    expect(second).toMatchObject({ phase: 'joining', bss: good })
    const journey = second.phase === 'joining' ? second.journey : fresh
    const [later] = transition({ phase: 'scanning', journey }, { type: 'scanned', bsss: [twin, good] }, 60_000)
    expect(later).toMatchObject({ phase: 'joining', bss: good })
  })

  it('leaves a hotspot that never led to the cloud after three calls, but keeps one that did', () => {
    const callUntilGone = (reachedCloud: boolean): number => {
      let state: State = { phase: 'authenticating', journey: withPending(fresh, issued('mk-1')), hold: holdOn(good, reachedCloud) }
      for (let calls = 1; calls <= 12; calls++) {
        const [waiting] = transition(state, failed('ERR_CLOUD_UNREACHABLE'), 0)
        if (waiting.phase !== 'waiting' || waiting.hold === null) return calls
        const [next] = transition(waiting, { type: 'waited' }, 0)
        state = next
      }
      return Number.POSITIVE_INFINITY
    }
    expect(callUntilGone(false)).toBe(3)
    const current: State = { phase: 'authenticating', journey: settled, hold: kept }
    const [waiting] = transition(current, failed('ERR_CLOUD_UNREACHABLE'), 0)
    expect(waiting).toMatchObject({ phase: 'waiting', hold: kept })
  })

  it('comes back at once when a settled link is lost, and backs off when it flaps', () => {
    const [, calm] = transition(steady, lost, 120_000)
    expect(calm).toMatchObject({ do: 'wait', attempt: 0 })
    const [, flapping] = transition(steady, lost, 5_000)
    expect(flapping).toMatchObject({ do: 'wait', attempt: 1 })
  })
})
