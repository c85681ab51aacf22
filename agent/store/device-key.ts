/** The key that a device makes for itself: its private half is never anywhere else. */
import { generateKeyPairSync } from 'node:crypto'
import { Secret } from '../credential/secret.ts'

/** A new P-256 key, as PEM of PKCS#8. */
export function makeDeviceKey(): Secret<string> {
  const { privateKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'der' },
  })
  return new Secret(privateKey)
}
