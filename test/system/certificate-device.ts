/** A device that asks the Cloud API for a certificate, by the contract's own functions, without an agent. */
import { createPublicKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto'
import { makeCertificateRequest } from '../../agent/contract/certificate.ts'
import type { DeviceName } from '../../agent/contract/names.ts'
import { ROUTES } from '../../agent/contract/routes.ts'
import { formatSwapRequest, parseSwapAnswer } from '../../agent/contract/swap.ts'
import { type Answer, type CertificateCredential, type CloudAddress, callCloud, type DeviceCredential, tokenOf } from './cloud-device.ts'

/** A key such as devices make. */
export const newDeviceKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey

/** Posts a swap request of any form with a token. */
export function postSwap(cloud: CloudAddress, accessToken: string, body: Readonly<Record<string, unknown>>): Promise<Answer> {
  const headers = { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' }
  return callCloud(cloud, 'POST', ROUTES.deviceCredential, { headers, body: JSON.stringify(body) })
}

/** The body that asks for a certificate of this key. */
export const certificateAsk = (privateKey: KeyObject, name: DeviceName, order: string | null = null) =>
  formatSwapRequest({ kind: 'certificate', certificateRequest: makeCertificateRequest(privateKey, name) }, order)

/** The credential that an answer gives the holder of the key. */
export function certificateIn(answer: Answer, name: DeviceName, privateKey: KeyObject): CertificateCredential {
  const issued = parseSwapAnswer(answer.body)
  if (!issued.ok || issued.value.kind !== 'certificate') throw new Error(`no certificate: ${answer.problem ?? answer.status}`)
  const { fingerprint, chainPem } = issued.value
  return { name, id: { kind: 'certificate', fingerprint }, privateKey, chainPem }
}

/** The swap by a temporary credential, or a rotation by an order: the issued certificate; a refusal throws. */
export async function swapForCertificate(
  cloud: CloudAddress,
  credential: DeviceCredential | CertificateCredential,
  { privateKey = newDeviceKey(), order = null }: { readonly privateKey?: KeyObject; readonly order?: string | null } = {},
): Promise<CertificateCredential> {
  const token = await tokenOf(cloud, credential)
  return certificateIn(await postSwap(cloud, token.value, certificateAsk(privateKey, credential.name, order)), credential.name, privateKey)
}

/** Whether a certificate is of this key. */
export const isOfKey = (chainPem: string, privateKey: KeyObject): boolean =>
  new X509Certificate(chainPem).publicKey.equals(createPublicKey(privateKey))
