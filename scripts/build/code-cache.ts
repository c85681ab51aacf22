/** The agent's bundle with V8's code cache: a small processor then need not compile it at every start. */
import { readFileSync, writeFileSync } from 'node:fs'
import { constants, Script } from 'node:vm'

/** The cache counts for one version of Node on one architecture only; V8's own check does not look at the latter. */
const cacheFileOf = (bundleFile: string): string => `${bundleFile}.${process.version}-${process.arch}.cache`

/** What stands around a bundle, as Node puts it around a CommonJS module. */
export const WRAPPER = ['(function (exports, require, module, __filename, __dirname) {', '\n})'] as const

/** Bundles are ASCII: V8 keeps such a source in one byte a character. */
const readSource = (bundleFile: string): string => readFileSync(bundleFile, 'latin1')

/** Compiles a bundle, from its cache where there is one that fits; V8 refuses one that does not, and compiles as ever. */
export function compileBundle(bundleFile: string): Script {
  return new Script(readSource(bundleFile), {
    filename: bundleFile,
    cachedData: readCache(cacheFileOf(bundleFile)),
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  })
}

/** Writes the cache of a bundle that has run: whatever it used so far is in it. */
export function writeCache(bundleFile: string, script: Script): void {
  writeFileSync(cacheFileOf(bundleFile), script.createCachedData(), { mode: 0o644 })
}

function readCache(file: string): Buffer | undefined {
  try {
    return readFileSync(file)
  } catch {
    return undefined
  }
}
