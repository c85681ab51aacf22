/**
 * What the cloud knows of one device's credentials: which are good, never what they are. Everything that may happen to them
 * is a pure function over this small state (token.ts, swap.ts, hotspot.ts), so that a test can explore every order of events.
 */
import { type CredentialId, formatCredentialId } from '../../agent/contract/names.ts'
import type { CredentialEventName } from './audit-event.ts'
import type { Place } from './place.ts'

/** The two kinds of credential that a cloud issues: a secret by its id, a certificate by its fingerprint. */
export type IssuedId = Extract<CredentialId, { readonly kind: 'issued' | 'certificate' }>

/** Whether this is the id of a credential that a cloud issues. */
export const isIssuedId = (id: CredentialId): id is IssuedId => id.kind === 'issued' || id.kind === 'certificate'

/** `pending` was handed out and not yet proved, `current` was proved by a token request, the others are refused for ever. */
export type IssuedState = 'pending' | 'current' | 'superseded' | 'revoked'

/** A credential that the cloud issued: its id and the nonce that asked for it. What it is, a secret or a certificate, is kept elsewhere. */
export type IssuedRecord = {
  readonly id: IssuedId
  readonly generation: number
  readonly nonce: string
  readonly state: IssuedState
}

/** Whether an issued credential is good. */
export const isLive = ({ state }: IssuedRecord): boolean => state === 'pending' || state === 'current'

/** Whether secrets derived from a provisioning key are good for this device; `none` where it was registered with a secret of its own. */
export type TemporaryState = { readonly state: 'none' } | { readonly state: 'open' | 'superseded' | 'revoked'; readonly keyId: string }

/** Whether the secret flashed at manufacture is good. */
export type FlashedState = 'none' | 'good' | 'superseded' | 'revoked'

/** An ended credential that an operator made good once more (rearm.ts). */
export type Rearmed = {
  readonly credentialId: CredentialId
  readonly untilMs: number
  /** The order by which a permanent credential is rotated at once; a temporary one needs none. */
  readonly orderId: string
  /** What was issued to it; null before. */
  readonly issued: IssuedId | null
}

/** What the latest restore left behind for a device that was in the backup, or is known by something that was (recovery.ts). */
export type Recovery = {
  /** Until when waits what the backup calls good. */
  readonly untilMs: number
  /** The highest place that was shown since the restore, of those that the backup or the lost time knew. */
  readonly shown: Place
  /** The issued credentials in the backup, by name: whether they were good or had ended, and their rank. */
  readonly inBackup: ReadonlyMap<string, { readonly was: 'good' | 'ended'; readonly rank: number }>
}

/** The credentials of one device. */
export type DeviceCredentials = {
  readonly temporary: TemporaryState
  readonly flashed: FlashedState
  readonly issued: readonly IssuedRecord[]
  /** When an issued credential last became current, which ended the others. */
  readonly promotedMs: number | null
  /** Since when orders issue nothing to this device, until an operator has looked at it; null while they do. */
  readonly frozenMs: number | null
  readonly rearmed: Rearmed | null
  readonly recovery: Recovery | null
}

/** A device that has no credential. */
export const NO_CREDENTIALS: DeviceCredentials = {
  temporary: { state: 'none' },
  flashed: 'none',
  issued: [],
  promotedMs: null,
  frozenMs: null,
  rearmed: null,
  recovery: null,
}

/** When a credential is shown, and when the assertion that shows it was made. */
export type Shown = { readonly nowMs: number; readonly madeMs: number }

/** Something the audit log has to tell about one credential of the device. */
export type CredentialEvent = { readonly event: CredentialEventName; readonly credentialId: CredentialId; readonly detail: string }

/** What a rule decided: the answer, the device's credentials afterwards (null: no such device), and what the audit log tells. */
export type Verdict<Answer> = {
  readonly answer: Answer
  readonly device: DeviceCredentials | null
  readonly events: readonly CredentialEvent[]
}

/** Secret id or fingerprint alone. No two ids share it: the one has hyphens, and the other has none. */
export function issuedName(id: IssuedId): string {
  switch (id.kind) {
    case 'issued':
      return id.secretId
    case 'certificate':
      return id.fingerprint
  }
}

/** Whether two ids mean the same credential of a device. */
export const isSameCredential = (one: CredentialId, other: CredentialId): boolean => formatCredentialId(one) === formatCredentialId(other)

/** Whether two ids mean the same issued credential. */
export const isSameIssued = (one: IssuedId, other: IssuedId): boolean => one.kind === other.kind && issuedName(one) === issuedName(other)

/** The device's issued credential with this id. */
export const issuedRecord = (device: DeviceCredentials | null, id: IssuedId): IssuedRecord | null =>
  device?.issued.find((record) => isSameIssued(record.id, id)) ?? null
