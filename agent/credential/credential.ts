/** What a device can prove itself with, and where it got it from. */
import { type CredentialId, type DeviceName, formatCredentialId } from '../contract/names.ts'
import type { Secret } from './secret.ts'

/** A secret of one device alone: flashed at manufacture, or issued by the cloud. */
export type SharedSecret = {
  readonly kind: 'shared-secret'
  readonly id: Extract<CredentialId, { kind: 'flashed' | 'issued' }>
  readonly secret: Secret
}

/** A secret the cloud issued. */
export type IssuedSecret = SharedSecret & { readonly id: Extract<CredentialId, { kind: 'issued' }> }

/** A certificate of one device alone, and its private key, which nobody else has; its id is the same wherever it came from. */
export type DeviceCertificate = {
  readonly kind: 'certificate'
  readonly id: Extract<CredentialId, { kind: 'certificate' }>
  /** PEM: the device's own certificate first, then its issuers. */
  readonly chainPem: string
  /** PEM of PKCS#8. */
  readonly privateKeyPem: Secret<string>
}

/** A certificate whose private key stays in a token (PKCS#11): it is called by a URI, signs there, and is never seen. */
export type TokenCertificate = {
  readonly kind: 'token-certificate'
  readonly id: Extract<CredentialId, { kind: 'certificate' }>
  readonly chainPem: string
  /** RFC 7512. */
  readonly keyUri: string
  readonly pin: Secret<string> | null
}

/** What the cloud issues: the only credentials that are stored, proved and promoted. */
export type IssuedCredential = IssuedSecret | DeviceCertificate

/** A secret derived from a provisioning key: good for nothing but asking for a permanent one. */
export type TemporarySecret = {
  readonly kind: 'temporary-secret'
  readonly id: Extract<CredentialId, { kind: 'temporary' }>
  readonly secret: Secret
}

/** A credential that is good for everything a device does. */
export type PermanentCredential = SharedSecret | DeviceCertificate | TokenCertificate

/** What the CA config may hold. */
export type FlashedCredential = PermanentCredential | TemporarySecret

/** Any of them. */
export type Credential = PermanentCredential | TemporarySecret

/**
 * A credential and where it came from: `pending` is stored but not yet proved, `current` was proved by the whole path,
 * `flashed` is a permanent one from the CA config, `temporary` came from the CA config's provisioning key or derived secret.
 */
export type Candidate =
  | { readonly slot: 'pending'; readonly credential: IssuedCredential }
  | { readonly slot: 'current'; readonly credential: IssuedCredential }
  | { readonly slot: 'flashed'; readonly credential: PermanentCredential }
  | { readonly slot: 'temporary'; readonly credential: TemporarySecret }

/** At least one candidate; they are tried in order. */
export type Candidates = readonly [Candidate, ...Candidate[]]

/** Who the device is: its name, and the realm under which hotspots find its AAA. */
export type Identity = DeviceName & { readonly realm: string }

/** The kinds of permanent credential that a device may ask for. */
export const PERMANENT_KINDS = ['secret', 'certificate'] as const

/** One of them. */
export type PermanentKind = (typeof PERMANENT_KINDS)[number]

/** Whether a credential is proved by a certificate, wherever its key is. */
export const isCertificate = (credential: Credential): credential is DeviceCertificate | TokenCertificate =>
  credential.kind === 'certificate' || credential.kind === 'token-certificate'

/** A name for a credential that is safe to log. */
export const credentialLabel = (credential: Credential): string => formatCredentialId(credential.id) ?? 'flashed'

/** Whether two candidates hold the same credential. */
export const isSameCredential = (a: Candidate, b: Candidate): boolean =>
  a.credential.kind === b.credential.kind && credentialLabel(a.credential) === credentialLabel(b.credential)
