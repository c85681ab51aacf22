/** Certificate requests (PKCS#10, RFC 2986) of devices and chips. Only the key is taken from one; names come from the template. */
import { createPublicKey } from 'node:crypto'
import { type Parsed, parsed, unparsed } from '../../../agent/contract/parsed.ts'
import { algorithmOfKey } from '../../../agent/contract/token.ts'

const MIN_RSA_BITS = 2048

/** Reads a request, PEM or DER, and gives its key (SubjectPublicKeyInfo). It must be signed by that key, and the cloud must know its kind. */
export async function readRequestedKey(bytes: Uint8Array): Promise<Parsed<Uint8Array>> {
  const { Pkcs10CertificateRequest } = await import('@peculiar/x509')
  try {
    const text = Buffer.from(bytes).toString('latin1')
    const request = new Pkcs10CertificateRequest(text.includes('-----BEGIN') ? text : new Uint8Array(bytes))
    const publicKey = new Uint8Array(request.publicKey.rawData)
    const key = createPublicKey({ key: Buffer.from(publicKey), format: 'der', type: 'spki' })
    if (algorithmOfKey(key) === null || (key.asymmetricKeyDetails?.modulusLength ?? MIN_RSA_BITS) < MIN_RSA_BITS)
      return unparsed(`its key is none of P-256, P-384 and RSA of at least ${MIN_RSA_BITS} bits`)
    return (await request.verify()) ? parsed(publicKey) : unparsed('is not signed by its own key')
  } catch {
    return unparsed('is no certificate request (PKCS#10, PEM or DER)')
  }
}
