/**
 * What a certificate of the cloud's own CA tells by itself, for a cloud that was restored and does not know it: whose it is, and its place
 * in that device's line (rules/place.ts). The place is told by an id of the form of a secret's (contract §2), which takes the cloud's master
 * key to make, and holds a hash of the certificate's key where a secret's id is random: the CA's key alone makes no certificate that comes
 * back, and an id fits no other key. It stands in the certificate as a URI, which nobody else reads.
 */
import { createHash, type KeyObject, type X509Certificate } from 'node:crypto'
import { base32 } from '../../agent/contract/base32.ts'
import { type DeviceName, formatSubject, parseSubject } from '../../agent/contract/names.ts'
import { makeSecretId, parseSecretId } from '../../agent/contract/secret-id.ts'
import type { MasterKey } from '../crypto/master-key.ts'

/** A device, and the id that tells a place in its line. */
export type CertificatePlace = { readonly name: DeviceName; readonly placeId: string }

const URI = /^URI:urn:zipkey:issued:([a-z0-9-]+):([A-Za-z0-9._/-]+)$/
const KEY_HASH_BYTES = 10

const hashOf = (publicKey: KeyObject): Buffer =>
  createHash('sha256')
    .update(publicKey.export({ format: 'der', type: 'spki' }))
    .digest()
    .subarray(0, KEY_HASH_BYTES)

/** Makes the id for a certificate of this key at this place. */
export const makePlaceId = (master: MasterKey, name: DeviceName, placeNumber: number, publicKey: KeyObject): string =>
  makeSecretId(master.id, master.bytes, name, placeNumber, hashOf(publicKey))

/** The URI that goes into the certificate. */
export const formatPlaceUri = ({ name, placeId }: CertificatePlace): string => `urn:zipkey:issued:${placeId}:${formatSubject(name)}`

/** Reads it from a certificate of this CA; null where it is another's, or of a version that wrote none. Who made the id is another question. */
export function placeIn(certificate: X509Certificate, ca: X509Certificate): CertificatePlace | null {
  if (certificate.ca || !certificate.checkIssued(ca) || !certificate.verify(ca.publicKey)) return null
  const [, placeId = '', subject = ''] = URI.exec(certificate.subjectAltName ?? '') ?? []
  const [id, name] = [parseSecretId(placeId), parseSubject(subject)]
  const fits = id.ok && name.ok && id.value.random === base32(hashOf(certificate.publicKey))
  return fits ? { name: name.value, placeId } : null
}
