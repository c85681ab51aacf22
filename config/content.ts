/**
 * Contents that may stand in the config itself, in a file of their own, or in a systemd credential:
 * `"…"`, `{"file": "aaa-ca.pem"}` (relative to the file that names it), `{"credential": "name"}` (LoadCredential= of the unit).
 */
import { readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { isObject, type Parsed } from '../agent/contract/parsed.ts'
import { AgentError } from '../agent/failure.ts'
import type { JsonSchema, Reader, Reading } from './reader.ts'
import { unknownKey } from './words.ts'

const MAX_BYTES = 1024 * 1024
const READABLE_BY_ALL = 0o004

/** How contents of one kind are read. `inline` describes the form in the config itself, which is a text unless `parseInline` is given. */
export type Contents<T> = {
  readonly doc: string
  readonly secret: boolean
  readonly inline: JsonSchema
  readonly parse: (text: string) => Parsed<T>
  readonly parseInline?: (value: unknown) => Parsed<T>
}

/** Reads contents of one kind, wherever they stand. */
export function contents<T>(kind: Contents<T>): Reader<T> {
  return {
    doc: kind.doc,
    json: () => ({ description: kind.doc, anyOf: [kind.inline, ...referenceSchemas()] }),
    read(value, path, reading) {
      if (isReference(value))
        return readReferenced(value, path, { secret: kind.secret, parse: (bytes) => kind.parse(bytes.toString('utf8')) }, reading)
      if (kind.secret) reading.holdsSecret(path)
      return take(kind.parseInline === undefined ? parseText(kind, value) : kind.parseInline(value), path, reading)
    },
  }
}

/** Reads what is no text and is secret, which only a file or a systemd credential can hold. */
export function binaryContents<T>(doc: string, parse: (bytes: Buffer) => Parsed<T>): Reader<T> {
  return {
    doc,
    json: () => ({ description: doc, anyOf: referenceSchemas() }),
    read: (value, path, reading) =>
      isReference(value)
        ? readReferenced(value, path, { secret: true, parse }, reading)
        : void reading.problem(path, 'expected {"file": "…"} or {"credential": "…"}'),
  }
}

/** Reports what is wrong with contents in the light of others, naming the file where they stand in one. */
export function contentsProblem(value: unknown, path: string, problem: string, reading: Reading): undefined {
  const file = isReference(value) ? fileOf(value, path, reading) : undefined
  if (file === undefined) return void reading.problem(path, problem)
  return void reading.problem(`${path}.${isReference(value) && 'file' in value ? 'file' : 'credential'}`, `${file}: ${problem}`)
}

type Reference = Readonly<Record<string, unknown>>

const isReference = (value: unknown): value is Reference => isObject(value) && ('file' in value || 'credential' in value)

const reference = (key: string, doc: string): JsonSchema => ({
  type: 'object',
  properties: { [key]: { type: 'string', minLength: 1, description: doc } },
  required: [key],
  additionalProperties: false,
})

const referenceSchemas = (): readonly JsonSchema[] => [
  reference('file', 'A file; a relative name starts at the directory of the config file that names it.'),
  reference('credential', 'A systemd credential: LoadCredential=<name>:<path> in a drop-in of the unit.'),
]

const parseText = <T>(kind: Contents<T>, value: unknown): Parsed<T> =>
  typeof value === 'string' ? kind.parse(value) : { ok: false, problem: 'expected a text in quotes, {"file": "…"} or {"credential": "…"}' }

const take = <T>(result: Parsed<T>, path: string, reading: Reading): T | undefined =>
  result.ok ? result.value : void reading.problem(path, result.problem)

type Referenced<T> = { readonly secret: boolean; readonly parse: (bytes: Buffer) => Parsed<T> }

function readReferenced<T>(value: Reference, path: string, kind: Referenced<T>, reading: Reading): T | undefined {
  const [key = '', ...more] = Object.keys(value)
  for (const extra of more) reading.problem(`${path}.${extra}`, unknownKey(extra, ['file', 'credential']))
  if (more.length > 0) return undefined
  const file = fileOf(value, path, reading)
  if (file === undefined) return undefined
  const bytes = readContents(file, `${path}.${key}`, kind.secret, reading)
  if (bytes === undefined) return undefined
  const result = kind.parse(bytes)
  return result.ok ? result.value : void reading.problem(`${path}.${key}`, `${file}: ${result.problem}`)
}

function fileOf(value: Reference, path: string, reading: Reading): string | undefined {
  const key = 'file' in value ? 'file' : 'credential'
  const name = value[key]
  if (typeof name !== 'string' || name === '') return void reading.problem(`${path}.${key}`, 'expected a name in quotes')
  return key === 'file' ? resolve(reading.directoryOf(path), name) : credentialFile(name, path, reading)
}

function credentialFile(name: string, path: string, reading: Reading): string | undefined {
  if (reading.credentialsDirectory === null)
    return void reading.problem(`${path}.credential`, `no systemd credentials here: add LoadCredential=${name}:<path> to the unit`)
  if (name.includes('/')) return void reading.problem(`${path}.credential`, 'the name of a systemd credential has no /')
  return join(reading.credentialsDirectory, name)
}

function readContents(file: string, path: string, secret: boolean, reading: Reading): Buffer | undefined {
  try {
    const { mode, size } = statSync(file)
    if (size > MAX_BYTES) return void reading.problem(path, `${file}: larger than ${MAX_BYTES} bytes: this cannot be the right file`)
    if (secret && (mode & READABLE_BY_ALL) !== 0)
      reading.warning(path, `${file}: holds a secret and everyone can read it: chmod o-rwx ${file}`)
    return readFileSync(file)
  } catch (error) {
    return void reading.problem(path, whyUnreadable(file, error))
  }
}

/** Errors of a disk or of a machine short of something: the file may be good, so a person need not come. */
const MAY_PASS: ReadonlySet<string> = new Set(['EIO', 'ESTALE', 'ENOMEM', 'EMFILE', 'ENFILE', 'EAGAIN'])

/** Why a file cannot be read and what helps, in one line; throws ERR_CONFIG_UNREADABLE where trying again may help. */
export function whyUnreadable(file: string, error: unknown): string {
  const code = isObject(error) || error instanceof Error ? (error as { readonly code?: unknown }).code : undefined
  switch (code) {
    case 'ENOENT':
      return `${file}: no such file: put it there or correct the name`
    case 'EACCES':
      return `${file}: not readable for this user: chgrp zipkey and chmod g+r`
    case 'EISDIR':
      return `${file}: is a directory: name a file in it`
    default: {
      const line = `${file}: cannot be read (${String(code)})`
      if (typeof code === 'string' && MAY_PASS.has(code)) throw new AgentError('ERR_CONFIG_UNREADABLE', line)
      return line
    }
  }
}
