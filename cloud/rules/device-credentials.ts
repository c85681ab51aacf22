/**
 * What the cloud knows of one device's credentials: which are good, never what they are. Everything that may happen to them
 * is a pure function over this small state (token.ts, swap.ts, hotspot.ts), so that a test can explore every order of events.
 */
import type { CredentialId } from '../../agent/contract/names.ts'
import type { CredentialEventName } from './audit-event.ts'

/** `pending` was handed out and not yet proved, `current` was proved by a token request, the others are refused for ever. */
export type IssuedSecretState = 'pending' | 'current' | 'superseded' | 'revoked'

/** A secret that the cloud issued: its id and the nonce that asked for it. The secret itself is derived when it is needed. */
export type IssuedSecretRecord = {
  readonly secretId: string
  readonly generation: number
  readonly nonce: string
  readonly state: IssuedSecretState
}

/** Whether secrets derived from a provisioning key are good for this device; `none` where it was registered with a secret of its own. */
export type TemporaryState = { readonly state: 'none' } | { readonly state: 'open' | 'superseded'; readonly keyId: string }

/** Whether the secret flashed at manufacture is good. */
export type FlashedState = 'none' | 'good' | 'superseded' | 'revoked'

/** The credentials of one device. */
export type DeviceCredentials = {
  readonly temporary: TemporaryState
  readonly flashed: FlashedState
  readonly issued: readonly IssuedSecretRecord[]
}

/** Something the audit log has to tell about one credential of the device. */
export type CredentialEvent = { readonly event: CredentialEventName; readonly credentialId: CredentialId; readonly detail: string }

/** What a rule decided: the answer, the device's credentials afterwards (null: no such device), and what the audit log tells. */
export type Verdict<Answer> = {
  readonly answer: Answer
  readonly device: DeviceCredentials | null
  readonly events: readonly CredentialEvent[]
}

/** The device's issued secret with this id. */
export const issuedSecret = (device: DeviceCredentials | null, secretId: string): IssuedSecretRecord | null =>
  device?.issued.find((record) => record.secretId === secretId) ?? null
