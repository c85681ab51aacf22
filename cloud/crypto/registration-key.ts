/**
 * The registration keys: what factories encrypt their manifests to. Each master key has its own, derived from it, so that nothing more is
 * stored or backed up. The one of the master key in use is published; manifests for the others are read for as long as theirs are kept.
 */
import { createECDH, createPrivateKey, hkdfSync, type KeyObject } from 'node:crypto'
import { calculateJwkThumbprint, type JWK } from 'jose'
import { type MasterKey, type MasterKeys, purposeKey } from './master-key.ts'

const CURVE = { node: 'prime256v1', jose: 'P-256' } as const
/** The order of P-256 (FIPS 186-4 D.1.2.3). */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
const SCALAR_BYTES = 32
/** 64 bits more than the order has, so that no scalar is likelier than another (FIPS 186-4 B.4.1). */
const DRAWN_BYTES = SCALAR_BYTES + 8

/** A registration key: both halves, and the public one as it is published. */
export type RegistrationKey = { readonly kid: string; readonly privateKey: KeyObject; readonly publicJwk: JWK }

/** The registration keys of these master keys, in their order. */
export const registrationKeysOf = (keys: MasterKeys): Promise<readonly RegistrationKey[]> => Promise.all(keys.map(registrationKeyOf))

async function registrationKeyOf(master: MasterKey): Promise<RegistrationKey> {
  const drawn = Buffer.from(hkdfSync('sha256', purposeKey(master, 'registration'), '', CURVE.jose, DRAWN_BYTES))
  const scalar = (BigInt(`0x${drawn.toString('hex')}`) % (ORDER - 1n)) + 1n
  const bytes = Buffer.from(scalar.toString(16).padStart(2 * SCALAR_BYTES, '0'), 'hex')
  const ecdh = createECDH(CURVE.node)
  ecdh.setPrivateKey(bytes)
  const point = ecdh.getPublicKey()
  const coordinate = (from: number): string => point.subarray(from, from + SCALAR_BYTES).toString('base64url')
  const jwk = { kty: 'EC', crv: CURVE.jose, x: coordinate(1), y: coordinate(1 + SCALAR_BYTES) }
  const kid = await calculateJwkThumbprint(jwk)
  return {
    kid,
    privateKey: createPrivateKey({ key: { ...jwk, d: bytes.toString('base64url') }, format: 'jwk' }),
    publicJwk: { ...jwk, kid, use: 'enc', alg: 'ECDH-ES+A256KW' },
  }
}
