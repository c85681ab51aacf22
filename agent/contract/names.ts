/**
 * Who is who on the wire (contract §1): account, device and key ids, the credential id that says which secret is meant
 * while two are good at once, and the NAI (RFC 7542) that carries them through EAP.
 */
import { type Parsed, parsed, unparsed } from './parsed.ts'

const ACCOUNT_ID = /^[a-z0-9]([a-z0-9-]{0,29}[a-z0-9])?$/
const DEVICE_ID = /^[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$/
const DEVICE_ID_MAX_BYTES = 63
const REALM = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/
const REALM_MAX_BYTES = 100

/** The parts of a secret id. Its length, with the longest device id, account and realm, keeps an identity within RADIUS's 253 bytes (RFC 2865 §5). */
export const SECRET_ID = /^([a-z0-9]{1,12})-([1-9][0-9]{0,9})-([a-z2-7]{16})-([a-z2-7]{13})$/

/** The fingerprint of a certificate: SHA-256 of its DER in base32, 52 characters. */
const FINGERPRINT = /^[a-z2-7]{52}$/

/** The realm of a device whose config names none; `.invalid` never resolves (RFC 2606). */
export const DEFAULT_REALM = 'zipkey.invalid'

/** Reads an account id: lower-case letters, digits and inner hyphens, at most 31. */
export const parseAccountId = (text: string): Parsed<string> =>
  ACCOUNT_ID.test(text) ? parsed(text) : unparsed('an account id is 1 to 31 of a-z, 0-9 and inner hyphens')

/** Reads a device id: letters, digits, `_`, `-` and inner dots, at most 63, compared byte for byte. */
export const parseDeviceId = (text: string): Parsed<string> =>
  text.length <= DEVICE_ID_MAX_BYTES && DEVICE_ID.test(text)
    ? parsed(text)
    : unparsed('a device id is 1 to 63 of A-Z, a-z, 0-9, _, - and inner dots, and starts with a letter or digit')

/** Reads the id of a provisioning key; it has the form of an account id. */
export const parseKeyId = (text: string): Parsed<string> =>
  ACCOUNT_ID.test(text) ? parsed(text) : unparsed('a provisioning key id is 1 to 31 of a-z, 0-9 and inner hyphens')

/** Reads a realm: a lower-case DNS name of at most 100 characters. */
export const parseRealm = (text: string): Parsed<string> =>
  text.length <= REALM_MAX_BYTES && REALM.test(text) ? parsed(text) : unparsed('a realm is a lower-case DNS name of at most 100 characters')

/** Which of a device's credentials is meant: one derived from a provisioning key, a secret the cloud issued, a certificate, or the flashed secret. */
export type CredentialId =
  | { readonly kind: 'temporary'; readonly keyId: string }
  | { readonly kind: 'issued'; readonly secretId: string }
  | { readonly kind: 'certificate'; readonly fingerprint: string }
  | { readonly kind: 'flashed' }

/** The wire form of a credential id, also the JOSE `kid`: `t.<key id>`, `s.<secret id>`, `c.<fingerprint>`; a flashed secret has none. */
export function formatCredentialId(id: CredentialId): string | null {
  switch (id.kind) {
    case 'temporary':
      return `t.${id.keyId}`
    case 'issued':
      return `s.${id.secretId}`
    case 'certificate':
      return `c.${id.fingerprint}`
    case 'flashed':
      return null
  }
}

/** Reads the wire form of a credential id; `null` stands for the flashed secret. */
export function parseCredentialId(text: string | null): Parsed<CredentialId> {
  if (text === null) return parsed({ kind: 'flashed' })
  const rest = text.slice(2)
  if (text.startsWith('t.') && parseKeyId(rest).ok) return parsed({ kind: 'temporary', keyId: rest })
  if (text.startsWith('s.') && SECRET_ID.test(rest)) return parsed({ kind: 'issued', secretId: rest })
  if (text.startsWith('c.') && FINGERPRINT.test(rest)) return parsed({ kind: 'certificate', fingerprint: rest })
  return unparsed('a credential id is t.<provisioning key id>, s.<secret id> or c.<certificate fingerprint>')
}

/** A device within its account. */
export type DeviceName = { readonly account: string; readonly device: string }

/** What the inner identity of EAP says: which device, with which of its credentials. */
export type InnerIdentity = DeviceName & { readonly credentialId: CredentialId; readonly realm: string }

/** The inner identity `<device>[+<credential id>]@<account>.<realm>`. */
export function formatInnerIdentity(identity: InnerIdentity): string {
  const credentialId = formatCredentialId(identity.credentialId)
  return `${identity.device}${credentialId === null ? '' : `+${credentialId}`}@${identity.account}.${identity.realm}`
}

/** Reads an inner identity; every part must be well formed. */
export function parseInnerIdentity(text: string): Parsed<InnerIdentity> {
  const match = /^([^+@]+)(?:\+([^+@]+))?@([^.@]+)\.([^@]+)$/.exec(text)
  if (match === null) return unparsed('an inner identity is <device id>[+<credential id>]@<account id>.<realm>')
  const [, deviceText = '', credentialText = null, accountText = '', realmText = ''] = match
  const device = parseDeviceId(deviceText)
  if (!device.ok) return device
  const account = parseAccountId(accountText)
  if (!account.ok) return account
  const realm = parseRealm(realmText)
  if (!realm.ok) return realm
  const credentialId = parseCredentialId(credentialText)
  if (!credentialId.ok) return credentialId
  return parsed({ device: device.value, account: account.value, realm: realm.value, credentialId: credentialId.value })
}

/** The outer identity: the device id is not sent in the clear. */
export const formatOuterIdentity = (account: string, realm: string): string => `anonymous@${account}.${realm}`

/** How a device is named in tokens and assertions: `<account>/<device>`. */
export const formatSubject = (name: DeviceName): string => `${name.account}/${name.device}`

/** Reads `<account>/<device>`. */
export function parseSubject(text: string): Parsed<DeviceName> {
  const slash = text.indexOf('/')
  const account = parseAccountId(text.slice(0, Math.max(slash, 0)))
  if (!account.ok) return account
  const device = parseDeviceId(text.slice(slash + 1))
  return device.ok ? parsed({ account: account.value, device: device.value }) : device
}
