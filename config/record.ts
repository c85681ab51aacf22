/** Readers of objects: a fixed set of members, strict to the last level, or one of several told apart by a tag. */
import { isObject } from '../agent/contract/parsed.ts'
import type { JsonSchema, Read, Reader, Reading } from './reader.ts'
import { listed, unknownKey } from './words.ts'

/** A member of a record that must be there. */
export type Required<T> = { readonly reader: Reader<T>; readonly required: true }

/** A member of a record that may be missing, null counting as missing, and what stands in for it then. */
export type Optional<T, A> = { readonly reader: Reader<T>; readonly required: false; readonly absent: A }

/** Any member of a record. */
export type Member = Required<unknown> | Optional<unknown, unknown>

/** The type of a member's value. */
export type ValueOf<M> = M extends Optional<infer T, infer A> ? T | A : M extends Required<infer T> ? T : never

/** Makes a required member. */
export const required = <T>(reader: Reader<T>): Required<T> => ({ reader, required: true })

/** Makes an optional member. */
export const optional = <T, const A>(reader: Reader<T>, absent: A): Optional<T, A> => ({ reader, required: false, absent })

type Members = Readonly<Record<string, Member>>
type Values<M extends Members> = { readonly [K in keyof M]: ValueOf<M[K]> }

/** An object with exactly these members; an unknown one is refused, with the nearest known name as remedy. */
export function record<M extends Members>(doc: string, members: M): Reader<Values<M>> {
  return {
    doc,
    json: () => recordSchema(doc, members),
    read(value, path, reading) {
      if (!isObject(value)) return void reading.problem(path, 'expected an object in { }')
      let good = refuseUnknownKeys(value, Object.keys(members), path, reading)
      const result: Record<string, unknown> = {}
      for (const [key, member] of Object.entries(members)) {
        result[key] = readMember(value[key], member, `${path}.${key}`, reading)
        if (result[key] === undefined) good = false
      }
      return good ? (result as Values<M>) : undefined
    },
  }
}

function readMember(value: unknown, member: Member, path: string, reading: Reading): unknown {
  if (value !== undefined && value !== null) return member.reader.read(value, path, reading)
  if (!member.required) return member.absent
  return void reading.problem(path, `missing: ${member.reader.doc}`)
}

/**
 * One of several records, told apart by the word under `tag`, which each of them names as a member too.
 * `refused` holds words that are known but cannot be used, and what to say then.
 */
export function tagged<C extends Readonly<Record<string, Reader<object>>>>(
  doc: string,
  tag: string,
  cases: C,
  refused: Readonly<Record<string, string>>,
): Reader<Read<C[keyof C]>> {
  return {
    doc,
    json: () => ({ description: doc, oneOf: Object.values(cases).map((each) => each.json()) }),
    read(value, path, reading) {
      if (!isObject(value)) return void reading.problem(path, 'expected an object in { }')
      const word = value[tag]
      const why = typeof word === 'string' && Object.hasOwn(refused, word) ? refused[word] : undefined
      if (why !== undefined) return void reading.problem(`${path}.${tag}`, why)
      const chosen = typeof word === 'string' && Object.hasOwn(cases, word) ? cases[word] : undefined
      if (chosen === undefined) return void reading.problem(`${path}.${tag}`, `expected ${listed(Object.keys(cases))}`)
      return chosen.read(value, path, reading) as Read<C[keyof C]> | undefined
    },
  }
}

/** Chooses between two forms of one kind by whether a key is there. */
export const formOf = <A, B>(key: string, withKey: Reader<A>, without: Reader<B>): Reader<A | B> => ({
  doc: withKey.doc,
  json: () => ({ oneOf: [withKey.json(), without.json()] }),
  read: (value, path, reading) =>
    isObject(value) && key in value ? withKey.read(value, path, reading) : without.read(value, path, reading),
})

function refuseUnknownKeys(value: Readonly<Record<string, unknown>>, known: readonly string[], path: string, reading: Reading): boolean {
  const unknown = Object.keys(value).filter((key) => !known.includes(key))
  for (const key of unknown) reading.problem(`${path}.${key}`, unknownKey(key, known))
  return unknown.length === 0
}

function recordSchema(doc: string, members: Members): JsonSchema {
  const entries = Object.entries(members)
  return {
    type: 'object',
    description: doc,
    properties: Object.fromEntries(entries.map(([key, member]) => [key, memberSchema(member)])),
    required: entries.filter(([, member]) => member.required).map(([key]) => key),
    additionalProperties: false,
  }
}

const memberSchema = (member: Member): JsonSchema =>
  member.required || member.absent === null ? member.reader.json() : { ...member.reader.json(), default: member.absent }
