/**
 * Re-arming (contract §5): an operator makes one ended credential of a device good once more, for a device that was wiped or put back.
 *
 * "Once" is one swap, not one message: within the hour the device may join, ask for a token and ask for its new credential as
 * often as messages are lost. What was issued to it stays good after the hour, as anything pending does. The re-arming ends when
 * something issued becomes current, and it is cancelled, with what was issued by it, when the device's current credential is used:
 * then the device was not lost, or somebody else is about.
 */
import type { CredentialId } from '../../agent/contract/names.ts'
import type { ProblemType } from '../../agent/contract/problems.ts'
import {
  type CredentialEvent,
  type DeviceCredentials,
  type IssuedId,
  isSameCredential,
  isSameIssued,
  issuedRecord,
  type Verdict,
} from './device-credentials.ts'

/** A re-armed credential is good this long. */
export const REARMED_FOR_MS = 3_600_000

/** Whether a credential is good because it was re-armed. */
export const isRearmed = (device: DeviceCredentials | null, id: CredentialId, nowMs: number): boolean =>
  device !== null && device.rearmed !== null && nowMs < device.rearmed.untilMs && isSameCredential(device.rearmed.credentialId, id)

/** Until when the credential is good, or why not. */
export type RearmVerdict =
  | { readonly rearmed: true; readonly untilMs: number }
  | { readonly rearmed: false; readonly problem: ProblemType; readonly reason: string }

/** Which credential is re-armed; `orderId` is the order that it may rotate by. */
export type RearmRequest = { readonly credentialId: CredentialId; readonly orderId: string; readonly nowMs: number }

/**
 * Re-arms a credential that was superseded or revoked. Re-arming it again begins a new hour and leaves what it was issued, which may
 * be on the device already; re-arming another cancels the first.
 */
export function rearm(device: DeviceCredentials, { credentialId, orderId, nowMs }: RearmRequest): Verdict<RearmVerdict> {
  const state = stateOf(device, credentialId)
  if (state === 'none')
    return { answer: { rearmed: false, problem: 'not-found', reason: 'the device has no such credential' }, device, events: [] }
  if (state === 'good')
    return { answer: { rearmed: false, problem: 'conflict', reason: 'the credential is good as it is' }, device, events: [] }
  const untilMs = nowMs + REARMED_FOR_MS
  const isAgain = device.rearmed !== null && isSameCredential(device.rearmed.credentialId, credentialId)
  const before = isAgain ? { device, events: [] } : cancelRearm(device, 'another was re-armed')
  const issued = isAgain ? (device.rearmed?.issued ?? null) : null
  return {
    answer: { rearmed: true, untilMs },
    device: { ...before.device, rearmed: { credentialId, untilMs, orderId, issued } },
    events: [...before.events, { event: 'credential-rearmed', credentialId, detail: `until ${new Date(untilMs).toISOString()}` }],
  }
}

function stateOf(device: DeviceCredentials, id: CredentialId): 'none' | 'good' | 'ended' {
  switch (id.kind) {
    case 'temporary': {
      const { temporary } = device
      // Another key's is as good: a device that was repaired may have been flashed again elsewhere.
      if (temporary.state === 'superseded' || temporary.state === 'revoked') return 'ended'
      return temporary.state === 'open' && temporary.keyId === id.keyId ? 'good' : 'none'
    }
    case 'flashed': {
      if (device.flashed === 'none') return 'none'
      return device.flashed === 'good' ? 'good' : 'ended'
    }
    case 'issued':
    case 'certificate': {
      const state = issuedRecord(device, id)?.state
      if (state === undefined) return 'none'
      return state === 'pending' || state === 'current' ? 'good' : 'ended'
    }
  }
}

/** The device after a re-arming was cancelled: what was issued by it, and not proved yet, ends with it. */
export function cancelRearm(
  device: DeviceCredentials,
  why: string,
): { readonly device: DeviceCredentials; readonly events: readonly CredentialEvent[] } {
  const { rearmed } = device
  if (rearmed === null) return { device, events: [] }
  const events: CredentialEvent[] = [{ event: 'rearm-cancelled', credentialId: rearmed.credentialId, detail: why }]
  const pending = rearmed.issued === null ? null : issuedRecord(device, rearmed.issued)
  if (pending === null || pending.state !== 'pending') return { device: { ...device, rearmed: null }, events }
  const issued = device.issued.map((record) => (record === pending ? { ...record, state: 'superseded' as const } : record))
  return {
    device: { ...device, rearmed: null, issued },
    events: [...events, { event: 'pending-superseded', credentialId: pending.id, detail: '' }],
  }
}

/** The device after its current credential was used, which cancels a re-arming. */
export const currentUsed = (device: DeviceCredentials) => cancelRearm(device, 'the current credential was used')

/** The device after a credential was issued to one that asked: a re-armed one is remembered, so that its issue can end with it. */
export function withIssuedTo(device: DeviceCredentials, asker: CredentialId, issued: IssuedId, nowMs: number): DeviceCredentials {
  const { rearmed } = device
  if (rearmed === null || !isRearmed(device, asker, nowMs)) return device
  if (rearmed.issued !== null && isSameIssued(rearmed.issued, issued)) return device
  return { ...device, rearmed: { ...rearmed, issued } }
}
