/** What the certificates of a batch say: validity, subject, other names, usage and extensions. */
import type { KEY_USAGES } from './object-identifiers.ts'
import { fillIn, type VariableText } from './variable-text.ts'

/** One attribute of the subject: its type by dotted OID, its value, and how long that may be (RFC 5280, appendix A.1). */
export type SubjectAttribute = { readonly name: string; readonly oid: string; readonly printable: boolean; readonly value: VariableText }

/** An extension of the company's own: a UTF8String, or DER as it stands. */
export type OwnExtension = {
  readonly oid: string
  readonly critical: boolean
  readonly value: { readonly utf8: VariableText } | { readonly der: Uint8Array }
}

/** A whole template. */
export type CertificateTemplate = {
  readonly notBefore: Date | null
  /** Null: without end (RFC 5280 §4.1.2.5), since a device that lies in a shop for years must not be locked out by a date. */
  readonly end: { readonly days: number } | { readonly notAfter: Date } | null
  readonly subject: readonly SubjectAttribute[]
  readonly dnsNames: readonly VariableText[]
  readonly uris: readonly VariableText[]
  readonly keyUsage: readonly (typeof KEY_USAGES)[number][]
  readonly extendedKeyUsage: readonly string[]
  readonly extensions: readonly OwnExtension[]
}

const SHORT_ATTRIBUTE_MAX = 64
const COUNTRY_LENGTH = 2
const ASCII = /^[\x21-\x7e]+$/
const PRINTABLE = /^[A-Za-z0-9 '()+,\-./:=?]+$/

/** What a certificate cannot say of one device, in a line, or null. */
export function faultOfValues(template: CertificateTemplate, values: Readonly<Record<string, string>>): string | null {
  for (const { name, printable, value } of template.subject) {
    const filled = fillIn(value, values)
    if (filled === '') return `the certificate's subject would have an empty ${name}`
    if (name === 'C' && filled.length !== COUNTRY_LENGTH) return "the certificate's country (C) has two letters"
    if (filled.length > SHORT_ATTRIBUTE_MAX) return `the certificate's ${name} would be longer than ${SHORT_ATTRIBUTE_MAX} characters`
    if (printable && !PRINTABLE.test(filled)) return `the certificate's ${name} may hold letters, digits and '()+,-./:=? only`
  }
  for (const name of [...template.dnsNames, ...template.uris].map((each) => fillIn(each, values)))
    if (!ASCII.test(name)) return 'a DNS name or URI of the certificate would be empty or hold more than printable ASCII'
  return null
}
