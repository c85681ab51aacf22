/** Certificates for devices (RFC 5280), signed by the factory's issuing CA. */
import { hash } from 'node:crypto'
import {
  bitString,
  contextTag,
  contextValue,
  integer,
  objectIdentifier,
  octetString,
  printableString,
  sequence,
  setOf,
  smallInteger,
  time,
  utf8String,
  yes,
} from '../../../agent/contract/der.ts'
import { RandomPool } from '../random-pool.ts'
import type { IssuingCa } from './issuing-ca.ts'
import { Layout } from './layout.ts'
import { EXTENSIONS, KEY_USAGES } from './object-identifiers.ts'
import type { CertificateTemplate } from './template.ts'
import { type DeviceValues, fillIn, type VariableText } from './variable-text.ts'

const X509_V3 = 2
const SERIAL_BYTES = 16
const KEY_IDENTIFIER_BYTES = 20
const DAY_MS = 86_400_000
const NO_END = new Date('9999-12-31T23:59:59Z')
const UNIFORM_RESOURCE_IDENTIFIER = 6
const DNS_NAME = 2

/** From when and until when. */
export type Validity = { readonly notBefore: Date; readonly notAfter: Date }

/** The dates of a batch; a run that is continued later gives the same. */
export function validityOf({ notBefore, end }: CertificateTemplate, startedAtMs: number): Validity {
  const from = notBefore ?? new Date(startedAtMs - (startedAtMs % 1000))
  if (end === null) return { notBefore: from, notAfter: NO_END }
  return { notBefore: from, notAfter: 'days' in end ? new Date(from.getTime() + end.days * DAY_MS) : end.notAfter }
}

/** Values that differ from certificate to certificate, in the order in which the layout takes them. */
type Holes = { readonly serial: Uint8Array; readonly keyIdentifier: Uint8Array; readonly publicKey: Uint8Array }

/** Issues the certificates of one batch. */
export class CertificateIssuer {
  readonly #ca: IssuingCa
  readonly #texts: readonly VariableText[]
  readonly #body: Layout
  readonly #whole: Layout
  readonly #random = new RandomPool()

  constructor(ca: IssuingCa, template: CertificateTemplate, validity: Validity) {
    this.#ca = ca
    this.#texts = textsOf(template)
    this.#whole = new Layout(([body = EMPTY, signature = EMPTY]) => sequence(body, ca.signatureAlgorithm, bitString(signature)))
    this.#body = new Layout(([serial = EMPTY, keyIdentifier = EMPTY, publicKey = EMPTY, ...texts]) =>
      toBeSigned(ca, template, validity, { serial, keyIdentifier, publicKey }, texts),
    )
  }

  /** Signs a certificate (DER) for the key with this SubjectPublicKeyInfo. `keyBits` are what its BIT STRING holds. */
  issue(values: DeviceValues, publicKey: Uint8Array, keyBits: Uint8Array): Uint8Array {
    const serial = this.#random.draw(SERIAL_BYTES)
    // Positive, and of full length.
    serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40
    // RFC 7093 §2, method 1.
    const keyIdentifier = hash('sha256', keyBits, 'buffer').subarray(0, KEY_IDENTIFIER_BYTES)
    const texts = this.#texts.map((text) => Buffer.from(fillIn(text, values), 'utf8'))
    const body = this.#body.fill([serial, keyIdentifier, publicKey, ...texts])
    return this.#whole.fill([body, this.#ca.sign(body)])
  }
}

const EMPTY = new Uint8Array()

/** Every text of a template in the order in which it stands in the certificate. */
const textsOf = (template: CertificateTemplate): readonly VariableText[] => [
  ...template.subject.map(({ value }) => value),
  ...template.dnsNames,
  ...template.uris,
  ...template.extensions.flatMap(({ value }) => ('utf8' in value ? [value.utf8] : [])),
]

function toBeSigned(
  ca: IssuingCa,
  template: CertificateTemplate,
  { notBefore, notAfter }: Validity,
  { serial, keyIdentifier, publicKey }: Holes,
  texts: readonly Uint8Array[],
): Uint8Array {
  const rest = [...texts]
  const next = (): Uint8Array => rest.shift() ?? EMPTY
  const attribute = ({ oid, printable }: CertificateTemplate['subject'][number]): Uint8Array =>
    setOf(sequence(objectIdentifier(oid), printable ? printableString(next()) : utf8String(next())))
  const subject = sequence(...template.subject.map(attribute))
  const extensions = sequence(...extensionsOf(ca, template, keyIdentifier, next))
  return sequence(
    contextTag(0, smallInteger(X509_V3)),
    integer(serial),
    ca.signatureAlgorithm,
    ca.subject,
    sequence(time(notBefore), time(notAfter)),
    subject,
    publicKey,
    contextTag(3, extensions),
  )
}

function extensionsOf(
  ca: IssuingCa,
  template: CertificateTemplate,
  keyIdentifier: Uint8Array,
  next: () => Uint8Array,
): readonly Uint8Array[] {
  const { dnsNames, uris } = template
  const names = [
    ...dnsNames.map(() => contextValue(DNS_NAME, next())),
    ...uris.map(() => contextValue(UNIFORM_RESOURCE_IDENTIFIER, next())),
  ]
  const usages = sequence(...template.extendedKeyUsage.map(objectIdentifier))
  return [
    extension(EXTENSIONS.basicConstraints, true, sequence()),
    extension(EXTENSIONS.keyUsage, true, keyUsageBits(template.keyUsage)),
    extension(EXTENSIONS.extendedKeyUsage, false, usages),
    extension(EXTENSIONS.subjectKeyIdentifier, false, octetString(keyIdentifier)),
    ...(ca.keyIdentifier === null
      ? []
      : [extension(EXTENSIONS.authorityKeyIdentifier, false, sequence(contextValue(0, ca.keyIdentifier)))]),
    ...(names.length === 0 ? [] : [extension(EXTENSIONS.subjectAltName, false, sequence(...names))]),
    ...template.extensions.map(({ oid, critical, value }) => extension(oid, critical, 'utf8' in value ? utf8String(next()) : value.der)),
  ]
}

const extension = (oid: string, critical: boolean, value: Uint8Array): Uint8Array =>
  sequence(objectIdentifier(oid), ...(critical ? [yes()] : []), octetString(value))

/** A named bit list: bits from the left, and none after the last that is set (X.690 §11.2.2). */
function keyUsageBits(usages: CertificateTemplate['keyUsage']): Uint8Array {
  const bits = usages.reduce((set, usage) => set | (0x80 >> KEY_USAGES.indexOf(usage)), 0)
  return bitString(Uint8Array.from([bits]), Math.clz32(bits & -bits) === 32 ? 0 : 31 - Math.clz32(bits & -bits))
}
