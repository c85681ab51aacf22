/**
 * The one place that knows convict: it holds the schema, layers what was given over the defaults, and hands out the result.
 * The checks are the readers' own: convict turns "20x" into 20, quotes refused values (which may be secrets), stops at lists, and
 * reports a mistyped section as a TypeError of its own.
 */
import convict from 'convict'
import { isObject } from '../agent/contract/parsed.ts'
import type { Reader, Reading } from './reader.ts'
import { isSetting, leaves, SETTINGS, type Settings } from './schema.ts'
import { unknownKey } from './words.ts'

type Tree = Readonly<Record<string, unknown>>

/** Reads a merged config; `undefined` when anything in it was refused, and then every problem was reported. */
export function readSettings(tree: Tree, reading: Reading): Settings | undefined {
  let good = refuseUndeclared(tree, reading)
  const layered = overDefaults(tree)
  const values: Record<string, unknown> = {}
  for (const { path, setting } of leaves()) {
    const given: unknown = layered.get(path)
    const value = given === null && !setting.required ? null : readGiven(given, path, setting.reader, reading)
    if (value === undefined) good = false
    put(values, path, value)
  }
  return good ? (values as Settings) : undefined
}

function readGiven(given: unknown, path: string, reader: Reader<unknown>, reading: Reading): unknown {
  return given === null ? void reading.problem(path, `missing: ${reader.doc}`) : reader.read(given, path, reading)
}

function overDefaults(tree: Tree): convict.Config<Tree> {
  const config: convict.Config<Tree> = convict<Tree>(convictSchema(), { args: [], env: {} })
  for (const { path } of leaves()) {
    const given = memberAt(tree, path)
    if (given !== undefined && given !== null) config.set(path, given)
  }
  return config
}

/** The schema in convict's terms; the format `*` keeps it from converting texts. */
function convictSchema(): convict.Schema<Tree> {
  const schema: Record<string, unknown> = {}
  for (const { path, setting } of leaves()) {
    put(schema, path, { doc: setting.reader.doc, format: '*', default: setting.required ? null : setting.absent })
  }
  return schema as convict.Schema<Tree>
}

function refuseUndeclared(tree: Tree, reading: Reading): boolean {
  let good = true
  const refuse = (path: string, message: string): void => {
    reading.problem(path, message)
    good = false
  }
  const refuseKeys = (given: Tree, declared: object, prefix: string): void => {
    for (const key of Object.keys(given)) {
      if (!Object.hasOwn(declared, key) && !isSchemaNote(key, prefix)) refuse(prefix + key, unknownKey(key, Object.keys(declared)))
    }
  }
  refuseKeys(tree, SETTINGS, '')
  for (const [name, node] of Object.entries(SETTINGS)) {
    const given = tree[name]
    if (isSetting(node) || given === undefined) continue
    if (isObject(given)) refuseKeys(given, node, `${name}.`)
    else refuse(name, 'expected an object in { }')
  }
  return good
}

/** Editors find the JSON Schema by this key. */
const isSchemaNote = (key: string, prefix: string): boolean => key === '$schema' && prefix === ''

function memberAt(tree: Tree, path: string): unknown {
  return path.split('.').reduce<unknown>((node, key) => (isObject(node) ? node[key] : undefined), tree)
}

function put(tree: Record<string, unknown>, path: string, value: unknown): void {
  const [first = '', second] = path.split('.')
  if (second === undefined) {
    tree[first] = value
    return
  }
  const section = isObject(tree[first]) ? tree[first] : {}
  tree[first] = { ...section, [second]: value }
}
