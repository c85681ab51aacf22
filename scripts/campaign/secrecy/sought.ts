/** Every secret of one run, gathered from where each rightly is: the cloud's folder, the operator's files, the lab's, the device's disk. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { deriveIssuedSecret, deriveTemporarySecret } from '../../../agent/contract/derivation.ts'
import { isObject } from '../../../agent/contract/parsed.ts'
import { parseSecretText } from '../../../agent/contract/secret-text.ts'
import { prepareSecrets } from '../../radio-lab/lab-secrets.ts'
import type { LabPki } from '../../radio-lab/pki.ts'
import type { LabCloud } from '../../story/lab-cloud.ts'
import { DEVICE, REALM } from '../../story/names.ts'
import { bareKey, deviceKey, deviceSecret, keyWithText, privateNumberIn, randomText, type SoughtSecret } from './secret.ts'

/** Where the secrets of a run are. */
export type SecretPlaces = {
  /** The folder that the cloud was opened in. */
  readonly folder: string
  readonly cloud: LabCloud
  readonly pki: LabPki
  /** All that was ever written to the device's disks. */
  readonly disks: Buffer
}

/** Gathers them. The device's own stand in their order: provisioning key, temporary secret, the issued ones, nonces, keys. */
export async function gatherSecrets({ folder, cloud, pki, disks }: SecretPlaces): Promise<readonly SoughtSecret[]> {
  const provisioningKey = parseSecretText('zkp_', await readFile(cloud.provisioningKeyFile, 'utf8'))
  if (!provisioningKey.ok) throw new Error(provisioningKey.problem)
  const temporary = deriveTemporarySecret(provisioningKey.value, DEVICE)
  const masterKey = jsonText(await readFile(join(folder, 'cloud/master-keys.json'), 'utf8'), 'key')
  const { radiusSecret, aaaClient } = await prepareSecrets()
  return [
    keyWithText('provisioning key', 'zkp_', provisioningKey.value),
    ...deviceSecret('temporary secret', temporary, DEVICE, REALM),
    ...(await issuedSecrets(cloud, Buffer.from(masterKey, 'base64url'))),
    ...noncesOn(disks),
    ...certificateKeysOn(disks),
    randomText('master key', masterKey),
    randomText('signing key', jsonText(await readFile(join(folder, 'cloud/signing-keys.json'), 'utf8'), 'd')),
    randomText('operator key', operatorKey(await readFile(join(folder, 'cloud/operator.key'), 'utf8'))),
    randomText('AAA client secret', aaaClient.secret),
    randomText('RADIUS secret', radiusSecret),
    bareKey('TLS key of the AAA server', await privateNumber(pki.aaa.keyFile)),
    bareKey('TLS key of the cloud', await privateNumber(pki.cloud.keyFile)),
    bareKey('key of the device CA', await privateNumber(pki.deviceCa.keyFile)),
  ]
}

async function issuedSecrets(cloud: LabCloud, masterKey: Buffer): Promise<readonly SoughtSecret[]> {
  const lines = (await cloud.audit()).filter(({ event }) => event === 'secret-issued')
  const ids = [...new Set(lines.flatMap(({ credential }) => (credential?.startsWith('s.') ? [credential.slice(2)] : [])))]
  return ids.flatMap((id, index) => deviceSecret(`issued secret ${index + 1}`, deriveIssuedSecret(masterKey, DEVICE, id), DEVICE, REALM))
}

/** The nonce's file is gone as soon as its answer is stored; what was written to the disk is not. */
function noncesOn(disks: Buffer): readonly SoughtSecret[] {
  const nonces = new Set([...disks.toString('latin1').matchAll(/"nonce":"([A-Za-z0-9_-]{43})"/g)].map(([, nonce]) => nonce ?? ''))
  return [...nonces].map((nonce, index) => randomText(`swap nonce ${index + 1}`, nonce))
}

/** The keys that the device made for its certificates. A file that was cut off holds none. */
function certificateKeysOn(disks: Buffer): readonly SoughtSecret[] {
  const texts = disks
    .toString('latin1')
    .matchAll(/"privateKey":("-----BEGIN PRIVATE KEY-----[A-Za-z0-9+/=\\]+-----END PRIVATE KEY-----\\n")/g)
  const pems = new Set([...texts].map(([, text]) => String(JSON.parse(text ?? '""'))))
  return [...pems].flatMap((pem, index) => deviceKey(`certificate key ${index + 1}`, pem))
}

/** The member of a JWKS-like file's first key. */
function jsonText(text: string, member: string): string {
  const document: unknown = JSON.parse(text)
  const first: unknown = isObject(document) && Array.isArray(document.keys) ? document.keys[0] : null
  const value = isObject(first) ? first[member] : null
  if (typeof value !== 'string') throw new Error(`the first key has no ${member}`)
  return value
}

function operatorKey(text: string): string {
  const key = /^zko_[a-z0-9-]+_([A-Za-z0-9_-]{43})\s*$/.exec(text)?.[1]
  if (key === undefined) throw new Error('not an operator key')
  return key
}

const privateNumber = async (keyFile: string): Promise<Buffer> => privateNumberIn(await readFile(keyFile, 'utf8'))
