/** Finds what a module imports: static, re-exported, dynamic, in a type, by require. */
import type { BlankedSource } from './blank-source.ts'

/** One import. `types` is an `import type`, which leaves nothing behind; `specifier` is null where it is not a plain string. */
export type FoundImport = { readonly specifier: string | null; readonly types: boolean; readonly line: number }

const STATIC = /(?<![.\w$])(?:import|export)\s+(type\s+(?!from\b))?(?:[\w$*{}\s,]|\bas\b)*?\bfrom\s*(?=['"])/g
const SIDE_EFFECT = /(?<![.\w$])import\s*(?=['"])/g
const CALL = /(?<![.\w$])(?:import|require)\s*\(\s*/g
const LOOKUP = /(?<![\w$])(?:import\.meta\.resolve|require\.resolve|createRequire)\s*\(\s*/g

const STRING_HERE = /'([^'\n]*)'|"([^"\n]*)"|`([^`$\n]*)`/y

/** Reads all imports of a module, in the order of the file. */
export function readImports(source: BlankedSource): readonly FoundImport[] {
  const found: { at: number; types: boolean; from: number }[] = []
  for (const pattern of [STATIC, SIDE_EFFECT, CALL, LOOKUP]) {
    for (const match of source.codeOnly.matchAll(pattern)) {
      found.push({ at: match.index, types: pattern === STATIC && match[1] !== undefined, from: match.index + match[0].length })
    }
  }
  found.sort((a, b) => a.at - b.at)
  return found.map(({ at, types, from }) => {
    STRING_HERE.lastIndex = from
    const text = STRING_HERE.exec(source.withoutComments)
    const line = source.codeOnly.slice(0, at).split('\n').length
    return { specifier: text === null ? null : (text[1] ?? text[2] ?? text[3] ?? ''), types, line }
  })
}
