/** P-256 keys for devices, by the thousand. OpenSSL's encoder of keys takes ten times as long as making one, so the DER is our own. */
import { createECDH } from 'node:crypto'
import { bitString, contextTag, objectIdentifier, octetString, sequence, smallInteger } from '../../../agent/contract/der.ts'

const EC_PUBLIC_KEY = '1.2.840.10045.2.1'
const PRIME256V1 = '1.2.840.10045.3.1.7'
const SCALAR_BYTES = 32

/** A key pair: the uncompressed point, and the scalar in full length. */
export type DeviceKey = { readonly point: Uint8Array; readonly scalar: Uint8Array }

/** Makes key pairs, all different, by one object: making it anew for each takes as long as the key. */
export class DeviceKeyMaker {
  readonly #pair = createECDH('prime256v1')

  make(): DeviceKey {
    const point = this.#pair.generateKeys()
    const scalar = Buffer.alloc(SCALAR_BYTES)
    // What it gives is shorter where the number is small.
    const short = this.#pair.getPrivateKey()
    short.copy(scalar, SCALAR_BYTES - short.length)
    return { point, scalar }
  }
}

const algorithm = (): Uint8Array => sequence(objectIdentifier(EC_PUBLIC_KEY), objectIdentifier(PRIME256V1))

/** SubjectPublicKeyInfo (RFC 5480) around a point. */
export const subjectPublicKeyInfo = (point: Uint8Array): Uint8Array => sequence(algorithm(), bitString(point))

/** PrivateKeyInfo (RFC 5208, RFC 5915). */
export const privateKeyInfo = (scalar: Uint8Array, point: Uint8Array): Uint8Array =>
  sequence(smallInteger(0), algorithm(), octetString(sequence(smallInteger(1), octetString(scalar), contextTag(1, bitString(point)))))
