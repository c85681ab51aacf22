/** A CA for devices in memory, for fakes: it signs in one call. What its certificates say is the least that X.509 asks for. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { bitString, objectIdentifier, sequence, setOf, smallInteger, utf8String } from '../../agent/contract/der.ts'
import { deviceCertificate } from '../../agent/credential/certificate.ts'
import type { DeviceCertificate } from '../../agent/credential/credential.ts'
import { Secret } from '../../agent/credential/secret.ts'

const COMMON_NAME = '2.5.4.3'
const ECDSA_WITH_SHA256 = sequence(objectIdentifier('1.2.840.10045.4.3.2'))
const CA_KEY = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey

const nameOf = (text: string): Uint8Array => sequence(setOf(sequence(objectIdentifier(COMMON_NAME), utf8String(text))))

/** UTCTime (X.690 §11.8). */
const utcTime = (text: string): Uint8Array => Uint8Array.from([0x17, text.length, ...Buffer.from(text)])
const VALIDITY = sequence(utcTime('200101000000Z'), utcTime('491231235959Z'))

/** A certificate (PEM) for a device's public key; each call makes another one. */
export function certify(publicKey: KeyObject, device: string): string {
  const spki = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }))
  const body = sequence(smallInteger(1), ECDSA_WITH_SHA256, nameOf('Fake Device CA'), VALIDITY, nameOf(device), spki)
  const der = sequence(body, ECDSA_WITH_SHA256, bitString(new Uint8Array(sign('sha256', body, CA_KEY))))
  const lines = Buffer.from(der).toString('base64').replace(/.{64}/g, '$&\n').trimEnd()
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`
}

/** The credential of a private key (PEM), certified for a device. */
export function certified(privateKeyPem: Secret<string>, device: string): DeviceCertificate {
  const credential = deviceCertificate(certify(createPublicKey(createPrivateKey(privateKeyPem.reveal())), device), privateKeyPem)
  if (!credential.ok) throw new Error(credential.problem)
  return credential.value
}

/** A new P-256 key as a device makes one (PEM of PKCS#8). */
export const newDeviceKey = (): Secret<string> =>
  new Secret(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())
