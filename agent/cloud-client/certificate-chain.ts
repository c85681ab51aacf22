/** Whether a chain of certificates leads to a pinned one, by everything but dates: names, key usages, CA flags and signatures. */
import { X509Certificate } from 'node:crypto'

const MAX_CHAIN_LENGTH = 8
/** id-kp-serverAuth (RFC 5280 §4.2.1.12). */
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'

/** The certificates of a PEM text. */
export const readCertificates = (pem: string): readonly X509Certificate[] =>
  (pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? []).map((block) => new X509Certificate(block))

/** Node's name for the extended key usage; without one, every use is allowed. */
const mayServe = (certificate: X509Certificate): boolean => {
  const usages: readonly string[] | undefined = certificate.keyUsage
  return usages === undefined || usages.includes(SERVER_AUTH)
}

const isIssuedBy = (certificate: X509Certificate, issuer: X509Certificate): boolean =>
  issuer.ca && mayServe(issuer) && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)

const isSame = (a: X509Certificate, b: X509Certificate): boolean => a.fingerprint256 === b.fingerprint256

/** Whether a certificate leads to a pinned one, over those that the server presented; dates aside. */
export function leadsToAnchor(
  certificate: X509Certificate,
  presented: readonly X509Certificate[],
  anchors: readonly X509Certificate[],
  maxLength = MAX_CHAIN_LENGTH,
): boolean {
  if (maxLength === 0 || !mayServe(certificate)) return false
  if (anchors.some((anchor) => isSame(anchor, certificate) || isIssuedBy(certificate, anchor))) return true
  const others = presented.filter((other) => !isSame(other, certificate))
  return others.some((issuer) => isIssuedBy(certificate, issuer) && leadsToAnchor(issuer, others, anchors, maxLength - 1))
}
