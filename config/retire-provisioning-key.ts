/**
 * Takes the provisioning key out of a config's text and puts the secret in that the device derived from it: one member for another,
 * every other byte stays. The result is what the factory writes when it keeps the key to itself.
 */
import { deriveTemporarySecret } from '../agent/contract/derivation.ts'
import type { DeviceName } from '../agent/contract/names.ts'
import { isObject } from '../agent/contract/parsed.ts'
import { formatSecretText, parseSecretText } from '../agent/contract/secret-text.ts'
import { parseJson } from './json.ts'
import { type JsonMember, membersOf } from './json-members.ts'

/** The text without inline keys (the same text where there is none), and what it refers to that may hold a key too. */
export type Retired = {
  readonly text: string
  /** As named in the text: a relative name starts at the directory of the config file. */
  readonly keyFiles: readonly string[]
  /** systemd credentials (LoadCredential=), which the agent cannot change. */
  readonly systemdCredentials: readonly string[]
}

type Entry = Readonly<Record<string, unknown>>

/** The secret that stands in for a key, as text; null where the text is no whole provisioning key. A line end stays. */
export function derivedInPlaceOf(keyText: string, name: DeviceName): string | null {
  const key = parseSecretText('zkp_', keyText)
  if (!key.ok) return null
  const lineEnd = /\r?\n$/.exec(keyText)?.[0] ?? ''
  return formatSecretText('zks_', deriveTemporarySecret(key.value, name)) + lineEnd
}

/** Retires every key of a config's text that is not to be kept; a text that is not JSON stays as it is. */
export function retireInText(source: string, name: DeviceName): Retired {
  const json = parseJson(source)
  const entries = json.ok ? retirable(json.value) : []
  const members = entries.some(({ entry }) => typeof entry.provisioningKey === 'string') ? membersOf(source) : []
  const edits = entries.flatMap(({ entry, index }) => editsOf(entry, index, members, source, name))
  const references = entries.map(({ entry }) => entry.provisioningKey).filter(isObject)
  return {
    text: applied(edits, source),
    keyFiles: references.map(({ file }) => file).filter((file) => typeof file === 'string'),
    systemdCredentials: references.map(({ credential }) => credential).filter((credential) => typeof credential === 'string'),
  }
}

function retirable(config: unknown): readonly { readonly entry: Entry; readonly index: number }[] {
  const list = isObject(config) && Array.isArray(config.credentials) ? config.credentials : []
  return list.flatMap((entry: unknown, index) =>
    isObject(entry) && 'provisioningKey' in entry && !('secret' in entry) && entry.keepProvisioningKey !== true ? [{ entry, index }] : [],
  )
}

type Edit = { readonly start: number; readonly end: number; readonly text: string }

function editsOf(entry: Entry, index: number, members: readonly JsonMember[], source: string, name: DeviceName): readonly Edit[] {
  const secret = typeof entry.provisioningKey === 'string' ? derivedInPlaceOf(entry.provisioningKey, name) : null
  if (secret === null) return []
  const own = members.filter(({ path }) => path.length === 3 && path[0] === 'credentials' && path[1] === index)
  return own.flatMap((member, at): readonly Edit[] => {
    if (member.path[2] === 'keepProvisioningKey') return [removalOf(own, at)]
    if (member.path[2] !== 'provisioningKey') return []
    const between = source.slice(member.nameEnd, member.valueStart)
    return [{ start: member.start, end: member.end, text: `"secret"${between}${JSON.stringify(secret.trimEnd())}` }]
  })
}

/** `keepProvisioningKey` means nothing beside a derived secret, and the config's own check would refuse it there. */
function removalOf(members: readonly JsonMember[], at: number): Edit {
  const [before, member, after] = [members[at - 1], members[at], members[at + 1]]
  const end = member?.end ?? 0
  if (before !== undefined) return { start: before.end, end, text: '' }
  return { start: member?.start ?? 0, end: after?.start ?? end, text: '' }
}

const applied = (edits: readonly Edit[], source: string): string =>
  edits
    .toSorted((a, b) => b.start - a.start)
    .reduce((text, { start, end, text: put }) => text.slice(0, start) + put + text.slice(end), source)
