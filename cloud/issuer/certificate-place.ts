/**
 * What a certificate of the cloud's own CA tells by itself, for a cloud that was restored and does not know it: whose it is, and its place
 * in that device's line (rules/place.ts). It stands in it as a URI, which nobody else reads.
 */
import type { X509Certificate } from 'node:crypto'
import { type DeviceName, formatSubject, parseSubject } from '../../agent/contract/names.ts'

/** A device, and the number of a place. */
export type CertificatePlace = { readonly name: DeviceName; readonly placeNumber: number }

const PREFIX = 'urn:zipkey:issued:'

/** The URI that goes into the certificate. */
export const formatPlaceUri = (name: DeviceName, placeNumber: number): string => `${PREFIX}${placeNumber}:${formatSubject(name)}`

/** Reads it from a certificate of this CA; null where the certificate is another's, or of a version that wrote none. */
export function placeIn(certificate: X509Certificate, ca: X509Certificate): CertificatePlace | null {
  if (certificate.ca || !certificate.checkIssued(ca) || !certificate.verify(ca.publicKey)) return null
  const match = /^URI:urn:zipkey:issued:([1-9][0-9]{0,9}):([A-Za-z0-9._/-]+)$/.exec(certificate.subjectAltName ?? '')
  const name = parseSubject(match?.[2] ?? '')
  return name.ok ? { name: name.value, placeNumber: Number(match?.[1]) } : null
}
