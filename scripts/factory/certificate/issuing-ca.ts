/** The factory's own issuing CA: its certificate from a PEM file, its key from another or in a token. What is wrong with it is told before anything is issued. */
import { type KeyObject, randomBytes, sign, verify, type X509Certificate } from 'node:crypto'
import { parseCertificateChain } from '../../../agent/contract/certificate.ts'
import { objectIdentifier, sequence } from '../../../agent/contract/der.ts'
import { looksLikePkcs11Uri } from '../../../agent/credential/pkcs11-uri.ts'
import { InputError, readText } from '../inputs.ts'
import { readPrivateKey, requirePrivate } from '../keys.ts'
import { TargetError } from '../target/target.ts'
import { parseTokenUri, signByToken } from './token-key.ts'

/** A CA that can sign. */
export type IssuingCa = {
  readonly certificate: X509Certificate
  /** What a device shows after its own: the CA's and those that lead on from it, without a root, which whoever checks has already. */
  readonly intermediates: readonly X509Certificate[]
  /** Its name, as DER. */
  readonly subject: Uint8Array
  readonly keyIdentifier: Uint8Array | null
  /** AlgorithmIdentifier, as DER. */
  readonly signatureAlgorithm: Uint8Array
  readonly sign: (bytes: Uint8Array) => Uint8Array
}

const PROBE_BYTES = 32

type SignatureKind = { readonly oid: string; readonly withNull: boolean; readonly hash: 'sha256' | 'sha384' | null }

/** Where a CA is: its certificate (its issuers may follow), its key in a file or by a pkcs11: URI, and the file of the token's PIN. */
export type CaPlace = { readonly certificateFile: string; readonly key: string; readonly pinFile: string | null }

/** Reads and checks them; `nowMs` is held against the certificate's dates. */
export async function readIssuingCa({ certificateFile, key, pinFile }: CaPlace, nowMs: number): Promise<IssuingCa> {
  const [own, ...issuers] = readChain(certificateFile)
  if (!own.ca) throw new InputError(`${certificateFile}: is not a CA: basic constraints or key usage do not let it sign certificates`)
  if (nowMs > Date.parse(own.validTo)) throw new InputError(`${certificateFile}: expired on ${own.validTo}: renew the CA's certificate`)
  if (nowMs < Date.parse(own.validFrom)) throw new InputError(`${certificateFile}: is valid from ${own.validFrom} only: check the clock`)
  const { SubjectKeyIdentifierExtension, X509Certificate: Read } = await import('@peculiar/x509')
  const read = new Read(new Uint8Array(own.raw))
  const kind = signatureKind(certificateFile, own.publicKey)
  const signer = looksLikePkcs11Uri(key) ? tokenSigner(key, pinFile, kind) : fileSigner(key, own, certificateFile, kind)
  if (looksLikePkcs11Uri(key)) tryToken(signer, key, own, certificateFile, kind)
  const identifier = read.getExtension(SubjectKeyIdentifierExtension)
  return {
    certificate: own,
    intermediates: [own, ...issuers].filter(({ subject, issuer }) => subject !== issuer),
    subject: new Uint8Array(read.subjectName.toArrayBuffer()),
    keyIdentifier: identifier === null ? null : new Uint8Array(Buffer.from(identifier.keyId, 'hex')),
    signatureAlgorithm: sequence(objectIdentifier(kind.oid), ...(kind.withNull ? [Uint8Array.from([5, 0])] : [])),
    sign: signer,
  }
}

type Signer = IssuingCa['sign']

function fileSigner(file: string, own: X509Certificate, certificateFile: string, { hash }: SignatureKind): Signer {
  const key = readPrivateKey(file)
  if (!own.checkPrivateKey(key)) throw new InputError(`${file}: is not the key of ${certificateFile}`)
  return (bytes) => sign(hash, bytes, key)
}

function tokenSigner(uri: string, pinFile: string | null, { hash }: SignatureKind): Signer {
  const parsed = parseTokenUri(uri)
  if (!parsed.ok) throw new InputError(`--ca-key-file: ${parsed.problem}`)
  if (hash === null) throw new InputError(`${uri}: a CA's key in a token is P-256, P-384 or RSA`)
  if (pinFile !== null) {
    readText(pinFile)
    requirePrivate(pinFile)
  }
  return (bytes) => signByToken({ uri: parsed.value, pinFile, hash }, bytes)
}

/** One signature, before anything is issued: a wrong PIN is shown to the token no second time. */
function tryToken(signer: Signer, uri: string, own: X509Certificate, certificateFile: string, { hash }: SignatureKind): void {
  const probe = randomBytes(PROBE_BYTES)
  try {
    if (verify(hash, probe, own.publicKey, signer(probe))) return
  } catch (error) {
    throw error instanceof TargetError ? new InputError(error.message) : error
  }
  throw new InputError(`${uri}: is not the key of ${certificateFile}`)
}

function readChain(file: string): readonly [X509Certificate, ...X509Certificate[]] {
  const chain = parseCertificateChain(readText(file))
  if (!chain.ok) throw new InputError(`${file}: ${chain.problem}`)
  return chain.value
}

function signatureKind(file: string, key: KeyObject): SignatureKind {
  if (key.asymmetricKeyType === 'rsa') return { oid: '1.2.840.113549.1.1.11', withNull: true, hash: 'sha256' }
  if (key.asymmetricKeyType === 'ed25519') return { oid: '1.3.101.112', withNull: false, hash: null }
  const curve = key.asymmetricKeyDetails?.namedCurve
  if (curve === 'prime256v1') return { oid: '1.2.840.10045.4.3.2', withNull: false, hash: 'sha256' }
  if (curve === 'secp384r1') return { oid: '1.2.840.10045.4.3.3', withNull: false, hash: 'sha384' }
  throw new InputError(`${file}: a CA's key is P-256, P-384, RSA or Ed25519`)
}
