/** A production line to measure on: a folder with CA, keys and profile, on the disk that the checkout is on. */
import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isObject } from '../../../agent/contract/parsed.ts'
import type { BatchOptions } from '../../factory/batch/batch-options.ts'
import { createFactoryKey } from '../../factory/keys.ts'

const ROOT = join(import.meta.dirname, '../../..')
const EXAMPLES = join(ROOT, 'config/examples')

/** Options that every batch of the line has. */
type Common = Omit<BatchOptions, 'out' | 'credential' | 'index' | 'batch' | 'ids'>

/** The folder, and the options. */
export type SampleLine = { readonly folder: string; readonly common: Common }

/** The options as they stand on a command line. */
export const commandLine = (options: Partial<BatchOptions>): readonly string[] =>
  Object.entries(options).flatMap(([name, value]) => {
    const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
    if (typeof value === 'boolean') return value || name.startsWith('with') ? [] : [flag.replace('--', '--no-')]
    return [flag, ...(Array.isArray(value) ? value.map(String) : [String(value)])]
  })

/** Makes it. */
export async function makeSampleLine(where = ROOT): Promise<SampleLine> {
  const folder = mkdtempSync(join(where, '.bench-'))
  const [caKey, ca] = [join(folder, 'ca.key'), join(folder, 'ca.pem')]
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', caKey]
  const extensions = ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign']
  execFileSync('openssl', ['req', '-x509', ...key, ...extensions, '-subj', '/CN=Line 7', '-days', '30', '-out', ca], { stdio: 'pipe' })
  chmodSync(caKey, 0o600)
  await createFactoryKey(join(folder, 'factory.key'))
  const cloud = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' })
  writeFileSync(join(folder, 'cloud.json'), JSON.stringify(cloud))
  writeFileSync(join(folder, 'hotspot.json'), JSON.stringify(exampleHotspot()))
  return {
    folder,
    common: {
      account: 'acme',
      hotspot: [join(folder, 'hotspot.json')],
      cloudUrl: 'https://api.zipkey.example',
      cloudCaFile: join(EXAMPLES, 'cloud-ca.pem'),
      signingKeysFile: join(EXAMPLES, 'cloud-jwks.json'),
      registration: true,
      registrationKey: join(folder, 'cloud.json'),
      factoryKey: join(folder, 'factory.key'),
      caFile: ca,
      caKeyFile: caKey,
      labels: false,
      withProvisioningKey: false,
    },
  }
}

function exampleHotspot(): unknown {
  const example: unknown = JSON.parse(readFileSync(join(EXAMPLES, 'temporary-derived-secret.json'), 'utf8'))
  const hotspots: unknown = isObject(example) ? example.hotspots : null
  const [first]: readonly unknown[] = Array.isArray(hotspots) ? hotspots : []
  const { eap, ...rest } = isObject(first) ? first : {}
  return { ...rest, eap: { ...(isObject(eap) ? eap : {}), methods: ['TLS', 'TTLS'], ca: { file: join(EXAMPLES, 'aaa-ca.pem') } } }
}
