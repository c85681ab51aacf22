import { type FlashedCredential, isCertificate } from '../../agent/credential/credential.ts'

/** The secret that a flashed credential is; a certificate is none. */
export function flashedSecret(credential: FlashedCredential | undefined): Uint8Array {
  if (credential === undefined || isCertificate(credential)) throw new Error('no secret was flashed')
  return credential.secret.reveal()
}
