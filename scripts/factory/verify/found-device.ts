/** What is on a device: its config and the file beside it, as the station reads them. */
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { base32 } from '../../../agent/contract/base32.ts'
import { isObject, type Parsed, parsed, unparsed } from '../../../agent/contract/parsed.ts'
import { parseSecretText } from '../../../agent/contract/secret-text.ts'
import { parseJson } from '../../../config/json.ts'
import { loadConfig } from '../../../config/load.ts'
import { CONFIG_NAME } from '../batch/batch-record.ts'
import { DEVICE_FILES } from '../batch/credential-maker.ts'
import type { JsonObject } from '../ca-config.ts'
import { memoryFolder } from '../memory-folder.ts'
import { nobodysSecret } from '../sample-config.ts'
import { type Target, TargetError } from '../target/target.ts'

/** A config, parsed, and the files that it may name. */
export type FoundDevice = { readonly config: JsonObject; readonly files: ReadonlyMap<string, Uint8Array> }

/** Its first credential: of a certificate chain and key (null in a chip), of a secret what it is known by. */
export type FoundCredential =
  | { readonly kind: 'certificate'; readonly chainPem: string; readonly keyPem: string | null }
  | { readonly kind: 'secret'; readonly knownBy: string }
  | { readonly kind: 'provisioning-key' }

/** Reads it; a TargetError says that there is none. */
export async function readDevice(target: Target, folder: string): Promise<FoundDevice> {
  const files = new Map<string, Uint8Array>()
  for (const name of [CONFIG_NAME, ...Object.values(DEVICE_FILES)]) {
    const bytes = await target.read(posix.join('/', folder, name))
    if (bytes !== null) files.set(name, bytes)
  }
  const bytes = files.get(CONFIG_NAME)
  if (bytes === undefined) throw new TargetError(`${posix.join('/', folder, CONFIG_NAME)} is not there`)
  const json = parseJson(Buffer.from(bytes).toString('utf8'))
  if (!json.ok) throw new TargetError(`${CONFIG_NAME}: ${json.problem}`)
  if (!isObject(json.value)) throw new TargetError(`${CONFIG_NAME}: expected an object in { }`)
  return { config: json.value, files }
}

/**
 * What the agent would say about the config, each problem in a line. The id of a golden config comes from the device, and so may the
 * key of a certificate: `id` and a secret stand in for them.
 */
export function configProblems({ config, files }: FoundDevice, id: string): readonly string[] {
  const folder = mkdtempSync(join(memoryFolder(), 'zipkey-verify-'))
  try {
    for (const [name, bytes] of files) writeFileSync(join(folder, name), bytes, { mode: 0o600 })
    const file = join(folder, CONFIG_NAME)
    writeFileSync(
      file,
      JSON.stringify({ ...config, device: namedDevice(config, id), credentials: withStandIns(config.credentials, files) }),
    )
    const loaded = loadConfig({ environment: {}, configFile: file })
    return loaded.ok ? [] : loaded.problems.map((line) => line.replaceAll(`${folder}/`, ''))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const namedDevice = ({ device }: JsonObject, id: string): unknown => (isObject(device) && !('id' in device) ? { id } : device)

function withStandIns(credentials: unknown, files: FoundDevice['files']): unknown {
  const isKeyElsewhere = (each: unknown): boolean =>
    isObject(each) && each.kind === 'certificate' && textOf(each.privateKey, files) === null
  return Array.isArray(credentials) ? credentials.map((each: unknown) => (isKeyElsewhere(each) ? nobodysSecret() : each)) : credentials
}

/** The credential that the device will show first. */
export function credentialIn({ config, files }: FoundDevice): Parsed<FoundCredential> {
  const [first]: readonly unknown[] = Array.isArray(config.credentials) ? config.credentials : []
  if (!isObject(first)) return unparsed('there is no credential')
  if (first.kind === 'certificate') {
    const chainPem = textOf(first.certificate, files)
    const keyPem = textOf(first.privateKey, files)
    return chainPem === null ? unparsed('the certificate is not there') : parsed({ kind: 'certificate', chainPem, keyPem })
  }
  if ('provisioningKey' in first) return parsed({ kind: 'provisioning-key' })
  const secret = parseSecretText('zks_', textOf(first.secret, files) ?? '')
  if (!secret.ok) return secret
  return parsed({ kind: 'secret', knownBy: base32(createHash('sha256').update(secret.value).digest()) })
}

/** A text in the config, or in a file beside it; null where it is in a chip or elsewhere on the device. */
function textOf(value: unknown, files: ReadonlyMap<string, Uint8Array>): string | null {
  if (typeof value === 'string') return value.startsWith('pkcs11:') ? null : value
  const bytes = isObject(value) && typeof value.file === 'string' ? files.get(value.file) : undefined
  return bytes === undefined ? null : Buffer.from(bytes).toString('utf8')
}
