/**
 * `ZIPKEY_*` over the files: `ZIPKEY_WIFI_INTERFACE` sets wifi.interface, `ZIPKEY_CLOUD_CA_FILE` names the file of cloud.ca.
 * The environment of a process is seen by others and inherited by children, so no key that holds a secret has a variable.
 */
import { looksLikeSecretText } from '../agent/contract/secret-text.ts'
import { type Leaf, leaves } from './schema.ts'
import type { Layer } from './sources.ts'
import { nearest } from './words.ts'

/** Environment variables, as in process.env. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Names the main config file. */
export const CONFIG_VARIABLE = 'ZIPKEY_CONFIG'

const PREFIX = 'ZIPKEY_'
const SECRET_NAME = /SECRET|PROVISIONING_KEY|PASSPHRASE|PASSWORD|PRIVATE_KEY|CREDENTIAL/

/** What the environment gives, and lines about what is wrong or odd with it. */
export type FromEnvironment = {
  readonly layers: readonly Layer[]
  readonly problems: readonly string[]
  readonly warnings: readonly string[]
}

/** The name of the variable that sets a key, or null where the environment may not. */
export function variableOf({ path, setting }: Leaf): string | null {
  if (setting.environment === null) return null
  const words = path
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .replaceAll('.', '_')
    .toUpperCase()
  return `${PREFIX}${words}${setting.environment === 'file' ? '_FILE' : ''}`
}

/** Reads every `ZIPKEY_` variable; an empty one counts as not set. */
export function readEnvironment(environment: Environment): FromEnvironment {
  const known = new Map(leaves().flatMap((leaf) => [[variableOf(leaf), leaf] as const]))
  const layers: Layer[] = []
  const problems: string[] = []
  const warnings: string[] = []
  for (const [name, value = ''] of Object.entries(environment)) {
    if (!name.startsWith(PREFIX) || name === CONFIG_VARIABLE || value === '') continue
    const leaf = known.get(name)
    if (looksLikeSecretText(value) || (leaf === undefined && SECRET_NAME.test(name))) {
      problems.push(`environment variable ${name}: the environment never holds a secret: unset it and put the secret into a file`)
    } else if (leaf === undefined) warnings.push(unknownVariable(name, [...known.keys()]))
    else layers.push({ source: { name: `environment variable ${name}`, directory: process.cwd(), mode: null }, tree: treeOf(leaf, value) })
  }
  return { layers, problems, warnings }
}

function unknownVariable(name: string, known: readonly (string | null)[]): string {
  const near = nearest(
    name,
    known.filter((each) => each !== null),
  )
  return `environment variable ${name}: unknown, not used${near === null ? '' : `: did you mean ${near}?`}`
}

function treeOf({ path, setting }: Leaf, value: string): Readonly<Record<string, unknown>> {
  const [first = '', second] = path.split('.')
  const typed =
    setting.environment === 'file' ? { file: value } : setting.environment === 'number' && /^[0-9]+$/.test(value) ? Number(value) : value
  return { [first]: second === undefined ? typed : { [second]: typed } }
}
