/** Names that certificate templates use, and their object identifiers (RFC 5280 §4.2, RFC 4519). */

/** Attributes of a subject. */
export const ATTRIBUTE_TYPES: Readonly<Record<string, string>> & Readonly<Record<'CN' | 'O', string>> = {
  CN: '2.5.4.3',
  serialNumber: '2.5.4.5',
  C: '2.5.4.6',
  L: '2.5.4.7',
  ST: '2.5.4.8',
  O: '2.5.4.10',
  OU: '2.5.4.11',
  title: '2.5.4.12',
}

/** Key usages, each the number of its bit (RFC 5280 §4.2.1.3). */
export const KEY_USAGES = ['digitalSignature', 'nonRepudiation', 'keyEncipherment', 'dataEncipherment', 'keyAgreement'] as const

/** Extended key usages. */
export const EXTENDED_USAGES: Readonly<Record<string, string>> = {
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
}

/** Extensions of RFC 5280 that every device's certificate carries. */
export const EXTENSIONS = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
} as const
