/**
 * What the cloud adds to a device's configuration (contract §7): a JWS of the cloud over {account, device, version, hotspots}. Each
 * passphrase in it is a JWE for this device alone, so that who relays or logs the answer learns none.
 */
import { createPrivateKey, createPublicKey } from 'node:crypto'
import { CompactEncrypt, compactDecrypt, compactVerify, createLocalJWKSet, type JSONWebKeySet } from 'jose'
import type { DeviceName } from './names.ts'
import { isObject, type Parsed, parsed, unparsed } from './parsed.ts'

/** The JWS `typ` of a configuration. */
export const DEVICE_CONFIG_TYP = 'zipkey-config+jwt'

/** The query parameter of `GET /v1/device/config`: the version that the device has; without a newer one the answer is empty. */
export const AFTER_PARAMETER = 'after'

/** A configuration; the profiles in it are still to be opened and read. */
export type DeviceConfig = { readonly version: number; readonly hotspots: readonly unknown[] }

const ENCRYPTION = 'A256GCM'

/** Checks a configuration against the cloud's signing keys and this device. */
export async function verifyDeviceConfig(jws: string, keys: JSONWebKeySet, name: DeviceName): Promise<Parsed<DeviceConfig>> {
  try {
    const { payload, protectedHeader } = await compactVerify(jws, createLocalJWKSet(keys))
    if (protectedHeader.typ !== DEVICE_CONFIG_TYP) return unparsed('the signed text is not a configuration')
    const value: unknown = JSON.parse(Buffer.from(payload).toString('utf8'))
    return isObject(value) ? readConfig(value, name) : unparsed('the configuration is malformed')
  } catch {
    return unparsed("the configuration does not verify against the cloud's signing keys")
  }
}

function readConfig({ account, device, version, hotspots }: Readonly<Record<string, unknown>>, name: DeviceName): Parsed<DeviceConfig> {
  if (account !== name.account || device !== name.device) return unparsed('the configuration is for another device')
  if (typeof version !== 'number' || !Number.isSafeInteger(version) || version < 1) return unparsed('the configuration has no version')
  if (!Array.isArray(hotspots)) return unparsed('the configuration has no hotspots')
  return parsed({ version, hotspots })
}

/** What texts are sealed for: the delivery key of a secret, or the certificate (PEM) whose EC key the device holds. */
export type SealFor = { readonly kind: 'secret'; readonly deliveryKey: Uint8Array } | { readonly kind: 'certificate'; readonly pem: string }

/** What opens them again. */
export type OpenWith =
  | { readonly kind: 'secret'; readonly deliveryKey: Uint8Array }
  | { readonly kind: 'certificate'; readonly privateKeyPem: string }

/** Seals a text for one device; null where the certificate's key cannot (RFC 7518 §4.6 takes EC keys). */
export async function sealText(text: string, whom: SealFor): Promise<string | null> {
  const plain = new CompactEncrypt(Buffer.from(text))
  switch (whom.kind) {
    case 'secret':
      return plain.setProtectedHeader({ alg: 'dir', enc: ENCRYPTION }).encrypt(whom.deliveryKey)
    case 'certificate': {
      const key = createPublicKey(whom.pem)
      if (key.asymmetricKeyType !== 'ec') return null
      return plain.setProtectedHeader({ alg: 'ECDH-ES', enc: ENCRYPTION }).encrypt(key)
    }
  }
}

/** Opens a sealed text. */
export async function openText(jwe: string, by: OpenWith): Promise<Parsed<string>> {
  try {
    const options = { keyManagementAlgorithms: [by.kind === 'secret' ? 'dir' : 'ECDH-ES'], contentEncryptionAlgorithms: [ENCRYPTION] }
    const key = by.kind === 'secret' ? by.deliveryKey : createPrivateKey(by.privateKeyPem)
    const { plaintext } = await compactDecrypt(jwe, key, options)
    return parsed(Buffer.from(plaintext).toString('utf8'))
  } catch {
    return unparsed('a sealed text is not for this credential')
  }
}
