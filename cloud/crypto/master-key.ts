/**
 * The master keys: everything that the cloud keeps secret follows from them. They live in a file of their own, outside the
 * database and its backups. The first key makes new values; the others still read old ones.
 */
import { createHmac, hkdfSync, randomBytes } from 'node:crypto'
import { isObject, type Parsed, parsed, unparsed } from '../../agent/contract/parsed.ts'

const KEY_BYTES = 32

/** What a master key is used for besides issued secrets; each purpose gets a key of its own. */
export type Purpose = 'sealing' | 'challenge' | 'decoy-password' | 'registration'

/**
 * A master key, and the keys for its purposes, which every request needs; its id stands in secret ids and sealed values. Somebody else may
 * have one that leaked: by itself it proves nothing any more.
 */
export type MasterKey = {
  readonly id: string
  readonly bytes: Uint8Array
  readonly purposes: Readonly<Record<Purpose, Uint8Array>>
  readonly isLeaked: boolean
}

/** All of them, the one in use first. */
export type MasterKeys = readonly [MasterKey, ...MasterKey[]]

function masterKeyOf(id: string, bytes: Uint8Array, isLeaked = false): MasterKey {
  const derive = (purpose: Purpose) => new Uint8Array(hkdfSync('sha256', bytes, 'zipkey-cloud/v1', purpose, KEY_BYTES))
  const purposes = {
    sealing: derive('sealing'),
    challenge: derive('challenge'),
    'decoy-password': derive('decoy-password'),
    registration: derive('registration'),
  }
  return { id, bytes, purposes, isLeaked }
}

const NUMBERED = /^m([0-9]{1,9})$/

/** Draws a master key, with an id that comes after all of these. */
export function createMasterKey(taken: readonly string[] = []): MasterKey {
  const numbers = taken.map((id) => Number(NUMBERED.exec(id)?.[1] ?? 0))
  return masterKeyOf(`m${1 + Math.max(0, ...numbers)}`, new Uint8Array(randomBytes(KEY_BYTES)))
}

/** The key for one purpose. */
export const purposeKey = (master: MasterKey, purpose: Purpose): Uint8Array => master.purposes[purpose]

/** The master key with this id. */
export const masterKeyById = (keys: MasterKeys, id: string): MasterKey | null => keys.find((key) => key.id === id) ?? null

const isOlder = (one: MasterKey, other: MasterKey): boolean =>
  one.id.length < other.id.length || (one.id.length === other.id.length && one.id < other.id)

/** The key that was made first; what must stay the same through a rotation, in every process, goes by it. */
export const oldestMasterKey = (keys: MasterKeys): MasterKey => keys.reduce((oldest, key) => (isOlder(key, oldest) ? key : oldest))

/** The key that was made last. */
export const newestMasterKey = (keys: MasterKeys): MasterKey => keys.reduce((newest, key) => (isOlder(newest, key) ? key : newest))

/** HMAC-SHA-256 under the key of one purpose. */
export const purposeMac = (master: MasterKey, purpose: Purpose, data: string): Buffer =>
  createHmac('sha256', purposeKey(master, purpose)).update(data).digest()

/** What the file holds; what was sealed or issued under a key that was given up is lost. */
export type MasterKeyFile = { readonly keys: MasterKeys; readonly givenUp: readonly string[] }

/** The file's text. */
export function formatMasterKeys(keys: MasterKeys, givenUp: readonly string[] = []): string {
  const texts = keys.map(({ id, bytes, isLeaked }) => ({
    ...{ id, key: Buffer.from(bytes).toString('base64url') },
    ...(isLeaked ? { leaked: true } : {}),
  }))
  return `${JSON.stringify({ keys: texts, ...(givenUp.length === 0 ? {} : { givenUp }) }, null, 2)}\n`
}

/** Reads the file's text. */
export function parseMasterKeys(text: string): Parsed<MasterKeyFile> {
  const document = parseJson(text)
  if (!isObject(document) || !Array.isArray(document.keys)) return unparsed('the master key file is not {"keys": [ … ]}')
  const keys: MasterKey[] = []
  for (const entry of document.keys) {
    if (!isObject(entry) || typeof entry.id !== 'string' || !/^[a-z0-9]{1,12}$/.test(entry.id) || typeof entry.key !== 'string') {
      return unparsed('a master key is {"id": 1 to 12 of a-z and 0-9, "key": base64url}')
    }
    const bytes = Buffer.from(entry.key, 'base64url')
    if (bytes.length !== KEY_BYTES) return unparsed(`master key ${entry.id} is not ${KEY_BYTES} bytes`)
    if (keys.some(({ id }) => id === entry.id)) return unparsed(`master key ${entry.id} is there twice`)
    keys.push(masterKeyOf(entry.id, new Uint8Array(bytes), entry.leaked === true))
  }
  const [first, ...rest] = keys
  if (first === undefined) return unparsed('the master key file holds no key')
  const givenUp = Array.isArray(document.givenUp) ? document.givenUp.filter((id) => typeof id === 'string') : []
  return parsed({ keys: [first, ...rest], givenUp })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
