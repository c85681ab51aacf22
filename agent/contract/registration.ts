/**
 * The registration manifest: what a factory tells the cloud about the devices it made. A file of lines, each a part of a thousand devices
 * or the last ones: a JWS (ES256, the factory's key) around NDJSON or CSV, in a JWE (ECDH-ES+A256KW, A256GCM) to the cloud's
 * registration key, both compact. What a part is stands in the JWS's protected header, so that parts cannot be left out, mixed
 * or passed off as another batch's.
 */
import { parseAccountId, parseCredentialId, parseDeviceId, parseKeyId } from './names.ts'
import { isObject, type Parsed, parsed, unparsed } from './parsed.ts'
import { parseSecretText } from './secret-text.ts'

/** `typ` of both JWS and JWE. */
export const REGISTRATION_TYPE = 'zipkey-registration'

/** How the rows of a part are written, and the `cty` that says so. */
export const REGISTRATION_CONTENT = { ndjson: 'application/x-ndjson', csv: 'text/csv' } as const

/** What a part's protected header says besides the algorithm: `of` is the number of devices in the whole batch, `from` the first one's. */
export type RegistrationPart = {
  readonly account: string
  readonly batch: string
  readonly part: number
  readonly from: number
  readonly rows: number
  readonly of: number
}

/** One device: its secret; or that it holds a temporary secret of a provisioning key; or what its certificate is called. */
export type RegistrationRow =
  | { readonly kind: 'shared-secret'; readonly id: string; readonly secret: string }
  | { readonly kind: 'temporary'; readonly id: string; readonly keyId: string }
  | { readonly kind: 'certificate'; readonly id: string; readonly fingerprint: string }

/** The header of the CSV. */
export const REGISTRATION_COLUMNS = 'id,kind,secret,key_id,fingerprint'

/** A row as a line of NDJSON, without its newline. */
export function formatRegistrationJson(row: RegistrationRow): string {
  switch (row.kind) {
    case 'shared-secret':
      return JSON.stringify({ id: row.id, kind: row.kind, secret: row.secret })
    case 'temporary':
      return JSON.stringify({ id: row.id, kind: row.kind, key_id: row.keyId })
    case 'certificate':
      return JSON.stringify(row)
  }
}

/** A row as a line of CSV; nothing in it needs quotes. */
export function formatRegistrationCsv(row: RegistrationRow): string {
  switch (row.kind) {
    case 'shared-secret':
      return `${row.id},${row.kind},${row.secret},,`
    case 'temporary':
      return `${row.id},${row.kind},,${row.keyId},`
    case 'certificate':
      return `${row.id},${row.kind},,,${row.fingerprint}`
  }
}

/** Where a factory's key and manifests go, and where the cloud says what it is encrypted to. */
export const REGISTRATION_ROUTES = {
  registrationKey: '/v1/registration-key',
  registrations: (account: string): string => `/v1/accounts/${account}/registrations`,
  deviceStates: (account: string): string => `/v1/accounts/${account}/device-states`,
  deviceRevocations: (account: string): string => `/v1/accounts/${account}/device-revocations`,
} as const

/** How many devices a part holds at most, and how many are asked about or revoked at once. */
export const REGISTRATION_LIMITS = { rows: 1000, states: 1000, revocations: 200 } as const

const BATCH_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

/** Reads a batch id. */
export const parseBatchId = (text: string): Parsed<string> =>
  BATCH_ID.test(text) ? parsed(text) : unparsed('a batch id is 1 to 64 of A-Z, a-z, 0-9, ., _ and -, and starts with a letter or digit')

const isCount = (value: unknown): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0

/** Reads what a part's protected header says. */
export function parseRegistrationPart(header: Readonly<Record<string, unknown>>): Parsed<RegistrationPart> {
  const { account, batch, part, from, rows, of } = header
  if (typeof account !== 'string' || !parseAccountId(account).ok || typeof batch !== 'string' || !parseBatchId(batch).ok)
    return unparsed('the header of a part names its account and batch')
  if (!isCount(part) || !isCount(from) || !isCount(rows) || !isCount(of) || from + rows > of || rows > REGISTRATION_LIMITS.rows)
    return unparsed(`the header of a part says which of how many devices it holds, at most ${REGISTRATION_LIMITS.rows}`)
  return parsed({ account, batch, part, from, rows, of })
}

/** A row as it stands in a part: a wrong one does not keep the others out. */
export type ReadRow = { readonly id: string; readonly row: Parsed<RegistrationRow> }

/** Reads the rows of a part; `content` is one of REGISTRATION_CONTENT. */
export function parseRegistrationRows(content: unknown, text: string): Parsed<readonly ReadRow[]> {
  const lines = text.split('\n')
  // A manifest's lines all end; what is after the last end is nothing.
  if (lines.pop() !== '') return unparsed('the last row of the part is cut off')
  if (content === REGISTRATION_CONTENT.ndjson) return parsed(lines.map((line) => readRow(cellsOfJson(line))))
  if (content !== REGISTRATION_CONTENT.csv) return unparsed(`the content of a part is ${Object.values(REGISTRATION_CONTENT).join(' or ')}`)
  const [columns, ...rows] = lines
  if (columns !== REGISTRATION_COLUMNS) return unparsed(`the first line of a CSV part is ${REGISTRATION_COLUMNS}`)
  return parsed(rows.map((line) => readRow(cellsOfCsv(line))))
}

type Cells = Readonly<Record<'id' | 'kind' | 'secret' | 'keyId' | 'fingerprint', string>>

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

function cellsOfJson(line: string): Cells {
  const value = parseJson(line)
  const row = isObject(value) ? value : {}
  return {
    id: textOf(row.id),
    kind: textOf(row.kind),
    secret: textOf(row.secret),
    keyId: textOf(row.key_id),
    fingerprint: textOf(row.fingerprint),
  }
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return null
  }
}

function cellsOfCsv(line: string): Cells {
  const [id = '', kind = '', secret = '', keyId = '', fingerprint = ''] = line.split(',')
  return { id, kind, secret, keyId, fingerprint }
}

const readRow = (cells: Cells): ReadRow => ({ id: cells.id, row: rowOf(cells) })

function rowOf({ id, kind, secret, keyId, fingerprint }: Cells): Parsed<RegistrationRow> {
  const device = parseDeviceId(id)
  if (!device.ok) return device
  switch (kind) {
    case 'shared-secret': {
      const bytes = parseSecretText('zks_', secret)
      return bytes.ok ? parsed({ kind, id, secret }) : bytes
    }
    case 'temporary': {
      const key = parseKeyId(keyId)
      return key.ok ? parsed({ kind, id, keyId }) : key
    }
    case 'certificate':
      return parseCredentialId(`c.${fingerprint}`).ok
        ? parsed({ kind, id, fingerprint })
        : unparsed('a fingerprint is 52 of a-z and 2-7: SHA-256 of the certificate in base32')
    default: // what stands in a file
      return unparsed('the kind of a row is shared-secret, temporary or certificate')
  }
}
