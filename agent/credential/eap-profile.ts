/**
 * Turns a credential and a hotspot profile into what the supplicant needs: EAP-TLS (RFC 5216) for certificates; for secrets EAP-TTLS
 * (RFC 5281), PEAP (draft-josefsson-pppext-eap-tls-eap) or EAP-PWD (RFC 5931).
 */
import { deriveHotspotPassword } from '../contract/derivation.ts'
import { formatInnerIdentity, formatOuterIdentity } from '../contract/names.ts'
import { AgentError } from '../failure.ts'
import { type Credential, type Identity, isCertificate, type PermanentKind } from './credential.ts'
import { type EapMethod, type EapSettings, type HotspotProfile, type InnerMethod, isPlain, type TlsVersion } from './hotspot.ts'
import { Secret } from './secret.ts'

/** How the AAA server is checked, before it is shown anything. `checkDates` is false only while the device does not know the time. */
type ServerCheck = { readonly caPem: string; readonly serverName: string; readonly tlsMaxVersion: TlsVersion; readonly checkDates: boolean }

/** What everyone in radio range may read. */
type Outside = { readonly outerIdentity: string }

/** What a secret is to a hotspot. */
type Password = { readonly innerIdentity: string; readonly password: Secret<string> }

/** A password, inside a tunnel. */
export type TtlsProfile = ServerCheck & Outside & Password & { readonly method: 'TTLS'; readonly inner: InnerMethod }

/** A password inside a tunnel, by EAP-MSCHAPv2. */
export type PeapProfile = ServerCheck & Outside & Password & { readonly method: 'PEAP' }

/**
 * A password, without a tunnel: everyone in range may read which device it is. Both sides prove by it that they know it, and nothing
 * else proves the AAA server; there are no dates to check.
 */
export type PwdProfile = Password & { readonly method: 'PWD'; readonly checkDates: true }

/** A certificate; the name of the device stands in it alone. */
export type TlsProfile = ServerCheck &
  Outside & {
    readonly method: 'TLS'
    readonly fingerprint: string
    readonly chainPem: string
    readonly privateKeyPem: Secret<string>
  }

/** The same with a key in a token, which the supplicant opens by itself. */
export type TokenTlsProfile = ServerCheck &
  Outside & {
    readonly method: 'TLS'
    readonly fingerprint: string
    readonly chainPem: string
    readonly keyUri: string
    readonly pin: Secret<string> | null
  }

/** One EAP run, ready for a supplicant. */
export type EapProfile = TunnelProfile | TlsProfile | TokenTlsProfile | PwdProfile

/** One with a tunnel for a password. */
export type TunnelProfile = TtlsProfile | PeapProfile

/** The methods that a credential can be proved by. */
export const methodsOf = (credential: Credential): readonly EapMethod[] => METHODS_OF[permanentKindOf(credential)]

/** The methods that each kind can be proved by. */
export const METHODS_OF: Readonly<Record<PermanentKind, readonly EapMethod[]>> = { certificate: ['TLS'], secret: ['TTLS', 'PEAP', 'PWD'] }

const permanentKindOf = (credential: Credential): PermanentKind => (isCertificate(credential) ? 'certificate' : 'secret')

const methodAt = ({ methods }: EapSettings, credential: Credential): EapMethod | undefined =>
  methods.find((method) => methodsOf(credential).includes(method))

/** Whether a hotspot takes a credential at all; a plain one sees none. */
export const canCarry = (hotspot: HotspotProfile, credential: Credential): boolean =>
  isPlain(hotspot) || methodAt(hotspot.eap, credential) !== undefined

/**
 * The EAP run of a credential at a hotspot. While certificate dates are not checked no PAP is used: an expired certificate whose
 * key leaked must not be handed the password (contract §4). EAP-TLS hands nothing over.
 */
export function eapProfile(identity: Identity, credential: Credential, settings: EapSettings, checkDates: boolean): EapProfile {
  const { caPem, serverName, tlsMaxVersion } = settings
  const common = { outerIdentity: formatOuterIdentity(identity.account, identity.realm), caPem, serverName, tlsMaxVersion, checkDates }
  const method = methodAt(settings, credential)
  if (isCertificate(credential)) {
    if (method === undefined) throw noMethod(credential)
    const { id, chainPem } = credential
    const shown = { method: 'TLS', ...common, fingerprint: id.fingerprint, chainPem } as const
    if (credential.kind === 'certificate') return { ...shown, privateKeyPem: credential.privateKeyPem }
    return { ...shown, keyUri: credential.keyUri, pin: credential.pin }
  }
  const shown = {
    innerIdentity: formatInnerIdentity({ ...identity, credentialId: credential.id }),
    password: new Secret(deriveHotspotPassword(credential.secret.reveal(), identity, settings.aaaDomain)),
  }
  switch (method) {
    case 'TTLS':
      return { method, ...common, ...shown, inner: checkDates ? settings.inner : 'MSCHAPV2' }
    case 'PEAP':
      return { method, ...common, ...shown }
    case 'PWD':
      return { method, ...shown, checkDates: true }
    case 'TLS':
    case undefined:
      throw noMethod(credential)
  }
}

const noMethod = (credential: Credential): AgentError =>
  new AgentError('ERR_WIFI_NO_METHOD', `this hotspot offers none of ${methodsOf(credential).join(', ')}`)
