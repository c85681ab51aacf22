import { describe, expect, it } from 'vitest'
import type { FailureCode } from '../../../agent/failure.ts'
import {
  afterFailure,
  arrived,
  type Journey,
  order as ranked,
  readAgain,
  stumbled,
  withCurrent,
  withPending,
} from '../../../agent/lifecycle/journey.ts'
import type { Bss } from '../../../agent/ports.ts'
import {
  bssAt,
  currentCandidate,
  failureOf,
  flashedCandidate,
  issued,
  journeyOf,
  pendingCandidate,
  plainBssAt,
  temporaryCandidate,
} from './samples.ts'

const DAY_MS = 24 * 3_600_000
const slots = (journey: Journey): readonly string[] => journey.candidates.map(({ slot }) => slot)
const failing = (journey: Journey, code: FailureCode, nowMs: number): Journey => afterFailure(journey, failureOf(code), nowMs)

describe('which credential walks next', () => {
  it('goes to the next candidate after a refusal', () => {
    expect(slots(failing(journeyOf(pendingCandidate('mk-1'), temporaryCandidate), 'ERR_CLOUD_REFUSED', 0))).toEqual([
      'temporary',
      'pending',
    ])
  })

  it('keeps the candidate after other failures, but before a promotion tries the next one every third round', () => {
    let journey = journeyOf(pendingCandidate('mk-1'), temporaryCandidate)
    const fronts: string[] = []
    for (let round = 1; round <= 6; round++) {
      journey = failing(journey, 'ERR_WIFI_JOIN_TIMEOUT', round)
      fronts.push(slots(journey)[0] ?? '')
    }
    expect(fronts).toEqual(['pending', 'pending', 'temporary', 'temporary', 'temporary', 'pending'])
  })

  it('never leaves a promoted credential because of timeouts', () => {
    let journey = journeyOf(currentCandidate('mk-1'), temporaryCandidate)
    for (let round = 0; round < 50; round++) journey = failing(journey, 'ERR_WIFI_NO_HOTSPOT', round * 1000)
    expect(slots(journey)).toEqual(['current', 'temporary'])
  })

  it('shows a former credential at most once a day after a refusal of the promoted one, each in its turn', () => {
    let journey = failing(journeyOf(currentCandidate('mk-1'), flashedCandidate, temporaryCandidate), 'ERR_CLOUD_REFUSED', 0)
    expect(slots(journey)[0]).toBe('flashed')
    journey = failing(journey, 'ERR_CLOUD_REFUSED', 1_000)
    expect(slots(journey)).toEqual(['current', 'temporary', 'flashed'])
    journey = failing(journey, 'ERR_CLOUD_REFUSED', DAY_MS - 1)
    expect(slots(journey)[0]).toBe('current')
    journey = failing(journey, 'ERR_CLOUD_REFUSED', DAY_MS)
    expect(slots(journey)[0]).toBe('temporary')
  })

  it('alternates between a pending and a promoted credential as often as it takes: either may be the only good one', () => {
    let journey = journeyOf(pendingCandidate('mk-2'), currentCandidate('mk-1'), temporaryCandidate)
    const fronts: string[] = []
    for (let round = 0; round < 6; round++) {
      journey = failing(journey, 'ERR_WIFI_EAP_REJECTED', round * 1_000)
      fronts.push(slots(journey)[0] ?? '')
    }
    expect(fronts).toEqual(['current', 'temporary', 'pending', 'current', 'pending', 'current'])
  })

  it('goes back to the promoted credential after any failure of a former one', () => {
    const journey = failing(journeyOf(currentCandidate('mk-1'), temporaryCandidate), 'ERR_WIFI_EAP_REJECTED', 0)
    expect(slots(failing(journey, 'ERR_WIFI_NO_HOTSPOT', 1))[0]).toBe('current')
  })

  it('stays with the only candidate whatever happens', () => {
    expect(slots(failing(journeyOf(temporaryCandidate), 'ERR_CLOUD_REFUSED', 0))).toEqual(['temporary'])
  })

  it('lets a stored secret walk first and replaces an older pending one', () => {
    expect(slots(withPending(journeyOf(pendingCandidate('mk-1'), temporaryCandidate), issued('mk-2')))).toEqual(['pending', 'temporary'])
  })

  it('keeps its order when the disk is read again: only what is new walks first', () => {
    const journey = journeyOf(temporaryCandidate, currentCandidate('mk-1'), pendingCandidate('mk-2'))
    const read = [pendingCandidate('mk-3'), currentCandidate('mk-1'), temporaryCandidate] as const
    const again = readAgain(journey, read, true)
    expect(again.candidates).toEqual([pendingCandidate('mk-3'), temporaryCandidate, currentCandidate('mk-1')])
    expect(again.isPartial).toBe(true)
  })

  it('puts a promoted secret in place of the former current one', () => {
    const journey = withCurrent(journeyOf(pendingCandidate('mk-2'), currentCandidate('mk-1'), temporaryCandidate), issued('mk-2'))
    expect(journey.candidates.map(({ credential }) => credential.id)).toEqual([
      { kind: 'issued', secretId: 'mk-2' },
      { kind: 'temporary', keyId: 'line-7' },
    ])
  })
})

describe('what a BSS is blamed for', () => {
  const [a, b] = [bssAt(1), bssAt(2)]
  const [plainA, plainB] = [plainBssAt(1), plainBssAt(2)]
  const next = (journey: Journey): Journey => failing(journey, 'ERR_CLOUD_REFUSED', 0)
  const journey = journeyOf(pendingCandidate('mk-1'), temporaryCandidate)

  const order = (walking: Journey, bsss: readonly Bss[]) => ranked(walking, bsss, 0).map(({ bss }) => bss)

  it('is held for the credential that it failed, and the next one tries it afresh', () => {
    expect(order(stumbled(journey, a, 0), [a, b])).toEqual([b, a])
    expect(order(next(stumbled(journey, a, 0)), [a, b])).toEqual([a, b])
  })

  it('is held for every credential where the hotspot sees none', () => {
    expect(order(next(stumbled(journey, plainA, 0)), [plainA, plainB])).toEqual([plainB, plainA])
    expect(order(arrived(next(stumbled(journey, plainA, 0)), plainA), [plainA, plainB])).toEqual([plainA, plainB])
  })

  it('may be blamed as one profile and not as another', () => {
    const otherwise: Bss = { ...a, preference: 1 }
    expect(order(stumbled(journey, a, 0), [a, otherwise])).toEqual([otherwise, a])
  })

  it('comes first once it led to the cloud', () => {
    expect(order(arrived(journey, b), [a, b])).toEqual([b, a])
  })
})
