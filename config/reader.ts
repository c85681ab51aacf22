/**
 * Readers: each turns a piece of parsed JSON into a typed value, reports what is wrong with it under its key path, and describes
 * itself as JSON Schema. The config's checks, its types and its published schema all come from the same readers.
 */

import type { Parsed } from '../agent/contract/parsed.ts'
import { looksLikeSecretText } from '../agent/contract/secret-text.ts'
import { listed } from './words.ts'

/** A piece of JSON Schema (draft 2020-12). */
export type JsonSchema = Readonly<Record<string, unknown>>

/** One pass over a config: where complaints go, and where relative file names start. */
export type Reading = {
  problem(path: string, message: string): void
  warning(path: string, message: string): void
  /** The directory that a relative file name at this key path starts from. */
  directoryOf(path: string): string
  /** Remembers that the source of this key path holds a secret in clear. */
  holdsSecret(path: string): void
  /** `$CREDENTIALS_DIRECTORY` of systemd's LoadCredential=, or null. */
  readonly credentialsDirectory: string | null
}

/** A reader; `undefined` means that the value was refused and the reason reported. */
export type Reader<T> = {
  /** What the value is for, in a sentence. */
  readonly doc: string
  /** Made when asked for: the agent itself never needs it. */
  json(): JsonSchema
  read(value: unknown, path: string, reading: Reading): T | undefined
}

/** The type that a reader gives. */
export type Read<R> = R extends Reader<infer T> ? T : never

/** A text of a given form. A secret's text is refused here: it belongs under a key that is treated as secret. */
export function text<T>(doc: string, parse: (text: string) => Parsed<T>, json: JsonSchema = {}): Reader<T> {
  return {
    doc,
    json: () => ({ type: 'string', description: doc, ...json }),
    read(value, path, reading) {
      if (typeof value !== 'string') return void reading.problem(path, 'expected a text in quotes')
      if (looksLikeSecretText(value))
        return void reading.problem(path, 'a zks_ or zkp_ text does not belong here: move it to the key of its secret')
      const result = parse(value)
      return result.ok ? result.value : void reading.problem(path, result.problem)
    },
  }
}

/** One of a few words. */
export function choice<const T extends string>(doc: string, words: readonly T[]): Reader<T> {
  return {
    doc,
    json: () => ({ enum: words, description: doc }),
    read(value, path, reading) {
      const word = words.find((each) => each === value)
      return word ?? void reading.problem(path, `expected ${listed(words)}`)
    },
  }
}

/** A whole number between two bounds. */
export function integer(doc: string, minimum: number, maximum: number): Reader<number> {
  return {
    doc,
    json: () => ({ type: 'integer', minimum, maximum, description: doc }),
    read(value, path, reading) {
      const good = typeof value === 'number' && Number.isInteger(value) && value >= minimum && value <= maximum
      return good ? value : void reading.problem(path, `expected a whole number from ${minimum} to ${maximum}`)
    },
  }
}

/** true or false. */
export function flag(doc: string): Reader<boolean> {
  return {
    doc,
    json: () => ({ type: 'boolean', description: doc }),
    read: (value, path, reading) => (typeof value === 'boolean' ? value : void reading.problem(path, 'expected true or false')),
  }
}

/** A list of things of one kind. Every item is read, so that every problem is told. */
export function list<T>(doc: string, item: Reader<T>, minItems: number): Reader<readonly T[]> {
  return {
    doc,
    json: () => ({ type: 'array', items: item.json(), minItems, description: doc }),
    read(value, path, reading) {
      if (!Array.isArray(value)) return void reading.problem(path, 'expected a list in [ ]')
      if (value.length < minItems) return void reading.problem(path, `expected at least ${minItems} in the list`)
      const items = value.map((each: unknown, index) => item.read(each, `${path}[${index}]`, reading))
      return items.some((each) => each === undefined) ? undefined : items.filter((each) => each !== undefined)
    },
  }
}
