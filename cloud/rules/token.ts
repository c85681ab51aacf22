/** What a token request does to a device's credentials (contract §4 and §5). The signature was good; time and replay were checked. */
import type { CredentialId } from '../../agent/contract/names.ts'
import type { ProblemType } from '../../agent/contract/problems.ts'
import type { Scope } from '../../agent/contract/token.ts'
import type { CredentialEventName } from './audit-event.ts'
import {
  type CredentialEvent,
  type DeviceCredentials,
  type IssuedId,
  type IssuedRecord,
  isSameIssued,
  issuedRecord,
  type Verdict,
} from './device-credentials.ts'
import { judgeTemporary, type TemporaryPresented } from './enrolment.ts'

/** A token of this scope, or why not. */
export type TokenVerdict =
  | { readonly granted: true; readonly scope: Scope }
  | { readonly granted: false; readonly problem: ProblemType; readonly reason: string }

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

/** A token request with a secret of a provisioning key: good for nothing but asking for the permanent one. */
export function tokenByTemporary(device: DeviceCredentials | null, presented: TemporaryPresented): Verdict<TokenVerdict> {
  const { keyId } = presented.key
  const id: CredentialId = { kind: 'temporary', keyId }
  const judgement = judgeTemporary(device, presented)
  if (!judgement.good) {
    const { problem, reason } = judgement
    const name: CredentialEventName = problem === 'already-enrolled' ? 'temporary-refused-after-swap' : 'enrolment-refused'
    return refuse(device, id, { problem, event: name, reason })
  }
  const enrolled: DeviceCredentials = { flashed: 'none', issued: [], ...device, temporary: { state: 'open', keyId } }
  return grant(enrolled, 'enrol', id, judgement.enrols ? [event('enrolled', id)] : [])
}

/** A token request with the secret flashed at manufacture. */
export function tokenByFlashed(device: DeviceCredentials | null): Verdict<TokenVerdict> {
  const id: CredentialId = { kind: 'flashed' }
  if (device === null) return refuse(device, id, NOT_KNOWN)
  switch (device.flashed) {
    case 'none':
      return refuse(device, id, NOT_KNOWN)
    case 'good':
      return grant(device, 'device', id)
    case 'superseded':
      return refuse(device, id, SUPERSEDED)
    case 'revoked':
      return refuse(device, id, REVOKED)
  }
}

/** A token request with an issued credential; the first one with a pending one makes it current and ends every other. */
export function tokenByIssued(device: DeviceCredentials | null, id: IssuedId): Verdict<TokenVerdict> {
  const record = issuedRecord(device, id)
  if (device === null || record === null) return refuse(device, id, NOT_KNOWN)
  switch (record.state) {
    case 'pending':
      return grant(makeCurrent(device, id), 'device', id, [event('became-current', id), ...endedBy(device, id)])
    case 'current':
      return grant(device, 'device', id)
    case 'superseded':
      return refuse(device, id, SUPERSEDED)
    case 'revoked':
      return refuse(device, id, REVOKED)
  }
}

const isLive = (record: IssuedRecord): boolean => record.state === 'pending' || record.state === 'current'

function makeCurrent(device: DeviceCredentials, id: IssuedId): DeviceCredentials {
  return {
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
