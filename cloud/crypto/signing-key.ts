/** The keys that the cloud signs with (ES256): access tokens, time, and later actions. Devices know their public halves from the CA config. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { calculateJwkThumbprint, type JSONWebKeySet, type JWK } from 'jose'
import { isObject, type Parsed, parsed, unparsed } from '../../agent/contract/parsed.ts'

/** The algorithm of everything that the cloud signs. */
export const SIGNING_ALGORITHM = 'ES256'

/** The key in use with its public half, and the public halves of all of them, for others and for this cloud. */
export type SigningKeys = {
  readonly kid: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  readonly publicKeys: JSONWebKeySet
  readonly verifiers: readonly { readonly kid: string; readonly key: KeyObject }[]
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
export function parseSigningKeyFile(text: string): Parsed<SigningKeys> {
  const document: unknown = JSON.parse(text)
  if (!isObject(document) || !Array.isArray(document.keys)) return unparsed('the signing key file is not a JWKS')
  const keys = document.keys.filter(isPrivateEcKey)
  const [first] = keys
  if (first === undefined || keys.length !== document.keys.length)
    return unparsed('the signing key file holds something else than P-256 keys')
  const publicKeys = { keys: keys.map(({ kty, crv, x, y, kid }) => ({ kty, crv, x, y, kid, alg: SIGNING_ALGORITHM, use: 'sig' })) }
  const privateKey = createPrivateKey({ key: { ...first }, format: 'jwk' })
  const verifiers = publicKeys.keys.map(({ kid, ...jwk }) => ({ kid, key: createPublicKey({ key: jwk, format: 'jwk' }) }))
  return parsed({ kid: first.kid, privateKey, publicKey: createPublicKey(privateKey), publicKeys, verifiers })
}

type PrivateEcKey = Readonly<Record<'kty' | 'crv' | 'x' | 'y' | 'd' | 'kid', string>>

const isPrivateEcKey = (key: unknown): key is PrivateEcKey =>
  isObject(key) && key.crv === 'P-256' && ['kty', 'x', 'y', 'd', 'kid'].every((member) => typeof key[member] === 'string')
