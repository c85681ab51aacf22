/** Opens a part of a registration manifest: decrypts it, checks whose it is, and reads its rows. */
import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { type CompactJWSHeaderParameters, compactDecrypt, compactVerify, errors } from 'jose'
import { unparsed } from '../../agent/contract/parsed.ts'
import {
  parseRegistrationPart,
  parseRegistrationRows,
  REGISTRATION_TYPE,
  type ReadRow,
  type RegistrationPart,
} from '../../agent/contract/registration.ts'
import { ApiProblem } from '../api-problem.ts'
import type { RegistrationKey } from '../crypto/registration-key.ts'
import { findFactoryKey } from '../store/factory-keys.ts'
import type { Database } from '../store/tables.ts'

/** A part that was opened. `signer` is the id of the factory key. */
export type OpenedPart = { readonly part: RegistrationPart; readonly signer: string; readonly rows: readonly ReadRow[] }

/** Where a part is opened. */
type Desk = { readonly db: Database; readonly keys: readonly RegistrationKey[]; readonly account: string }

const invalid = (detail: string): ApiProblem => new ApiProblem('invalid-request', detail)

/** Opens it; an ApiProblem says what is wrong with it as a whole. */
export async function openPart(desk: Desk, jwe: string): Promise<OpenedPart> {
  const signed = await decrypted(desk.keys, jwe)
  const { header, content, signer } = await verified(desk, signed)
  const part = parseRegistrationPart(header)
  if (!part.ok) throw invalid(part.problem)
  if (part.value.account !== desk.account) throw invalid(`the part is for account ${part.value.account}, and was given for ${desk.account}`)
  const rows = parseRegistrationRows(header.cty, Buffer.from(content).toString('utf8'))
  const counted = rows.ok && rows.value.length !== part.value.rows ? unparsed('a part has as many rows as its header says') : rows
  if (!counted.ok) throw invalid(counted.problem)
  return { part: part.value, signer, rows: counted.value }
}

async function decrypted(keys: readonly RegistrationKey[], jwe: string): Promise<string> {
  const keyFor = ({ kid }: { readonly kid?: string }): KeyObject => {
    const key = keys.find((each) => each.kid === kid)
    if (key === undefined)
      throw invalid(
        `the part is encrypted to registration key ${kid}, which this cloud does not have: its master key was retired, or it is another cloud's`,
      )
    return key.privateKey
  }
  const algorithms = { keyManagementAlgorithms: ['ECDH-ES+A256KW'], contentEncryptionAlgorithms: ['A256GCM'] }
  const { plaintext, protectedHeader } = await orInvalid(compactDecrypt(jwe, keyFor, algorithms))
  if (protectedHeader.typ !== REGISTRATION_TYPE) throw invalid(`typ of a part is ${REGISTRATION_TYPE}`)
  return Buffer.from(plaintext).toString('ascii')
}

type Verified = { readonly header: CompactJWSHeaderParameters; readonly content: Uint8Array; readonly signer: string }

async function verified({ db, account }: Desk, jws: string): Promise<Verified> {
  const signers: string[] = []
  const keyFor = async ({ kid }: CompactJWSHeaderParameters): Promise<KeyObject> => {
    const key = await findFactoryKey(db, account, kid ?? '')
    if (key === null) throw invalid(`the part is signed by factory key ${kid}, which is not known in account ${account}`)
    if (key.retired_at !== null) throw invalid(`the part is signed by factory key ${key.id}, which is retired`)
    signers.push(key.id)
    return createPublicKey({ key: publicJwk(key.jwk), format: 'jwk' })
  }
  const { payload, protectedHeader } = await orInvalid(compactVerify(jws, keyFor, { algorithms: ['ES256'] }))
  if (protectedHeader.typ !== REGISTRATION_TYPE) throw invalid(`typ of a part is ${REGISTRATION_TYPE}`)
  return { header: protectedHeader, content: payload, signer: signers[0] ?? '' }
}

const publicJwk = (text: string): JsonWebKey => JSON.parse(text)

/** What the library finds wrong with a part is the sender's fault. */
async function orInvalid<T>(opening: Promise<T>): Promise<T> {
  try {
    return await opening
  } catch (error) {
    if (error instanceof errors.JOSEError) throw invalid('the part is damaged, or not signed and encrypted as a part of a manifest is')
    throw error
  }
}
