/**
 * What the cloud knows of one device's credentials: which are good, never what they are. Everything that may happen to them
 * is a pure function over this small state (token.ts, swap.ts, hotspot.ts), so that a test can explore every order of events.
 */
import type { CredentialId } from '../../agent/contract/names.ts'
import type { CredentialEventName } from './audit-event.ts'

/** The two kinds of credential that a cloud issues: a secret by its id, a certificate by its fingerprint. */
export type IssuedId = Extract<CredentialId, { readonly kind: 'issued' | 'certificate' }>

/** `pending` was handed out and not yet proved, `current` was proved by a token request, the others are refused for ever. */
export type IssuedState = 'pending' | 'current' | 'superseded' | 'revoked'

/** A credential that the cloud issued: its id and the nonce that asked for it. What it is, a secret or a certificate, is kept elsewhere. */
export type IssuedRecord = {
  readonly id: IssuedId
  readonly generation: number
  readonly nonce: string
  readonly state: IssuedState
}

/** Whether secrets derived from a provisioning key are good for this device; `none` where it was registered with a secret of its own. */
export type TemporaryState = { readonly state: 'none' } | { readonly state: 'open' | 'superseded'; readonly keyId: string }

/** Whether the secret flashed at manufacture is good. */
export type FlashedState = 'none' | 'good' | 'superseded' | 'revoked'

/** The credentials of one device. */
export type DeviceCredentials = {
  readonly temporary: TemporaryState
  readonly flashed: FlashedState
  readonly issued: readonly IssuedRecord[]
}

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

/** Whether two ids mean the same credential. */
export const isSameIssued = (one: IssuedId, other: IssuedId): boolean => one.kind === other.kind && issuedName(one) === issuedName(other)

/** The device's issued credential with this id. */
export const issuedRecord = (device: DeviceCredentials | null, id: IssuedId): IssuedRecord | null =>
  device?.issued.find((record) => isSameIssued(record.id, id)) ?? null
