/**
 * The master keys: everything that the cloud keeps secret follows from them. They live in a file of their own, outside the
 * database and its backups. The first key makes new values; the others still read old ones.
 */
import { createHmac, hkdfSync, randomBytes } from 'node:crypto'
import { isObject, type Parsed, parsed, unparsed } from '../../agent/contract/parsed.ts'

const KEY_BYTES = 32

/** What a master key is used for besides issued secrets; each purpose gets a key of its own. */
export type Purpose = 'sealing' | 'challenge' | 'decoy-password' | 'registration'

/** A master key, and the keys for its purposes, which every request needs; its id stands in secret ids and sealed values. */
export type MasterKey = { readonly id: string; readonly bytes: Uint8Array; readonly purposes: Readonly<Record<Purpose, Uint8Array>> }

/** All of them, the one in use first. */
export type MasterKeys = readonly [MasterKey, ...MasterKey[]]

function masterKeyOf(id: string, bytes: Uint8Array): MasterKey {
  const derive = (purpose: Purpose) => new Uint8Array(hkdfSync('sha256', bytes, 'zipkey-cloud/v1', purpose, KEY_BYTES))
  const purposes = {
    sealing: derive('sealing'),
    challenge: derive('challenge'),
    'decoy-password': derive('decoy-password'),
    registration: derive('registration'),
  }
  return { id, bytes, purposes }
}

/** Draws the first master key of a new cloud. */
export const createMasterKey = (): MasterKey => masterKeyOf('m1', new Uint8Array(randomBytes(KEY_BYTES)))

/** The key for one purpose. */
export const purposeKey = (master: MasterKey, purpose: Purpose): Uint8Array => master.purposes[purpose]

/** The master key with this id. */
export const masterKeyById = (keys: MasterKeys, id: string): MasterKey | null => keys.find((key) => key.id === id) ?? null

/** HMAC-SHA-256 under the key of one purpose. */
export const purposeMac = (master: MasterKey, purpose: Purpose, data: string): Buffer =>
  createHmac('sha256', purposeKey(master, purpose)).update(data).digest()

/** The file's text. */
export const formatMasterKeys = (keys: MasterKeys): string =>
  `${JSON.stringify({ keys: keys.map(({ id, bytes }) => ({ id, key: Buffer.from(bytes).toString('base64url') })) }, null, 2)}\n`

/** Reads the file's text. */
export function parseMasterKeys(text: string): Parsed<MasterKeys> {
  const document = parseJson(text)
  if (!isObject(document) || !Array.isArray(document.keys)) return unparsed('the master key file is not {"keys": [ … ]}')
  const keys: MasterKey[] = []
  for (const entry of document.keys) {
    if (!isObject(entry) || typeof entry.id !== 'string' || !/^[a-z0-9]{1,12}$/.test(entry.id) || typeof entry.key !== 'string') {
      return unparsed('a master key is {"id": 1 to 12 of a-z and 0-9, "key": base64url}')
    }
    const bytes = Buffer.from(entry.key, 'base64url')
    if (bytes.length !== KEY_BYTES) return unparsed(`master key ${entry.id} is not ${KEY_BYTES} bytes`)
    keys.push(masterKeyOf(entry.id, new Uint8Array(bytes)))
  }
  const [first, ...rest] = keys
  return first === undefined ? unparsed('the master key file holds no key') : parsed([first, ...rest])
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
