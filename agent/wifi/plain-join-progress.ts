/** What wpa_supplicant's signals say about the join of a plain hotspot, where no EAP is run. */
import { type HotspotProfile, isPlain, type PlainHotspot } from '../credential/hotspot.ts'
import type { Failure } from '../failure.ts'
import { advanceJoin, apGone, isApGone, JOIN_BEGINNING, type JoinOutcome, type JoinPhase, numberIn } from './join-progress.ts'
import { type InterfaceSignal, stateIn } from './wpa-interface.ts'

/** How far it has come; during `handshake` the keys are agreed on. */
export type PlainJoinProgress = {
  readonly phase: Exclude<JoinPhase, 'eap'> | 'handshake'
  readonly outcome: JoinOutcome | null
}

/** Before the first signal. */
export const PLAIN_JOIN_BEGINNING: PlainJoinProgress = { phase: 'beginning', outcome: null }

/** How far a join of any kind has come, after each of its signals. */
export type FollowJoin = (
  member: InterfaceSignal,
  body: readonly unknown[],
) => { readonly phase: string; readonly outcome: JoinOutcome | null }

/** Follows one join of this hotspot from its beginning. */
export function followJoin(hotspot: HotspotProfile): FollowJoin {
  if (isPlain(hotspot)) {
    let progress = PLAIN_JOIN_BEGINNING
    return (member, body) => {
      progress = advancePlainJoin(progress, hotspot.security, member, body)
      return progress
    }
  }
  let progress = JOIN_BEGINNING
  return (member, body) => {
    progress = advanceJoin(progress, member, body)
    return progress
  }
}

/** Takes one signal in. After an outcome nothing changes any more. */
export function advancePlainJoin(
  progress: PlainJoinProgress,
  security: PlainHotspot['security'],
  member: InterfaceSignal,
  body: readonly unknown[],
): PlainJoinProgress {
  if (progress.outcome !== null || member !== 'PropertiesChanged') return progress
  const failure = failureIn(progress, security, body)
  if (failure !== null) return { ...progress, outcome: { kind: 'failed', failure } }
  switch (stateIn(body)) {
    case 'completed':
      return { ...progress, outcome: { kind: 'joined', eap: null } }
    case 'scanning':
      return { ...progress, phase: 'scanning' }
    case 'authenticating':
    case 'associating':
      return { ...progress, phase: 'associating' }
    case '4way_handshake':
      return { ...progress, phase: 'handshake' }
    default:
      return progress
  }
}

/** IEEE 802.11 status code 1, "unspecified failure": what an access point says to an SAE confirm that does not fit its own. */
const SAE_MISMATCH = 1

function failureIn({ phase }: PlainJoinProgress, security: PlainHotspot['security'], body: readonly unknown[]): Failure | null {
  const reason = numberIn(body, 'DisconnectReason')
  if (reason !== null && isApGone(reason)) return apGone(reason)
  // An access point that cannot check the handshake message for lack of the same key gives up; which reason it names differs.
  if (security === 'psk' && phase === 'handshake' && reason !== null)
    return wrongPassphrase(`the 4-way handshake failed (reason ${reason})`)
  if (security === 'sae' && numberIn(body, 'AuthStatusCode') === SAE_MISMATCH) return wrongPassphrase('SAE was refused (status 1)')
  return null
}

const wrongPassphrase = (detail: string): Failure => ({ code: 'ERR_WIFI_PASSPHRASE', detail, retryAfterMs: 0 })
