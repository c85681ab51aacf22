/** Writes the registration manifest, a part at a time: signed by the factory, encrypted to the cloud. */
import { CompactEncrypt, CompactSign } from 'jose'
import {
  formatRegistrationCsv,
  formatRegistrationJson,
  REGISTRATION_COLUMNS,
  REGISTRATION_CONTENT,
  REGISTRATION_TYPE,
  type RegistrationPart,
  type RegistrationRow,
} from '../../../agent/contract/registration.ts'
import type { NamedKey } from '../keys.ts'

/** Whose signature and whose eyes. */
export type RegistrationKeys = { readonly factory: NamedKey; readonly cloud: NamedKey }

/** The manifest's files. */
export const REGISTRATION_FILES = { ndjson: 'registration.ndjson.jwe', csv: 'registration.csv.jwe' } as const

/** One part, as a line for each of the two files. */
export async function sealPart(
  keys: RegistrationKeys,
  part: RegistrationPart,
  rows: readonly RegistrationRow[],
): Promise<Readonly<Record<string, string>>> {
  const ndjson = rows.map((row) => `${formatRegistrationJson(row)}\n`).join('')
  const csv = `${REGISTRATION_COLUMNS}\n${rows.map((row) => `${formatRegistrationCsv(row)}\n`).join('')}`
  const [ndjsonLine, csvLine] = await Promise.all([
    seal(keys, part, REGISTRATION_CONTENT.ndjson, ndjson),
    seal(keys, part, REGISTRATION_CONTENT.csv, csv),
  ])
  return { [REGISTRATION_FILES.ndjson]: ndjsonLine, [REGISTRATION_FILES.csv]: csvLine }
}

async function seal({ factory, cloud }: RegistrationKeys, part: RegistrationPart, cty: string, text: string): Promise<string> {
  const signed = await new CompactSign(Buffer.from(text, 'utf8'))
    .setProtectedHeader({ alg: 'ES256', kid: factory.kid, typ: REGISTRATION_TYPE, cty, ...part })
    .sign(factory.key)
  const sealed = await new CompactEncrypt(Buffer.from(signed, 'ascii'))
    .setProtectedHeader({ alg: 'ECDH-ES+A256KW', enc: 'A256GCM', kid: cloud.kid, typ: REGISTRATION_TYPE, cty: 'JOSE' })
    .encrypt(cloud.key)
  return `${sealed}\n`
}
