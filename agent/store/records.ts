/**
 * What stands in the files of the state directory: one JSON object each, with the format's number, the device it belongs to,
 * and a checksum over everything else, so that no torn, mistyped or foreign file is ever taken for a good one.
 */
import { createHash } from 'node:crypto'
import { formatHotspotForm, parseHotspotForm } from '../contract/hotspot-form.ts'
import { DEFAULT_REALM, type DeviceName, parseCredentialId } from '../contract/names.ts'
import { isObject, type Parsed, parsed, unparsed } from '../contract/parsed.ts'
import { formatSecretText, parseSecretText } from '../contract/secret-text.ts'
import { parseNonce } from '../contract/swap.ts'
import { deviceCertificate, parseDeviceKey } from '../credential/certificate.ts'
import type { CloudProfiles } from '../credential/cloud-profiles.ts'
import type { IssuedCredential } from '../credential/credential.ts'
import type { HotspotProfile } from '../credential/hotspot.ts'
import { formOf, profileOf } from '../credential/profile-form.ts'
import { Secret } from '../credential/secret.ts'

const FORMAT = 1

type Content = Readonly<Record<string, unknown>>

const checksumOf = (content: Content): string => createHash('sha256').update(JSON.stringify(content)).digest('hex')

function seal(name: DeviceName, members: Content): string {
  const content = { format: FORMAT, account: name.account, device: name.device, ...members }
  return `${JSON.stringify({ ...content, checksum: checksumOf(content) })}\n`
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The format is looked at before the checksum, since another format may have another one. Members added later are kept and covered. */
function unseal(text: string, name: DeviceName): Parsed<Content> {
  const value = parseJson(text)
  if (!isObject(value)) return unparsed('torn: it is not a JSON object')
  if (value.format !== FORMAT) return unparsed(`it has another format than ${FORMAT}`)
  const { checksum, ...content } = value
  if (checksum !== checksumOf(content)) return unparsed('torn or changed: its checksum does not match')
  if (value.account !== name.account || value.device !== name.device) return unparsed('foreign: it belongs to another device')
  return parsed(content)
}

/** Whether no device and no version will ever read this text: it is no JSON object, or its own checksum denies it. */
export function isBeyondReading(text: string): boolean {
  const value = parseJson(text)
  if (!isObject(value)) return true
  const { checksum, ...content } = value
  return value.format === FORMAT && checksum !== checksumOf(content)
}

/** A credential slot's text. A certificate and its key stand in one file, so that one rename promotes both. */
export function encodeSlot(name: DeviceName, credential: IssuedCredential): string {
  switch (credential.kind) {
    case 'shared-secret':
      return seal(name, { secretId: credential.id.secretId, secret: formatSecretText('zks_', credential.secret.reveal()) })
    case 'certificate':
      return seal(name, { certificate: credential.chainPem, privateKey: credential.privateKeyPem.reveal() })
  }
}

/** Reads a credential slot of this device. */
export function decodeSlot(text: string, name: DeviceName): Parsed<IssuedCredential> {
  const content = unseal(text, name)
  if (!content.ok) return content
  return 'certificate' in content.value ? certificateIn(content.value) : secretIn(content.value)
}

function certificateIn({ certificate, privateKey }: Content): Parsed<IssuedCredential> {
  if (typeof certificate !== 'string' || typeof privateKey !== 'string') return unparsed('it has no certificate or no privateKey')
  return deviceCertificate(certificate, new Secret(privateKey))
}

function secretIn({ secretId, secret: secretText }: Content): Parsed<IssuedCredential> {
  if (typeof secretId !== 'string' || typeof secretText !== 'string') return unparsed('it has no secretId or no secret')
  const id = parseCredentialId(`s.${secretId}`)
  if (!id.ok || id.value.kind !== 'issued') return unparsed('its secretId is malformed')
  const secret = parseSecretText('zks_', secretText)
  return secret.ok ? parsed({ kind: 'shared-secret', id: id.value, secret: new Secret(secret.value) }) : secret
}

/** The text of the swap's nonce. */
export const encodeNonce = (name: DeviceName, nonce: string): string => seal(name, { nonce })

/** Reads the swap's nonce of this device. */
export function decodeNonce(text: string, name: DeviceName): Parsed<string> {
  const content = unseal(text, name)
  return content.ok ? parseNonce(content.value.nonce) : content
}

/** The text of the key that a certificate is asked for with. */
export const encodeKey = (name: DeviceName, privateKeyPem: Secret<string>): string => seal(name, { privateKey: privateKeyPem.reveal() })

/** Reads the key of this device that a certificate is asked for with. */
export function decodeKey(text: string, name: DeviceName): Parsed<Secret<string>> {
  const content = unseal(text, name)
  if (!content.ok) return content
  const { privateKey } = content.value
  return typeof privateKey === 'string' ? parseDeviceKey(privateKey) : unparsed('it has no privateKey')
}

/** The text of the time floor. */
export const encodeTimeFloor = (name: DeviceName, timeMs: number): string => seal(name, { timeMs })

/** Reads the time floor; it carries the checksum too, because a flipped bit in it could push the clock centuries ahead. */
export function decodeTimeFloor(text: string, name: DeviceName): Parsed<number> {
  const content = unseal(text, name)
  if (!content.ok) return content
  const { timeMs } = content.value
  return typeof timeMs === 'number' && Number.isSafeInteger(timeMs) && timeMs >= 0 ? parsed(timeMs) : unparsed('its timeMs is malformed')
}

/** The text of the profiles that the cloud added; their passphrases stand in it as secrets stand in a slot. */
export const encodeCloudProfiles = (name: DeviceName, { version, hotspots, former }: CloudProfiles): string =>
  seal(name, { version, hotspots: hotspots.map(jsonOf), former: former.map(jsonOf) })

const jsonOf = (profile: HotspotProfile): unknown => formatHotspotForm(formOf(profile))

/** Reads the profiles that the cloud added. */
export function decodeCloudProfiles(text: string, name: DeviceName): Parsed<CloudProfiles> {
  const content = unseal(text, name)
  if (!content.ok) return content
  const { version, hotspots, former } = content.value
  if (typeof version !== 'number' || !Number.isSafeInteger(version) || version < 0) return unparsed('its version is malformed')
  const [now, before] = [readProfiles(hotspots), readProfiles(former)]
  return now === null || before === null ? unparsed('its hotspots are malformed') : parsed({ version, hotspots: now, former: before })
}

/** A profile that this version of the agent cannot read is left out: a later one wrote it. */
function readProfiles(value: unknown): readonly HotspotProfile[] | null {
  if (!Array.isArray(value)) return null
  const forms = value.map((each: unknown) => parseHotspotForm(each, 'ignored'))
  return forms.flatMap((form) => (form.ok ? [profileOf(form.value, DEFAULT_REALM)] : []))
}
