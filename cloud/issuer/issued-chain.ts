/** Whether what a CA answered is a certificate of this device for this key, and leads to the CA that hotspots know. */
import type { KeyObject, X509Certificate } from 'node:crypto'
import { parseCertificateChain } from '../../agent/contract/certificate.ts'
import { type Parsed, parsed, unparsed } from '../../agent/contract/parsed.ts'

const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2'

/** A hotspot's AAA server hands over a certificate (PEM) of at most this length. */
const MAX_PEM_CHARACTERS = 3800

/** How far the CA's clock may be ahead. */
const CLOCK_LEEWAY_MS = 300_000

/** What the certificate must be. */
export type Expected = {
  readonly device: string
  readonly publicKey: KeyObject
  readonly ca: readonly X509Certificate[]
  readonly nowMs: number
}

/** Checks a chain (PEM, the device's own first), and gives it without what stood around the certificates. */
export function checkIssuedChain(pem: string, expected: Expected): Parsed<string> {
  const chain = parseCertificateChain(pem)
  if (!chain.ok) return chain
  const [own, ...issuers] = chain.value
  const fault = faultOf(own, expected) ?? faultOfWay([own, ...issuers], expected.ca)
  return fault === null ? parsed(chain.value.map((certificate) => certificate.toString()).join('')) : unparsed(fault)
}

function faultOf(own: X509Certificate, { device, publicKey, nowMs }: Expected): string | null {
  if (!own.publicKey.equals(publicKey)) return 'the certificate is of another key'
  const names = own.subject.split('\n').filter((line) => line.startsWith('CN='))
  if (names.length !== 1 || names[0] !== `CN=${device}`) return "the certificate's common name is not the device id"
  if (own.toString().length > MAX_PEM_CHARACTERS) return `the certificate is longer than ${MAX_PEM_CHARACTERS} characters of PEM`
  if (own.ca) return 'the certificate is one of a CA'
  // Without the extension a certificate is for every purpose.
  if (own.keyUsage !== undefined && !own.keyUsage.includes(CLIENT_AUTH))
    return 'the certificate is not for TLS clients (extended key usage)'
  if (nowMs + CLOCK_LEEWAY_MS < Date.parse(own.validFrom) || nowMs > Date.parse(own.validTo)) return 'the certificate is outside its dates'
  return null
}

const isIssuedBy = (certificate: X509Certificate, issuer: X509Certificate): boolean =>
  issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)

function faultOfWay(chain: readonly [X509Certificate, ...X509Certificate[]], ca: readonly X509Certificate[]): string | null {
  for (const [index, certificate] of chain.entries()) {
    const issuer = chain[index + 1]
    if (issuer !== undefined && !isIssuedBy(certificate, issuer)) return 'a certificate of the chain is not issued by the next'
  }
  const last = chain.at(-1)
  const leads = last !== undefined && ca.some((anchor) => anchor.raw.equals(last.raw) || isIssuedBy(last, anchor))
  return leads ? null : 'the chain does not lead to the CA of deviceCa.ca'
}
