/** Holds one import against the import table. */
import { existsSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { join } from 'node:path'
import { IMPORT_RULES, LIBRARY_DOORS } from './import-rules.ts'
import { partOf, ROOT, resolveOurs, type SourceFile } from './source-tree.ts'

const isNodeModule = (specifier: string): boolean => specifier.startsWith('node:') || builtinModules.includes(specifier)
const packageOf = (specifier: string): string => specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')

/** Why a file may not import something, or null where it may. */
export function objectionTo(file: Pick<SourceFile, 'path' | 'part'>, specifier: string, types: boolean): string | null {
  const rule = IMPORT_RULES[file.part]
  if (rule === undefined) return `the import table knows no ${file.part}`
  const ours = resolveOurs(file.path, specifier)
  if (ours !== null) {
    const part = partOf(ours)
    if (!existsSync(join(ROOT, ours))) return 'no such file'
    if (part === file.part || rule.parts.includes(part)) return null
    if (rule.parts.includes('agent/*') && part.startsWith('agent/')) return null
    return types && rule.typesFrom?.includes(part)
      ? null
      : `${file.part} may not import ${part}${types ? '' : ' (other than types, where allowed)'}`
  }
  if (isNodeModule(specifier)) {
    if (!specifier.startsWith('node:')) return 'write the node: prefix'
    return rule.node === 'any' || rule.node.includes(specifier) ? null : `${file.part} may not import ${specifier}`
  }
  const doors = LIBRARY_DOORS[packageOf(specifier)]
  if (doors === undefined) return `${packageOf(specifier)} has no door in the architecture`
  return types || doors.some((door) => (door.endsWith('/') ? file.path.startsWith(door) : file.path === door))
    ? null
    : `${packageOf(specifier)} enters by ${doors.join(', ')} only`
}
