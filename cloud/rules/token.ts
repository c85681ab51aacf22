/** What a token request does to a device's credentials (contract §4 and §5). The signature was good; time and replay were checked. */
import type { CredentialId } from '../../agent/contract/names.ts'
import type { ProblemType } from '../../agent/contract/problems.ts'
import type { Scope } from '../../agent/contract/token.ts'
import type { CredentialEventName } from './audit-event.ts'
import {
  type CredentialEvent,
  type DeviceCredentials,
  type IssuedId,
  isLive,
  isSameIssued,
  issuedRecord,
  NO_CREDENTIALS,
  type Shown,
  type Verdict,
} from './device-credentials.ts'
import { judgeTemporary, type TemporaryPresented } from './enrolment.ts'
import { currentUsed, isRearmed } from './rearm.ts'

/** A token of this scope, or why not. */
export type TokenVerdict =
  | { readonly granted: true; readonly scope: Scope }
  | { readonly granted: false; readonly problem: ProblemType; readonly reason: string }
  | { readonly granted: false; readonly problem: 'unavailable'; readonly reason: string; readonly untilMs: number }

type Refusal = { readonly problem: ProblemType; readonly event: CredentialEventName; readonly reason: string }

const event = (name: CredentialEventName, credentialId: CredentialId, detail = ''): CredentialEvent => ({
  event: name,
  credentialId,
  detail,
})

const grant = (
  device: DeviceCredentials,
  scope: Scope,
  id: CredentialId,
  before: readonly CredentialEvent[] = [],
): Verdict<TokenVerdict> => ({
  answer: { granted: true, scope },
  device,
  events: [...before, event('token-issued', id, scope)],
})

const refuse = (device: DeviceCredentials | null, id: CredentialId, { problem, event: name, reason }: Refusal): Verdict<TokenVerdict> => ({
  answer: { granted: false, problem, reason },
  device,
  events: [event(name, id, reason)],
})

const NOT_KNOWN = { problem: 'unknown-credential', event: 'unknown-credential-refused', reason: 'the credential is not known' } as const
const SUPERSEDED = { problem: 'revoked', event: 'superseded-credential-refused', reason: 'the credential was superseded' } as const
const REVOKED = { problem: 'revoked', event: 'revoked-credential-refused', reason: 'the credential was revoked' } as const

/** Refuses a credential that was revoked. */
export const refuseRevoked = (device: DeviceCredentials, id: CredentialId): Verdict<TokenVerdict> => refuse(device, id, REVOKED)

/** A credential that ended, shown again: somebody has it who should not, unless the message is older than its end. It freezes rotation. */
export function refuseSuperseded(device: DeviceCredentials, id: CredentialId, shown: Shown): Verdict<TokenVerdict> {
  if (wasOnTheWay(device, shown)) return refuse(device, id, { ...SUPERSEDED, event: 'late-request-refused' })
  const { answer, events } = refuse(device, id, SUPERSEDED)
  if (device.frozenMs !== null) return { answer, device, events }
  return { answer, device: { ...device, frozenMs: shown.nowMs }, events: [...events, event('rotation-frozen', id, SUPERSEDED.reason)] }
}

const WHOLE_SECOND_MS = 1000

/** Whether the assertion was made before the device's former credentials ended. Its time is in whole seconds, cut off. */
const wasOnTheWay = ({ promotedMs }: DeviceCredentials, { madeMs }: Shown): boolean =>
  promotedMs !== null && madeMs + WHOLE_SECOND_MS <= promotedMs

/** A token request with the re-armed credential. What it was before it stays, until something issued becomes current. */
const grantRearmed = (device: DeviceCredentials, scope: Scope, id: CredentialId): Verdict<TokenVerdict> =>
  grant(device, scope, id, [event('rearmed-credential-used', id)])

/** A token request with the current credential. */
function grantCurrent(before: DeviceCredentials, id: CredentialId): Verdict<TokenVerdict> {
  const { device, events } = currentUsed(before)
  return grant(device, 'device', id, events)
}

/** A token request with a secret of a provisioning key: good for nothing but asking for the permanent one. */
export function tokenByTemporary(device: DeviceCredentials | null, presented: TemporaryPresented, shown: Shown): Verdict<TokenVerdict> {
  const { keyId } = presented.key
  const id: CredentialId = { kind: 'temporary', keyId }
  if (device !== null && isRearmed(device, id, shown.nowMs)) return grantRearmed(device, 'enrol', id)
  const judgement = judgeTemporary(device, presented)
  if (!judgement.good) {
    const { problem, reason } = judgement
    return refuse(device, id, { problem, event: temporaryRefusal(device, problem, shown), reason })
  }
  const enrolled: DeviceCredentials = { ...(device ?? NO_CREDENTIALS), temporary: { state: 'open', keyId } }
  return grant(enrolled, 'enrol', id, judgement.enrols ? [event('enrolled', id)] : [])
}

function temporaryRefusal(device: DeviceCredentials | null, problem: ProblemType, shown: Shown): CredentialEventName {
  if (device?.temporary.state === 'revoked') return 'revoked-credential-refused'
  if (problem !== 'already-enrolled') return 'enrolment-refused'
  return device !== null && wasOnTheWay(device, shown) ? 'late-request-refused' : 'temporary-refused-after-swap'
}

/** A token request with the secret flashed at manufacture. */
export function tokenByFlashed(device: DeviceCredentials | null, shown: Shown): Verdict<TokenVerdict> {
  const id: CredentialId = { kind: 'flashed' }
  if (device === null) return refuse(device, id, NOT_KNOWN)
  if (isRearmed(device, id, shown.nowMs)) return grantRearmed(device, 'device', id)
  switch (device.flashed) {
    case 'none':
      return refuse(device, id, NOT_KNOWN)
    case 'good':
      return grantCurrent(device, id)
    case 'superseded':
      return refuseSuperseded(device, id, shown)
    case 'revoked':
      return refuseRevoked(device, id)
  }
}

/** A token request with an issued credential; the first one with a pending one makes it current and ends every other. */
export function tokenByIssued(device: DeviceCredentials | null, id: IssuedId, shown: Shown): Verdict<TokenVerdict> {
  const record = issuedRecord(device, id)
  if (device === null || record === null) return refuse(device, id, NOT_KNOWN)
  if (isRearmed(device, id, shown.nowMs)) return grantRearmed(device, 'device', id)
  switch (record.state) {
    case 'pending':
      return grant(makeCurrent(device, id, shown.nowMs), 'device', id, [event('became-current', id), ...endedBy(device, id)])
    case 'current':
      return grantCurrent(device, id)
    case 'superseded':
      return refuseSuperseded(device, id, shown)
    case 'revoked':
      return refuseRevoked(device, id)
  }
}

function makeCurrent(device: DeviceCredentials, id: IssuedId, nowMs: number): DeviceCredentials {
  return {
    ...device,
    promotedMs: nowMs,
    rearmed: null,
    temporary: device.temporary.state === 'open' ? { ...device.temporary, state: 'superseded' } : device.temporary,
    flashed: device.flashed === 'good' ? 'superseded' : device.flashed,
    issued: device.issued.map((record) => {
      if (isSameIssued(record.id, id)) return { ...record, state: 'current' }
      return isLive(record) ? { ...record, state: 'superseded' } : record
    }),
  }
}

function endedBy(device: DeviceCredentials, id: IssuedId): readonly CredentialEvent[] {
  const others = device.issued.filter((record) => !isSameIssued(record.id, id) && isLive(record))
  return [
    ...(device.temporary.state === 'open' ? [event('temporary-superseded', { kind: 'temporary', keyId: device.temporary.keyId })] : []),
    ...(device.flashed === 'good' ? [event('flashed-superseded', { kind: 'flashed' })] : []),
    ...others.map((other) => event(other.state === 'current' ? 'current-superseded' : 'pending-superseded', other.id)),
  ]
}
