/** Whether a device's certificate holds: its key, its issuers, its dates. */
import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto'
import { certificateFingerprint, parseCertificateChain } from '../../../agent/contract/certificate.ts'
import { InputError, readText } from '../inputs.ts'

/** The CA certificates that chains must lead to. */
export function readTrust(file: string): readonly X509Certificate[] {
  const chain = parseCertificateChain(readText(file))
  if (!chain.ok) throw new InputError(`${file}: ${chain.problem}`)
  return chain.value
}

/** What a certificate is called, null where there is none to read, and what is wrong with it. */
export type CheckedCertificate = { readonly knownBy: string | null; readonly fault: string | null }

/** Checks a chain (PEM) and a key (PEM; null where it is in a chip). */
export function checkCertificate(
  chainPem: string,
  keyPem: string | null,
  trust: readonly X509Certificate[],
  nowMs: number,
): CheckedCertificate {
  const chain = parseCertificateChain(chainPem)
  if (!chain.ok) return { knownBy: null, fault: chain.problem }
  const [own, ...issuers] = chain.value
  const fault = faultOfKey(own, keyPem) ?? faultOfChain([own, ...issuers], trust) ?? faultOfDates([own, ...issuers], nowMs)
  return { knownBy: certificateFingerprint(own.raw), fault }
}

function faultOfKey(own: X509Certificate, keyPem: string | null): string | null {
  if (keyPem === null) return null
  const key = privateKey(keyPem)
  if (key === null) return 'the private key is damaged'
  return own.checkPrivateKey(key) ? null : 'the private key is not the one of the certificate'
}

function privateKey(text: string): KeyObject | null {
  try {
    return createPrivateKey(text)
  } catch {
    return null
  }
}

const isIssuedBy = (certificate: X509Certificate, issuer: X509Certificate): boolean =>
  issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)

function faultOfChain(chain: readonly X509Certificate[], trust: readonly X509Certificate[]): string | null {
  for (const [index, certificate] of chain.entries()) {
    const issuer = chain[index + 1]
    if (issuer !== undefined && !isIssuedBy(certificate, issuer)) return 'a certificate of the chain is not issued by the next'
  }
  const last = chain.at(-1)
  const leads = last !== undefined && trust.some((anchor) => anchor.raw.equals(last.raw) || isIssuedBy(last, anchor))
  return leads ? null : 'the chain does not lead to the CA that is trusted'
}

function faultOfDates(chain: readonly X509Certificate[], nowMs: number): string | null {
  const outside = chain.find(({ validFrom, validTo }) => nowMs < Date.parse(validFrom) || nowMs > Date.parse(validTo))
  return outside === undefined ? null : `a certificate is outside its dates: ${outside.validFrom} to ${outside.validTo}`
}
