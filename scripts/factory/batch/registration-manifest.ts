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
import { GatheredText } from './gathered-text.ts'

/** Whose signature and whose eyes. */
export type RegistrationKeys = { readonly factory: NamedKey; readonly cloud: NamedKey }

/** The manifest's files. */
export const REGISTRATION_FILES = { ndjson: 'registration.ndjson.jwe', csv: 'registration.csv.jwe' } as const

/** The rows of a part, in both forms. */
export class RegistrationRows {
  readonly #ndjson = new GatheredText()
  readonly #csv = new GatheredText()

  constructor() {
    this.#csv.add(`${REGISTRATION_COLUMNS}\n`)
  }

  add(row: RegistrationRow): void {
    this.#ndjson.add(`${formatRegistrationJson(row)}\n`)
    this.#csv.add(`${formatRegistrationCsv(row)}\n`)
  }

  /** The part, as a line for each of the two files. */
  async seal(keys: RegistrationKeys, part: RegistrationPart): Promise<Readonly<Record<string, Uint8Array>>> {
    const [ndjson, csv] = await Promise.all([
      seal(keys, part, REGISTRATION_CONTENT.ndjson, this.#ndjson.bytes),
      seal(keys, part, REGISTRATION_CONTENT.csv, this.#csv.bytes),
    ])
    return { [REGISTRATION_FILES.ndjson]: ndjson, [REGISTRATION_FILES.csv]: csv }
  }
}

async function seal({ factory, cloud }: RegistrationKeys, part: RegistrationPart, cty: string, rows: Uint8Array): Promise<Uint8Array> {
  const signed = await new CompactSign(rows)
    .setProtectedHeader({ alg: 'ES256', kid: factory.kid, typ: REGISTRATION_TYPE, cty, ...part })
    .sign(factory.key)
  const sealed = await new CompactEncrypt(Buffer.from(signed, 'ascii'))
    .setProtectedHeader({ alg: 'ECDH-ES+A256KW', enc: 'A256GCM', kid: cloud.kid, typ: REGISTRATION_TYPE, cty: 'JOSE' })
    .encrypt(cloud.key)
  return Buffer.from(`${sealed}\n`, 'ascii')
}
