/** The words of the audit log. */

/** What happens to a credential. */
export const CREDENTIAL_EVENTS = [
  'enrolled',
  'enrolment-refused',
  'registered',
  'token-issued',
  'secret-issued',
  'secret-delivered-again',
  'certificate-issued',
  'certificate-delivered-again',
  'pending-superseded',
  'pending-seen-at-hotspot',
  'became-current',
  'temporary-superseded',
  'flashed-superseded',
  'current-superseded',
  'temporary-refused-after-swap',
  'superseded-credential-refused',
  'revoked-credential-refused',
  'unknown-credential-refused',
  'late-request-refused',
  'rotation-frozen',
  'credential-revoked',
  'credential-rearmed',
  'rearmed-credential-used',
  'rearm-cancelled',
  'identity-shared',
  'rolled-forward',
  'line-conflict',
  'assertion-outside-time',
  'assertion-replayed',
  'hotspot-refused',
  'hotspot-accepted',
  'hotspot-rejected',
  'hotspot-session',
] as const

/** What operators do. */
export const OPERATOR_EVENTS = [
  'account-created',
  'provisioning-key-created',
  'provisioning-key-retired',
  'operator-key-created',
  'aaa-client-created',
  'certificate-authority-registered',
  'certificate-authority-retired',
  'factory-key-added',
  'factory-key-retired',
  'rotation-ordered',
  'rotation-unfrozen',
  'rotation-order-taken-back',
  'rotation-schedule-created',
  'rotation-schedule-deleted',
  'alarm-acknowledged',
  'database-restored',
  'master-key-used',
  'master-key-distrusted',
  'master-key-retired',
  'hotspot-profiles-set',
] as const

/** One of the credential events. */
export type CredentialEventName = (typeof CREDENTIAL_EVENTS)[number]

/** Any event of the audit log. */
export type AuditEventName = CredentialEventName | (typeof OPERATOR_EVENTS)[number]
