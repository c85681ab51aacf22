/** Certificate requests (PKCS#10, RFC 2986) as devices send them. Only the key is taken from one; names come from the device's token. */
import { createPublicKey, type KeyObject } from 'node:crypto'
import { type Parsed, parsed, unparsed } from '../../agent/contract/parsed.ts'
import { algorithmOfKey } from '../../agent/contract/token.ts'

/** A request whose signature shows that its sender holds the private key. */
export type CertificateRequest = {
  readonly pem: string
  readonly publicKey: KeyObject
  /** Its common name, where it says nothing else: no other names, and no attributes such as wishes for extensions. */
  readonly onlyName: string | null
}

/** Reads a request (DER); its key must be P-256, and its signature good. */
export async function readCertificateRequest(der: Uint8Array): Promise<Parsed<CertificateRequest>> {
  try {
    // Loaded with the first certificate: a cloud that issues none starts without it.
    const { Pkcs10CertificateRequest } = await import('@peculiar/x509')
    const request = new Pkcs10CertificateRequest(new Uint8Array(der))
    const publicKey = createPublicKey({ key: Buffer.from(request.publicKey.rawData), format: 'der', type: 'spki' })
    if (algorithmOfKey(publicKey) !== 'ES256') return unparsed("a certificate request's key is P-256")
    if (!(await request.verify())) return unparsed('the certificate request is not signed by its own key')
    const [first, ...others] = request.subjectName.toJSON().flatMap((names) => Object.entries(names))
    const isOnlyName = first?.[0] === 'CN' && first[1].length === 1 && others.length === 0 && request.attributes.length === 0
    return parsed({ pem: request.toString('pem'), publicKey, onlyName: isOnlyName ? (first[1][0] ?? null) : null })
  } catch {
    return unparsed('csr is not a certificate request (PKCS#10)')
  }
}
