/** The words of the lifecycle: where a device can be, what can happen to it, what it can do. All data, no behaviour. */
import type { Candidate, IssuedCredential, PermanentCredential } from '../credential/credential.ts'
import type { HotspotProfile } from '../credential/hotspot.ts'
import type { Failure } from '../failure.ts'
import type { AccessToken, Bss, Link } from '../ports.ts'
import type { Journey } from './journey.ts'
import type { Known } from './known.ts'

/** A link, and whether the cloud was ever reached over it: one that was is kept while the cloud alone is away. */
export type Hold = { readonly link: Link; readonly reachedCloud: boolean }

/**
 * The three moves of the swap, each durable or repeatable before the next begins. `orderId` is null for a temporary credential;
 * a permanent one is rotated by the same moves, on an order.
 */
export type SwapStep =
  | { readonly at: 'requesting'; readonly orderId: string | null; readonly nonce: 'kept' | 'fresh' }
  | { readonly at: 'storing'; readonly credential: IssuedCredential }
  | { readonly at: 'promoting'; readonly credential: IssuedCredential }

/** Where a device is. `steady` can only hold a permanent credential. */
export type State =
  /** The disk is read. `journey` is null at first; later it is what the device carries on once it knows what is on its disk. */
  | { readonly phase: 'starting'; readonly attempt: number; readonly journey: Journey | null }
  | { readonly phase: 'scanning'; readonly journey: Journey }
  | {
      readonly phase: 'joining'
      readonly journey: Journey
      readonly bss: Bss
      readonly others: readonly Bss[]
      readonly refusal: Failure | null
    }
  | { readonly phase: 'asking-time'; readonly journey: Journey; readonly hold: Hold }
  | { readonly phase: 'authenticating'; readonly journey: Journey; readonly hold: Hold }
  | { readonly phase: 'swapping'; readonly journey: Journey; readonly hold: Hold; readonly token: AccessToken; readonly step: SwapStep }
  | {
      readonly phase: 'steady'
      readonly journey: Journey
      readonly hold: Hold
      readonly credential: PermanentCredential
      readonly token: AccessToken
      readonly sinceMs: number
    }
  | { readonly phase: 'waiting'; readonly journey: Journey; readonly hold: Hold | null; readonly because: Failure }
  | { readonly phase: 'halted'; readonly because: Failure }

/** What can happen. Every effect ends in exactly one of these. */
export type Event =
  /** `isPartial`: the disk gave one slot and not the other. */
  | {
      readonly type: 'loaded'
      readonly candidates: readonly Candidate[]
      readonly clockTrusted: boolean
      readonly isPartial: boolean
      readonly known: Known
    }
  | { readonly type: 'scanned'; readonly bsss: readonly Bss[] }
  | { readonly type: 'joined'; readonly link: Link }
  | { readonly type: 'time-known'; readonly challenge: string }
  | { readonly type: 'authenticated'; readonly token: AccessToken }
  | { readonly type: 'issued'; readonly credential: IssuedCredential }
  | { readonly type: 'stored' }
  | { readonly type: 'promoted' }
  | { readonly type: 'remembered' }
  | { readonly type: 'profiles-renewed'; readonly version: number; readonly hotspots: number }
  | { readonly type: 'profiles-kept'; readonly because: Failure | null }
  | { readonly type: 'ordered'; readonly orderId: string }
  | { readonly type: 'link-lost'; readonly failure: Failure }
  | { readonly type: 'radio-appeared' }
  | { readonly type: 'waited' }
  | { readonly type: 'failed'; readonly failure: Failure }

/** What a device can do. `watch-*` effects end when something happens by itself; the others are one step of the path. */
export type Effect =
  | { readonly do: 'load' }
  | { readonly do: 'scan'; readonly maxAgeMs: number; readonly everywhere: boolean }
  | { readonly do: 'join'; readonly bss: Bss; readonly candidate: Candidate; readonly checkDates: boolean }
  | { readonly do: 'ask-time' }
  | { readonly do: 'authenticate'; readonly candidate: Candidate; readonly challenge: string | null }
  | { readonly do: 'request-swap'; readonly token: AccessToken; readonly orderId: string | null; readonly nonce: 'kept' | 'fresh' }
  | { readonly do: 'store-pending'; readonly credential: IssuedCredential }
  | { readonly do: 'promote'; readonly credential: IssuedCredential }
  | { readonly do: 'remember-hotspots'; readonly known: Known }
  | { readonly do: 'renew-profiles'; readonly candidate: Candidate; readonly token: AccessToken; readonly hotspot: HotspotProfile | null }
  | { readonly do: 'keep-token'; readonly candidate: Candidate; readonly token: AccessToken }
  | { readonly do: 'wait'; readonly attempt: number; readonly atLeastMs: number }
  | { readonly do: 'watch-link'; readonly link: Link }
  | { readonly do: 'watch-radio' }
  | { readonly do: 'watch-orders'; readonly token: AccessToken; readonly steadySinceMs: number }

/** The next state and what to do there. Effects replace all that were under way; a step without effects leaves them be. */
export type Step = readonly [State, ...Effect[]]
