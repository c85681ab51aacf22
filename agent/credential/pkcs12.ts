/** PKCS#12 (RFC 7292), modern and legacy: what a file of it holds. Node reads such files and does not hand out what is in them. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import forge from 'node-forge'
import type { Opened } from './flashed-certificate.ts'

/** What was in the file; the order of certificates in it means nothing. */
export type OpenedPkcs12 = { readonly certificates: readonly X509Certificate[]; readonly key: KeyObject }

const PRINTABLE_ASCII = /^[ -~]*$/

const bad = <Part extends 'pkcs12' | 'passphrase'>(of: Part, problem: string) => ({ ok: false, of, problem }) as const

/** Opens a file; a wrong passphrase cannot be told from a file that somebody changed. */
export function openPkcs12(der: Uint8Array, passphrase: string): Opened<OpenedPkcs12, 'pkcs12' | 'passphrase'> {
  // Programs differ in how they encode anything else, and then a right passphrase would look wrong.
  if (!PRINTABLE_ASCII.test(passphrase))
    return bad('passphrase', 'expected printable ASCII for PKCS#12: export the file again with such a passphrase')
  const outer = readOuter(der)
  if (outer === null) return bad('pkcs12', 'not a PKCS#12 file: export it again with its certificates and its key')
  try {
    const { safeContents } = forge.pkcs12.pkcs12FromAsn1(outer, false, passphrase)
    return holdings(safeContents.flatMap(({ safeBags }) => safeBags))
  } catch {
    return bad('passphrase', 'does not open the PKCS#12 file: correct it, or export the file again')
  }
}

function readOuter(der: Uint8Array): forge.asn1.Asn1 | null {
  try {
    return forge.asn1.fromDer(forge.util.createBuffer(Buffer.from(der).toString('binary')))
  } catch {
    return null
  }
}

function holdings(bags: readonly forge.pkcs12.Bag[]): Opened<OpenedPkcs12, 'pkcs12'> {
  const { certBag, keyBag, pkcs8ShroudedKeyBag } = forge.pki.oids
  const keys = bags.filter(({ type }) => type === keyBag || type === pkcs8ShroudedKeyBag)
  const [key] = keys
  if (key === undefined || keys.length > 1)
    return bad('pkcs12', `holds ${keys.length} private keys: export it again with the device's own alone`)
  const certificates = bags.filter(({ type }) => type === certBag).map((bag) => new X509Certificate(derOf(certificateIn(bag))))
  return { ok: true, value: { certificates, key: createPrivateKey({ key: derOf(keyIn(key)), format: 'der', type: 'pkcs8' }) } }
}

/** What the library cannot read itself, such as anything of elliptic curves, it leaves as it stands. */
const certificateIn = ({ cert, asn1 }: forge.pkcs12.Bag): forge.asn1.Asn1 => (cert ? forge.pki.certificateToAsn1(cert) : asn1)

const keyIn = ({ key, asn1 }: forge.pkcs12.Bag): forge.asn1.Asn1 =>
  key ? forge.pki.wrapRsaPrivateKey(forge.pki.privateKeyToAsn1(key)) : asn1

const derOf = (value: forge.asn1.Asn1): Buffer => Buffer.from(forge.asn1.toDer(value).getBytes(), 'binary')
