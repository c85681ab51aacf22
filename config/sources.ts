/**
 * Where the config comes from: the main file, its drop-ins in name order (`ca.json` → `ca.d/*.json`), and the environment over
 * both. Objects are merged, lists and values replaced; for each key it is remembered who gave it, so that a problem names its source.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { isObject } from '../agent/contract/parsed.ts'
import { whyUnreadable } from './content.ts'
import { parseJson } from './json.ts'

/** A file or an environment variable that gave keys. */
export type Source = { readonly name: string; readonly directory: string; readonly mode: number | null }

/** A parsed tree and who gave which key. */
export type Layers = {
  readonly tree: Readonly<Record<string, unknown>>
  readonly main: Source
  /** Who gave the value at a key path, or the nearest key above it. */
  sourceOf(path: string): Source
}

/** One tree of keys from one source. */
export type Layer = { readonly source: Source; readonly tree: Readonly<Record<string, unknown>> }

/** A file that was read, or the line that says why not. */
export type ReadLayer = { readonly ok: true; readonly layer: Layer } | { readonly ok: false; readonly line: string }

/** The main file and its drop-ins, in the order in which they are laid over each other. */
export function readFiles(mainFile: string): readonly ReadLayer[] {
  const dropIns = `${mainFile.replace(/\.json$/, '')}.d`
  return [mainFile, ...namesIn(dropIns).map((name) => join(dropIns, name))].map(readLayer)
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory)
      .filter((name) => name.endsWith('.json') && !name.startsWith('.'))
      .sort()
  } catch {
    return [] // no drop-ins; a directory that is there but closed to us shows in the journal of whoever put it there
  }
}

function readLayer(file: string): ReadLayer {
  try {
    const json = parseJson(readFileSync(file, 'utf8'))
    if (!json.ok) return { ok: false, line: `${file}: ${json.problem}` }
    if (!isObject(json.value)) return { ok: false, line: `${file}: expected an object in { }` }
    return { ok: true, layer: { source: { name: file, directory: dirname(file), mode: statSync(file).mode }, tree: json.value } }
  } catch (error) {
    return { ok: false, line: whyUnreadable(file, error) }
  }
}

/** Lays trees over each other, later ones on top. */
export function layered(main: Source, layers: readonly Layer[]): Layers {
  const givers = new Map<string, Source>()
  let tree: Readonly<Record<string, unknown>> = {}
  for (const layer of layers) {
    tree = merged(tree, layer.tree)
    for (const path of pathsIn(layer.tree)) givers.set(path, layer.source)
  }
  return { tree, main, sourceOf: (path) => nearestGiver(givers, path) ?? main }
}

function merged(under: Readonly<Record<string, unknown>>, over: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const result: Record<string, unknown> = { ...under }
  for (const [key, value] of Object.entries(over)) {
    const below = Object.hasOwn(under, key) ? under[key] : undefined
    const both = isObject(value) && isObject(below) && !isReference(value)
    Object.defineProperty(result, key, { value: both ? merged(below, value) : value, enumerable: true, writable: true, configurable: true })
  }
  return result
}

/** `{"file": …}` and `{"credential": …}` are values, not sections. */
const isReference = (value: Readonly<Record<string, unknown>>): boolean => 'file' in value || 'credential' in value

function pathsIn(tree: Readonly<Record<string, unknown>>, prefix = ''): readonly string[] {
  return Object.entries(tree).flatMap(([key, value]) => [`${prefix}${key}`, ...(isObject(value) ? pathsIn(value, `${prefix}${key}.`) : [])])
}

function nearestGiver(givers: ReadonlyMap<string, Source>, path: string): Source | undefined {
  for (let rest = path; rest !== ''; rest = rest.replace(/(?:^|[.[])[^.[]*$/, '')) {
    const giver = givers.get(rest)
    if (giver !== undefined) return giver
  }
  return undefined
}
