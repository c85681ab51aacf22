/** Reads certificate templates, which are JSON. */
import { type Parsed, parsed, unparsed } from '../../../agent/contract/parsed.ts'
import { choice, flag, integer, list, type Reader, text } from '../../../config/reader.ts'
import { optional, record, required } from '../../../config/record.ts'
import { readJsonFile } from '../read-json.ts'
import { ATTRIBUTE_TYPES, EXTENDED_USAGES, KEY_USAGES } from './object-identifiers.ts'
import type { CertificateTemplate, OwnExtension, SubjectAttribute } from './template.ts'
import { parseVariableText } from './variable-text.ts'

const MAX_DAYS = 100 * 366
const DOTTED = /^[0-2](\.(0|[1-9][0-9]{0,8})){1,30}$/

const parseDate = (value: string): Parsed<Date> =>
  Number.isNaN(Date.parse(value)) ? unparsed('expected a time in ISO 8601, such as 2026-01-31T00:00:00Z') : parsed(new Date(value))

const parseHex = (value: string): Parsed<Uint8Array> =>
  /^([0-9a-f]{2})+$/i.test(value) ? parsed(new Uint8Array(Buffer.from(value, 'hex'))) : unparsed('expected DER in hex')

const parseOid = (value: string): Parsed<string> =>
  DOTTED.test(value) ? parsed(value) : unparsed('expected a dotted OID, such as 1.3.6.1.4.1.1')

const usage: Reader<string> = text('An extended key usage, by name or dotted OID.', (value) =>
  value in EXTENDED_USAGES ? parsed(EXTENDED_USAGES[value] ?? value) : parseOid(value),
)

/** The template's reader; `names` are the variables that its texts may hold. */
function templateReader(names: readonly string[]): Reader<CertificateTemplate> {
  const variable = text('A text, perhaps with variables such as {id}.', (value) => parseVariableText(value, names))
  const end = {
    notBefore: optional(text('From when: the time of the run where missing.', parseDate), null),
    notAfter: optional(text('Until when.', parseDate), null),
    days: optional(integer('For how many days, counted from the beginning.', 1, MAX_DAYS), null),
  }
  const extension = record('An extension of your own.', {
    oid: required(text('Its OID.', parseOid)),
    critical: optional(flag('Whether who does not know it must refuse the certificate.'), false),
    utf8: optional(variable, null),
    der: optional(text('Its value as DER, in hex.', parseHex), null),
  })
  const form = record('A certificate template.', {
    validity: optional(record('How long it is valid.', end), { notBefore: null, notAfter: null, days: null }),
    subject: optional(subjectReader(names), defaultSubject(names)),
    subjectAltName: optional(
      record('Other names.', { dns: optional(list('DNS names.', variable, 1), []), uri: optional(list('URIs.', variable, 1), []) }),
      { dns: [], uri: [] },
    ),
    keyUsage: optional(list('What the key may do.', choice('A key usage.', KEY_USAGES), 1), ['digitalSignature'] as const),
    extendedKeyUsage: optional(list('What the certificate is for.', usage, 1), [EXTENDED_USAGES.clientAuth ?? '']),
    extensions: optional(list('Extensions of your own.', extension, 1), []),
  })
  return {
    doc: form.doc,
    json: form.json,
    read(value, path, reading) {
      const read = form.read(value, path, reading)
      if (read === undefined) return undefined
      const { notBefore, notAfter, days } = read.validity
      if (notAfter !== null && days !== null) return void reading.problem(`${path}.validity`, 'give notAfter or days, not both')
      const extensions = read.extensions.flatMap(({ oid, critical, utf8, der }, index): readonly OwnExtension[] => {
        if (utf8 !== null && der === null) return [{ oid, critical, value: { utf8 } }]
        if (der !== null && utf8 === null) return [{ oid, critical, value: { der } }]
        reading.problem(`${path}.extensions[${index}]`, 'give utf8 or der')
        return []
      })
      return {
        notBefore,
        end: days !== null ? { days } : notAfter !== null ? { notAfter } : null,
        subject: read.subject,
        dnsNames: read.subjectAltName.dns,
        uris: read.subjectAltName.uri,
        keyUsage: read.keyUsage,
        extendedKeyUsage: read.extendedKeyUsage,
        extensions,
      }
    },
  }
}

const SUBJECT_DOC = 'The subject: attribute names (or dotted OIDs) and their values, in this order.'

const subjectReader = (names: readonly string[]): Reader<readonly SubjectAttribute[]> => ({
  doc: SUBJECT_DOC,
  json: () => ({ type: 'object', description: SUBJECT_DOC }),
  read(value, path, reading) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return void reading.problem(path, 'expected an object in { }')
    const attributes = Object.entries(value).map(([name, each]) => {
      const oid = ATTRIBUTE_TYPES[name] ?? (DOTTED.test(name) ? name : undefined)
      const parts = typeof each === 'string' ? parseVariableText(each, names) : unparsed('expected a text in quotes')
      if (oid === undefined)
        return void reading.problem(
          `${path}.${name}`,
          `unknown attribute: there are ${Object.keys(ATTRIBUTE_TYPES).join(', ')}, or a dotted OID`,
        )
      if (!parts.ok) return void reading.problem(`${path}.${name}`, parts.problem)
      return { name, oid, printable: name === 'C' || name === 'serialNumber', value: parts.value }
    })
    if (attributes.length === 0) return void reading.problem(path, 'expected at least one attribute')
    return attributes.some((each) => each === undefined) ? undefined : attributes.filter((each) => each !== undefined)
  },
})

function defaultSubject(names: readonly string[]): readonly SubjectAttribute[] {
  const whole = (name: 'O' | 'CN', value: string): SubjectAttribute => {
    const parts = parseVariableText(value, names)
    if (!parts.ok) throw new TypeError(parts.problem)
    return { name, oid: ATTRIBUTE_TYPES[name], printable: false, value: parts.value }
  }
  return [whole('O', '{account}'), whole('CN', '{id}')]
}

/** Reads a template file, or gives the one that stands in where there is none: account and device id as subject, for TLS clients. */
export function readTemplate(file: string | null, names: readonly string[]): CertificateTemplate {
  const reader = templateReader(names)
  if (file !== null) return readJsonFile(file, reader)
  const standard = reader.read({}, '', { problem() {}, warning() {}, holdsSecret() {}, directoryOf: () => '', credentialsDirectory: null })
  if (standard === undefined) throw new TypeError('the standard template is read')
  return standard
}
