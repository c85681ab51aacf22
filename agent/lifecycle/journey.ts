/** What a device carries from attempt to attempt: which credential walks, how often it stumbled, where, and whether it knows the time. */
import { type Candidate, type Candidates, credentialLabel, type IssuedCredential, isSameCredential } from '../credential/credential.ts'
import { isPlain } from '../credential/hotspot.ts'
import { FAILURES, type Failure } from '../failure.ts'
import type { Bss } from '../ports.ts'
import { type Known, withArrival } from './known.ts'
import { forgive, type Memory, NO_FAILURES, remember, weightOf } from './memory.ts'
import { type Ranked, rank } from './rank.ts'

/** The first candidate is the one that walks the path now. */
export type Journey = {
  readonly candidates: Candidates
  /** Rounds failed since the device was last steady; drives the backoff. */
  readonly attempt: number
  readonly memory: Memory
  /** What led to the cloud before. */
  readonly known: Known
  /** `doubtful` until the cloud's signed time was heard: certificate dates are then not checked, and nothing but the time is asked. */
  readonly clock: 'trusted' | 'doubtful'
  /** Whether a slot could not be read when the disk was read last: the disk is then read again before each round. */
  readonly isPartial: boolean
  /** When a former credential was last tried in place of the promoted one (monotonic ms), or null. */
  readonly lastFallbackMs: number | null
}

/** A timeout may hide a refusal: before the first promotion every third failed round goes to the next candidate. */
const ROTATE_EVERY_ROUNDS = 3

/** A former credential shown often would raise the cloud's thief alarm. */
const FALLBACK_EVERY_MS = 24 * 3_600_000

/** A journey's start. */
export const setOut = (candidates: Candidates, clockTrusted: boolean, isPartial = false, known: Known = []): Journey => ({
  candidates,
  attempt: 0,
  memory: NO_FAILURES,
  known,
  clock: clockTrusted ? 'trusted' : 'doubtful',
  isPartial,
  lastFallbackMs: null,
})

/** The journey after the disk was read again: what was not known before walks first, the rest stays in its order. */
export function readAgain(journey: Journey, [first, ...rest]: Candidates, isPartial: boolean): Journey {
  const placeOf = (candidate: Candidate): number =>
    journey.candidates.findIndex((known) => known.slot === candidate.slot && isSameCredential(known, candidate))
  const [front, ...others] = [first, ...rest].toSorted((a, b) => placeOf(a) - placeOf(b))
  return { ...journey, candidates: [front ?? first, ...others], isPartial }
}

/** Another profile may fail at the same BSS, or not: its passphrase or CA may be the newer one. */
const placeOf = ({ bssid, preference }: Bss): string => `${bssid} ${preference}`

/** Whom a BSS failed: the credential that walks, or everyone where the hotspot sees no credential. */
const witnessOf = (journey: Journey, { hotspot }: Bss): string =>
  isPlain(hotspot) ? 'everyone' : credentialLabel(journey.candidates[0].credential)

/** Holds a failure against a BSS. */
export const stumbled = (journey: Journey, bss: Bss | null, nowMs: number): Journey =>
  bss === null ? journey : { ...journey, memory: remember(journey.memory, placeOf(bss), witnessOf(journey, bss), nowMs) }

/** The BSS brought the credential all the way: nothing is held against it any more, and it comes first the next time. */
export function arrived(journey: Journey, bss: Bss | null): Journey {
  if (bss === null) return journey
  const memory = forgive(journey.memory, placeOf(bss), witnessOf(journey, bss))
  return { ...journey, memory, known: withArrival(journey.known, bss) }
}

/** The BSSs in the order in which the walking credential should try them. */
export const order = (journey: Journey, bsss: readonly Bss[], nowMs: number): readonly Ranked[] =>
  rank(bsss, {
    known: journey.known,
    failuresOf: (bss) => weightOf(journey.memory, placeOf(bss), witnessOf(journey, bss), nowMs),
  })

const toBack = ([first, ...rest]: Candidates): Candidates => {
  const [second, ...others] = rest
  return second === undefined ? [first] : [second, ...others, first]
}

const toFront = (front: Candidate, candidates: Candidates): Candidates => [front, ...candidates.filter((candidate) => candidate !== front)]

/** The journey after a failed round: one more attempt, and by the failure's disposition another candidate. */
export function afterFailure(journey: Journey, failure: Failure, nowMs: number): Journey {
  const next = { ...journey, attempt: journey.attempt + 1 }
  const refused = FAILURES[failure.code].disposition === 'rotate'
  const mayRotate = refused || next.attempt % ROTATE_EVERY_ROUNDS === 0
  const { candidates } = journey
  const [front] = candidates
  const current = candidates.find(({ slot }) => slot === 'current')
  if (current === undefined) return mayRotate ? { ...next, candidates: toBack(candidates) } : next
  const pending = candidates.find(({ slot }) => slot === 'pending')
  if (isFormer(front)) return { ...next, candidates: toFront(pending ?? current, toBack(candidates)) }
  const former = candidates.find(isFormer)
  const fallbackDue = journey.lastFallbackMs === null || nowMs - journey.lastFallbackMs >= FALLBACK_EVERY_MS
  if (front === current && refused && fallbackDue && former !== undefined) {
    return { ...next, candidates: toFront(former, candidates), lastFallbackMs: nowMs }
  }
  const other = front === current ? pending : current
  return mayRotate && other !== undefined ? { ...next, candidates: toFront(other, candidates) } : next
}

/** Once there is a promoted credential, what came from the factory is a former one. A pending one never is: it may be the only good one. */
const isFormer = ({ slot }: Candidate): boolean => slot === 'flashed' || slot === 'temporary'

/** The journey once a new secret is stored: it walks first, and everything else stays behind it. */
export function withPending(journey: Journey, credential: IssuedCredential): Journey {
  const pending: Candidate = { slot: 'pending', credential }
  return { ...journey, attempt: 0, candidates: [pending, ...journey.candidates.filter(({ slot }) => slot !== 'pending')] }
}

/** The journey once the pending secret was promoted: it replaces the former current one. */
export function withCurrent(journey: Journey, credential: IssuedCredential): Journey {
  const current: Candidate = { slot: 'current', credential }
  const rest = journey.candidates.filter((candidate) => candidate.slot !== 'current' && !isSameCredential(candidate, current))
  return { ...journey, candidates: [current, ...rest] }
}
