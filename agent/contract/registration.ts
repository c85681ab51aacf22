/**
 * The registration manifest: what a factory tells the cloud about the devices it made. A file of lines, each a part of a thousand devices
 * or the last ones: a JWS (ES256, the factory's key) around NDJSON or CSV, in a JWE (ECDH-ES+A256KW, A256GCM) to the cloud's
 * registration key, both compact. What a part is stands in the JWS's protected header, so that parts cannot be left out, mixed
 * or passed off as another batch's.
 */

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
