/** The sources that the architecture speaks of, read once. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { type BlankedSource, blankSource } from './blank-source.ts'
import { type FoundImport, readImports } from './read-imports.ts'

/** The repository. */
export const ROOT = join(import.meta.dirname, '..', '..')

/** One module; `path` is relative to the repository, `part` is what the import table calls its room. */
export type SourceFile = BlankedSource & {
  readonly path: string
  readonly part: string
  readonly text: string
  readonly imports: readonly FoundImport[]
}

const OWN_PARTS = ['cloud/freeradius', 'scripts/campaign', 'scripts/sim']

/** The part of the house that a path belongs to. */
export function partOf(path: string): string {
  const [top = '', second = ''] = path.split('/')
  const two = `${top}/${second}`
  return top === 'agent' || OWN_PARTS.includes(two) ? two : top
}

/** The path that a relative specifier means, or null for a library. */
export const resolveOurs = (from: string, specifier: string): string | null =>
  specifier.startsWith('.') ? posix.join(posix.dirname(from), specifier) : null

/** Reads every module below the given top-level folders. */
export function readSourceTree(folders: readonly string[]): readonly SourceFile[] {
  return folders.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.[cm]?[jt]sx?$/.test(name))
      .sort()
      .map((name) => {
        const path = `${folder}/${name}`
        const text = readFileSync(join(ROOT, path), 'utf8')
        const blanked = blankSource(text)
        return { path, part: partOf(path), text, imports: readImports(blanked), ...blanked }
      }),
  )
}
