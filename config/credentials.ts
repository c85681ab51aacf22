/** `credentials[]`: what the device can prove itself with, in order of preference. */
import { deriveTemporarySecret, stretchOpaqueSecret } from '../agent/contract/derivation.ts'
import { type DeviceName, parseKeyId } from '../agent/contract/names.ts'
import { type Parsed, parsed, unparsed } from '../agent/contract/parsed.ts'
import { looksLikeSecretText, parseSecretText } from '../agent/contract/secret-text.ts'
import type { FlashedCredential } from '../agent/credential/credential.ts'
import { Secret } from '../agent/credential/secret.ts'
import { certificateReader } from './certificate.ts'
import { contents } from './content.ts'
import { choice, flag, type Read, type Reader, text } from './reader.ts'
import { formOf, optional, record, required, tagged } from './record.ts'

const OPAQUE_MIN_CHARACTERS = 8

const secretText = (doc: string): Reader<Uint8Array> =>
  contents({
    doc,
    secret: true,
    inline: { type: 'string', pattern: '^zks_[A-Za-z0-9_-]{48}$' },
    parse: (coded) => flashAgain(parseSecretText('zks_', coded)),
  })

const flashAgain = <T>(result: Parsed<T>): Parsed<T> => (result.ok ? result : { ok: false, problem: `${result.problem}; flash it again` })

/** A secret that the company already had. What looks like one of ours must be whole even so. */
const opaqueSecret = contents({
  doc: 'The secret that the company already gave this device: any text. Held to be weak, it is stretched by scrypt.',
  secret: true,
  inline: { type: 'string', minLength: OPAQUE_MIN_CHARACTERS },
  parse(whole): Parsed<string> {
    const body = whole.replace(/\r?\n$/, '')
    const ours = looksLikeSecretText(body) ? flashAgain(parseSecretText('zks_', body)) : null
    if (ours !== null && !ours.ok) return ours
    return body.length >= OPAQUE_MIN_CHARACTERS ? parsed(body) : { ok: false, problem: `shorter than ${OPAQUE_MIN_CHARACTERS} characters` }
  },
})

const keyId = text('The id of the provisioning key, as registered in the cloud.', parseKeyId, { maxLength: 31 })

type KeyMaterial = { readonly kind: 'provisioning-key' | 'derived-secret'; readonly bytes: Uint8Array }

const keyMaterial = (kind: KeyMaterial['kind'], coded: string): Parsed<KeyMaterial> => {
  const result = flashAgain(parseSecretText(kind === 'provisioning-key' ? 'zkp_' : 'zks_', coded))
  return result.ok ? parsed({ kind, bytes: result.value }) : result
}

/** After the swap the agent leaves the derived secret in the file that held the key (see key-retirement.ts). */
const provisioningKey = contents({
  doc: 'The provisioning key that many devices share, zkp_….',
  secret: true,
  inline: { type: 'string', pattern: '^zkp_[A-Za-z0-9_-]{48}$' },
  parse: (coded) => keyMaterial(coded.startsWith('zks_') ? 'derived-secret' : 'provisioning-key', coded),
  parseInline: (value) =>
    typeof value === 'string'
      ? keyMaterial('provisioning-key', value)
      : unparsed('expected a text in quotes, {"file": "…"} or {"credential": "…"}'),
})

const derivedTemporary = record('A temporary credential: the secret that the factory derived for this device.', {
  kind: required(choice('Told apart by this word.', ['temporary'])),
  keyId: required(keyId),
  secret: required(secretText('This device’s temporary secret, zks_….')),
})

const keyedTemporary = record('A temporary credential: the provisioning key, from which the device derives its own secret.', {
  kind: required(choice('Told apart by this word.', ['temporary'])),
  keyId: required(keyId),
  provisioningKey: required(provisioningKey),
  keepProvisioningKey: optional(flag('Keep the provisioning key in the config after the swap.'), false),
})

const codedShared = record('A shared secret, flashed at manufacture.', {
  kind: required(choice('Told apart by this word.', ['shared-secret'])),
  secret: required(secretText('This device’s secret, zks_….')),
})

const opaqueShared = record('A shared secret that the company already had on its devices.', {
  kind: required(choice('Told apart by this word.', ['shared-secret'])),
  format: required(choice('opaque: any text, not one of ours.', ['opaque'])),
  secret: required(opaqueSecret),
})

/** One entry of `credentials`. */
export const credentialReader = tagged(
  'One credential.',
  'kind',
  {
    temporary: formOf('provisioningKey', keyedTemporary, derivedTemporary),
    'shared-secret': formOf('format', opaqueShared, codedShared),
    certificate: certificateReader,
  },
  {},
)

function secretOf({ kind, bytes }: KeyMaterial, name: DeviceName): Uint8Array {
  switch (kind) {
    case 'provisioning-key':
      return deriveTemporarySecret(bytes, name)
    case 'derived-secret':
      return bytes
  }
}

/** The credential itself, derived for this device. */
export function credentialOf(entry: Read<typeof credentialReader>, name: DeviceName): FlashedCredential {
  switch (entry.kind) {
    case 'temporary': {
      const secret = 'secret' in entry ? entry.secret : secretOf(entry.provisioningKey, name)
      return { kind: 'temporary-secret', id: { kind: 'temporary', keyId: entry.keyId }, secret: new Secret(secret) }
    }
    case 'shared-secret': {
      const secret = 'format' in entry ? stretchOpaqueSecret(entry.secret, name) : entry.secret
      return { kind: 'shared-secret', id: { kind: 'flashed' }, secret: new Secret(secret) }
    }
    case 'certificate':
    case 'token-certificate':
      return entry
  }
}
