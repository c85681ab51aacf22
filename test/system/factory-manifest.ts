/** A factory as the cloud sees it: its key, and parts of manifests, right or wrong. */
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { CompactEncrypt, CompactSign, calculateJwkThumbprint, type JWK } from 'jose'
import { z } from 'zod'
import {
  formatRegistrationCsv,
  formatRegistrationJson,
  REGISTRATION_COLUMNS,
  REGISTRATION_CONTENT,
  REGISTRATION_ROUTES,
  REGISTRATION_TYPE,
  type RegistrationRow,
} from '../../agent/contract/registration.ts'
import type { RunningCloud } from './cloud-server.ts'

/** A factory's key pair. */
export type Factory = { readonly privateKey: KeyObject; readonly jwk: JWK; readonly kid: string }

/** A factory that no cloud knows yet. */
export async function strangeFactory(): Promise<Factory> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = publicKey.export({ format: 'jwk' }) as JWK
  return { privateKey, jwk, kid: await calculateJwkThumbprint(jwk) }
}

/** A factory that an account believes. */
export async function knownFactory(cloud: RunningCloud, account: string, id: string): Promise<Factory> {
  const factory = await strangeFactory()
  await cloud.api.call('POST', `/v1/accounts/${account}/factory-keys`, z.unknown(), { id, key: factory.jwk })
  return factory
}

/** What a part may say otherwise than it should. */
export type PartChanges = {
  readonly header?: Readonly<Record<string, unknown>>
  readonly content?: 'ndjson' | 'csv'
  readonly text?: string
  readonly registrationKey?: JWK
}

const textOf = (rows: readonly RegistrationRow[], content: 'ndjson' | 'csv'): string =>
  content === 'ndjson'
    ? rows.map((row) => `${formatRegistrationJson(row)}\n`).join('')
    : [REGISTRATION_COLUMNS, ...rows.map(formatRegistrationCsv)].map((line) => `${line}\n`).join('')

/** The only part of a batch of `acme`. */
export async function sealPart(
  cloud: RunningCloud,
  factory: Factory,
  rows: readonly RegistrationRow[],
  { header = {}, content = 'ndjson', text = textOf(rows, content), registrationKey }: PartChanges = {},
): Promise<string> {
  const jwk = registrationKey ?? (await cloud.api.call('GET', REGISTRATION_ROUTES.registrationKey, z.record(z.string(), z.unknown())))
  const part = { account: 'acme', batch: 'b1', part: 0, from: 0, rows: rows.length, of: rows.length }
  const signed = await new CompactSign(Buffer.from(text))
    .setProtectedHeader({ alg: 'ES256', kid: factory.kid, typ: REGISTRATION_TYPE, cty: REGISTRATION_CONTENT[content], ...part, ...header })
    .sign(factory.privateKey)
  return new CompactEncrypt(Buffer.from(signed))
    .setProtectedHeader({ alg: 'ECDH-ES+A256KW', enc: 'A256GCM', kid: String(jwk.kid), typ: REGISTRATION_TYPE, cty: 'JOSE' })
    .encrypt(createPublicKey({ key: { ...jwk }, format: 'jwk' }))
}

const answer = z.object({ results: z.array(z.object({ id: z.string(), status: z.string(), message: z.string() })) })

/** Gives a part to the cloud; what became of each row, or the problem throws. */
export async function register(cloud: RunningCloud, part: string, account = 'acme') {
  return (await cloud.api.call('POST', REGISTRATION_ROUTES.registrations(account), answer, { part })).results
}
