/** The factory's signing key, and the cloud's registration key that manifests are encrypted to. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { statSync, writeFileSync } from 'node:fs'
import { calculateJwkThumbprint, type JWK } from 'jose'
import { isObject } from '../../agent/contract/parsed.ts'
import { parseJson } from '../../config/json.ts'
import { InputError, readText } from './inputs.ts'

/** A key and what it is called: its thumbprint (RFC 7638). */
export type NamedKey = { readonly key: KeyObject; readonly kid: string }

const OTHERS_THAN_OWNER = 0o077
const NEW_AND_PRIVATE = { flag: 'wx', mode: 0o600 } as const

/** Refuses a private file that others can read. */
export function requirePrivate(file: string): void {
  if ((statSync(file).mode & OTHERS_THAN_OWNER) !== 0)
    throw new InputError(`${file}: others than its owner can read this key: chmod 600 ${file}`)
}

/** A private key in PEM, in a file that is its owner's alone. */
export function readPrivateKey(file: string): KeyObject {
  const text = readText(file)
  requirePrivate(file)
  try {
    return createPrivateKey(text)
  } catch {
    throw new InputError(`${file}: holds no private key in PEM without a passphrase`)
  }
}

/** The factory's P-256 key. */
export async function readFactoryKey(file: string): Promise<NamedKey> {
  const key = readPrivateKey(file)
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    throw new InputError(`${file}: is not a P-256 key: make one by zipkey-factory key create`)
  return { key, kid: await calculateJwkThumbprint(createPublicKey(key).export({ format: 'jwk' }) as JWK) }
}

/** The cloud's public key (JWK). */
export async function readRegistrationKey(file: string): Promise<NamedKey> {
  const json = parseJson(readText(file))
  if (!json.ok) throw new InputError(`${file}: ${json.problem}`)
  const jwk = json.value
  if (!isObject(jwk) || jwk.kty !== 'EC' || jwk.crv !== 'P-256')
    throw new InputError(`${file}: is not the cloud's registration key, a P-256 JWK: get it by zipkey-cloud registration-key`)
  if ('d' in jwk) throw new InputError(`${file}: holds a private key, which must not leave the cloud: get the public one`)
  try {
    return { key: createPublicKey({ key: jwk, format: 'jwk' }), kid: await calculateJwkThumbprint(jwk as JWK) }
  } catch {
    throw new InputError(`${file}: is a damaged JWK: get it again`)
  }
}

/** Makes a factory key: the private one (PEM, 0600) in `file`, the public one (JWK) beside it. */
export async function createFactoryKey(file: string): Promise<{ readonly publicFile: string; readonly kid: string }> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = publicKey.export({ format: 'jwk' }) as JWK
  const kid = await calculateJwkThumbprint(jwk)
  const publicFile = `${file}.pub.json`
  writeFileSync(file, privateKey.export({ format: 'pem', type: 'pkcs8' }), NEW_AND_PRIVATE)
  writeFileSync(publicFile, `${JSON.stringify({ ...jwk, kid, use: 'sig', alg: 'ES256' }, null, 2)}\n`)
  return { publicFile, kid }
}
