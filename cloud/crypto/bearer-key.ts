/** The random keys of operators and AAA clients. 256 random bits need no slow hash: the database keeps their SHA-256. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/** Draws a key: 43 characters of base64url. */
export const createBearerKey = (): string => randomBytes(32).toString('base64url')

/** Whether a key drawn elsewhere has the length and form of ours: anything shorter would need a slow hash. */
export const isBearerKeyText = (text: string): boolean => /^[A-Za-z0-9_-]{43}$/.test(text)

/** What the database keeps of a key. */
export const hashBearerKey = (key: string): string => createHash('sha256').update(key).digest('hex')

/** Whether the key has this hash; the time it takes tells nothing. */
export const isBearerKey = (key: string, hash: string): boolean => timingSafeEqual(Buffer.from(hashBearerKey(key)), Buffer.from(hash))

const OPERATOR_KEY = /^zko_([a-z0-9-]{1,31})_([A-Za-z0-9_-]{43})$/

/** The text of an operator's key: it names itself, and secret scanners find it. */
export const formatOperatorKey = (id: string, key: string): string => `zko_${id}_${key}`

/** Id and secret of an operator's key; both empty where the text is none. */
export function splitOperatorKey(text: string): { readonly id: string; readonly secret: string } {
  const [, id = '', secret = ''] = OPERATOR_KEY.exec(text) ?? []
  return { id, secret }
}
