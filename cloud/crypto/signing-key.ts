/** The keys that the cloud signs with (ES256): access tokens, time, and later actions. Devices know their public halves from the CA config. */
import { generateKeyPairSync } from 'node:crypto'
import { type CryptoKey, calculateJwkThumbprint, importJWK, type JSONWebKeySet, type JWK } from 'jose'
import { isObject, type Parsed, parsed, unparsed } from '../../agent/contract/parsed.ts'

/** The algorithm of everything that the cloud signs. */
export const SIGNING_ALGORITHM = 'ES256'

/** The key in use, and the public halves of all of them. */
export type SigningKeys = {
  readonly kid: string
  readonly privateKey: CryptoKey
  readonly publicKey: CryptoKey
  readonly publicKeys: JSONWebKeySet
}

/** Draws a signing key, as a private JWK. */
export async function createSigningKey(): Promise<JWK> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk: JWK = { ...privateKey.export({ format: 'jwk' }), alg: SIGNING_ALGORITHM, use: 'sig' }
  return { ...jwk, kid: await calculateJwkThumbprint(jwk) }
}

/** The file's text: a JWKS of private keys, the one in use first. */
export const formatSigningKeys = (keys: readonly JWK[]): string => `${JSON.stringify({ keys }, null, 2)}\n`

/** Reads the file's text. */
export async function parseSigningKeyFile(text: string): Promise<Parsed<SigningKeys>> {
  const document: unknown = JSON.parse(text)
  if (!isObject(document) || !Array.isArray(document.keys)) return unparsed('the signing key file is not a JWKS')
  const keys = document.keys.filter(isPrivateEcKey)
  const [first] = keys
  if (first === undefined || keys.length !== document.keys.length)
    return unparsed('the signing key file holds something else than P-256 keys')
  const privateKey = await importJWK({ ...first }, SIGNING_ALGORITHM)
  const { d: _, ...publicHalf } = first
  const publicKey = await importJWK(publicHalf, SIGNING_ALGORITHM)
  if (privateKey instanceof Uint8Array || publicKey instanceof Uint8Array) return unparsed('the signing key is not an asymmetric one')
  const publicKeys = { keys: keys.map(({ kty, crv, x, y, kid }) => ({ kty, crv, x, y, kid, alg: SIGNING_ALGORITHM, use: 'sig' })) }
  return parsed({ kid: first.kid, privateKey, publicKey, publicKeys })
}

type PrivateEcKey = Readonly<Record<'kty' | 'crv' | 'x' | 'y' | 'd' | 'kid', string>>

const isPrivateEcKey = (key: unknown): key is PrivateEcKey =>
  isObject(key) && key.crv === 'P-256' && ['kty', 'x', 'y', 'd', 'kid'].every((member) => typeof key[member] === 'string')
