/** Turns a credential and a hotspot profile into what the supplicant needs: EAP-TTLS (RFC 5281) for secrets, EAP-TLS (RFC 5216) for certificates. */
import { deriveHotspotPassword } from '../contract/derivation.ts'
import { formatInnerIdentity, formatOuterIdentity } from '../contract/names.ts'
import type { Credential, Identity } from './credential.ts'
import { type EapMethod, type EapSettings, type HotspotProfile, type InnerMethod, isPlain } from './hotspot.ts'
import { Secret } from './secret.ts'

/** How the AAA server is checked, before it is shown anything. `checkDates` is false only while the device does not know the time. */
type ServerCheck = { readonly caPem: string; readonly serverName: string; readonly checkDates: boolean }

/** What everyone in radio range may read. */
type Outside = { readonly outerIdentity: string }

/** A password, inside a tunnel. */
export type TtlsProfile = ServerCheck &
  Outside & {
    readonly method: 'TTLS'
    readonly inner: InnerMethod
    readonly innerIdentity: string
    readonly password: Secret<string>
  }

/** A certificate; the name of the device stands in it alone. */
export type TlsProfile = ServerCheck &
  Outside & {
    readonly method: 'TLS'
    readonly fingerprint: string
    readonly chainPem: string
    readonly privateKeyPem: Secret<string>
  }

/** One EAP run, ready for a supplicant. */
export type EapProfile = TtlsProfile | TlsProfile

/** The one method that a credential is proved by. */
export function methodOf({ kind }: Credential): EapMethod {
  switch (kind) {
    case 'certificate':
      return 'TLS'
    case 'shared-secret':
    case 'temporary-secret':
      return 'TTLS'
  }
}

/** Whether a hotspot takes a credential at all; a plain one sees none. */
export const canCarry = (hotspot: HotspotProfile, credential: Credential): boolean =>
  isPlain(hotspot) || hotspot.eap.methods.includes(methodOf(credential))

/**
 * The EAP run of a credential at a hotspot. While certificate dates are not checked no PAP is used: an expired certificate whose
 * key leaked must not be handed the password (contract §4). EAP-TLS hands nothing over.
 */
export function eapProfile(identity: Identity, credential: Credential, settings: EapSettings, checkDates: boolean): EapProfile {
  const { caPem, serverName } = settings
  const common = { outerIdentity: formatOuterIdentity(identity.account, identity.realm), caPem, serverName, checkDates }
  switch (credential.kind) {
    case 'certificate': {
      const { id, chainPem, privateKeyPem } = credential
      return { method: 'TLS', ...common, fingerprint: id.fingerprint, chainPem, privateKeyPem }
    }
    case 'shared-secret':
    case 'temporary-secret':
      return {
        method: 'TTLS',
        ...common,
        inner: checkDates ? settings.inner : 'MSCHAPV2',
        innerIdentity: formatInnerIdentity({ ...identity, credentialId: credential.id }),
        password: new Secret(deriveHotspotPassword(credential.secret.reveal(), identity, settings.aaaDomain)),
      }
  }
}
