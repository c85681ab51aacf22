import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import { formatSecretText } from '../../../agent/contract/secret-text.ts'
import type { LoadedConfig } from '../../../config/config.ts'
import { loadConfig } from '../../../config/load.ts'

const EXAMPLES = join(import.meta.dirname, '../../../config/examples')

export const CA_PEM = readFileSync(join(EXAMPLES, 'aaa-ca.pem'), 'utf8')
export const SIGNING_KEYS: unknown = JSON.parse(readFileSync(join(EXAMPLES, 'cloud-jwks.json'), 'utf8'))
export const KEY_BYTES = Uint8Array.from({ length: 32 }, (_, index) => index)
export const SECRET_TEXT = formatSecretText('zks_', KEY_BYTES)
export const PROVISIONING_TEXT = formatSecretText('zkp_', KEY_BYTES)

export const eap = { inner: 'PAP', ca: CA_PEM, serverName: 'aaa.zipkey.example' }
export const hotspot = { ssid: 'ZipKey', security: 'wpa-eap', eap }

/** A config with nothing wrong, and nothing that has a default. */
export const GOOD = {
  account: 'acme',
  device: { id: 'SN-000123' },
  credentials: [{ kind: 'temporary', keyId: 'line-7', secret: SECRET_TEXT }],
  cloud: { url: 'https://api.zipkey.example', ca: CA_PEM, signingKeys: SIGNING_KEYS },
  hotspots: [hotspot],
}

/** A directory that stands for the root of a device, until the test is over. */
export function makeRoot(): string {
  const root = mkdtempSync(join(tmpdir(), 'zipkey-config-'))
  onTestFinished(() => rmSync(root, { recursive: true }))
  return root
}

/** Writes a file below the root; an object is written as JSON. */
export function put(root: string, file: string, content: unknown, mode = 0o600): string {
  const path = join(root, file)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content, null, 2), { mode })
  return path
}

/** Loads `ca.json` of a fresh root that holds these files. */
export function load(
  files: Readonly<Record<string, unknown>>,
  environment: Readonly<Record<string, string>> = {},
): { root: string; loaded: LoadedConfig } {
  const root = makeRoot()
  for (const [file, content] of Object.entries(files)) put(root, file, content)
  return { root, loaded: loadConfig({ environment, configFile: join(root, 'ca.json'), systemRoot: root }) }
}

/** The problems of a config, each without the root's path. */
export function problemsOf(
  files: Readonly<Record<string, unknown>>,
  environment: Readonly<Record<string, string>> = {},
): readonly string[] {
  const { root, loaded } = load(files, environment)
  return loaded.ok ? [] : loaded.problems.map((line) => line.replaceAll(`${root}/`, ''))
}
