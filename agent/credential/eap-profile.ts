/** Turns a credential and a hotspot profile into what the supplicant needs for EAP-TTLS (RFC 5281). */
import { deriveHotspotPassword } from '../contract/derivation.ts'
import { formatInnerIdentity, formatOuterIdentity } from '../contract/names.ts'
import type { Credential, Identity } from './credential.ts'
import type { EapSettings, InnerMethod } from './hotspot.ts'
import { Secret } from './secret.ts'

/** One EAP run, ready for a supplicant. `checkDates` is false only while the device does not know the time. */
export type EapProfile = {
  readonly method: 'TTLS'
  readonly inner: InnerMethod
  readonly outerIdentity: string
  readonly innerIdentity: string
  readonly password: Secret<string>
  readonly caPem: string
  readonly serverName: string
  readonly checkDates: boolean
}

/**
 * The EAP run of a credential at a hotspot. While certificate dates are not checked no PAP is used: an expired certificate whose
 * key leaked must not be handed the password (contract §4).
 */
export function eapProfile(identity: Identity, credential: Credential, settings: EapSettings, checkDates: boolean): EapProfile {
  return {
    method: 'TTLS',
    inner: checkDates ? settings.inner : 'MSCHAPV2',
    outerIdentity: formatOuterIdentity(identity.account, identity.realm),
    innerIdentity: formatInnerIdentity({ ...identity, credentialId: credential.id }),
    password: new Secret(deriveHotspotPassword(credential.secret.reveal(), identity, settings.aaaDomain)),
    caPem: settings.caPem,
    serverName: settings.serverName,
    checkDates,
  }
}
