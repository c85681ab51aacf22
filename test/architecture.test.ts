import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { FAILURES } from '../agent/failure.ts'
import { withFailureTable } from '../scripts/readme/failure-table.ts'
import { findCycle } from './architecture/find-cycle.ts'
import { IMPORT_RULES } from './architecture/import-rules.ts'
import { objectionTo } from './architecture/objection.ts'
import { ROOT, readSourceTree, resolveOurs, type SourceFile } from './architecture/source-tree.ts'

const MAX_LINES = 300

const files = readSourceTree(['agent', 'config', 'cloud', 'scripts'])
const typescript = files.filter(({ path }) => path.endsWith('.ts'))

/** Each place where a pattern stands in a view of the sources. */
const places = (from: readonly SourceFile[], view: (file: SourceFile) => string, pattern: RegExp): readonly string[] =>
  from.flatMap((file) =>
    view(file)
      .split('\n')
      .flatMap((line, index) => (pattern.test(line) ? [`${file.path}:${index + 1}: ${line.trim()}`] : [])),
  )

const code = (file: SourceFile): string => file.codeOnly
const text = (file: SourceFile): string => file.text

describe('the imports', () => {
  it('were really read: enough files, in every room that exists', () => {
    expect(files.length).toBeGreaterThan(20)
    const rooms = new Set(files.map(({ part }) => part))
    for (const part of ['agent/contract', 'agent/credential', 'agent/failure.ts', 'agent/ports.ts', 'scripts'])
      expect(rooms).toContain(part)
    for (const part of Object.keys(IMPORT_RULES)) {
      const folder = join(ROOT, part)
      if (!part.endsWith('.ts') && existsSync(folder)) expect([part, rooms.has(part)]).toEqual([part, true])
    }
    const importing = typescript.filter((file) => file.imports.length > 0)
    expect(importing.length).toBeGreaterThan(typescript.length / 2)
  })

  it('agree with a plain count of lines that begin with import', () => {
    for (const file of typescript) {
      const lines = file.codeOnly.split('\n').filter((line) => /^import\b(?!\s*[.(])/.test(line)).length
      const found = file.imports.filter(({ line }) => /^import\b(?!\s*[.(])/.test(file.codeOnly.split('\n')[line - 1] ?? '')).length
      expect([file.path, found]).toEqual([file.path, lines])
    }
  })

  it('keep to the table of who may import whom', () => {
    const objections = files.flatMap((file) =>
      file.imports.flatMap(({ specifier, types, line }) => {
        const why = specifier === null ? 'an import must name its module' : objectionTo(file, specifier, types)
        return why === null ? [] : [`${file.path}:${line}: ${specifier ?? '(computed)'}: ${why}`]
      }),
    )
    expect(objections).toEqual([])
  })

  it('form no cycle', () => {
    const graph = new Map(
      files.map((file) => [file.path, file.imports.flatMap(({ specifier }) => resolveOurs(file.path, specifier ?? '') ?? [])]),
    )
    expect(findCycle(graph)).toEqual([])
  })
})

describe('the sources', () => {
  it('have no barrel', () => {
    expect(files.filter(({ path }) => /(^|\/)index\.[^/]+$/.test(path)).map(({ path }) => path)).toEqual([])
    expect(places(typescript, code, /^export \*/)).toEqual([])
  })

  it.each<[string, RegExp, (file: SourceFile) => string]>([
    ['any', /(?<![.\w$-])any(?![\w$-]|\s*:)/, code],
    ['a non-null assertion', /[\w$)\]]!(?!=)/, code],
    ['a cast through unknown', /\bas unknown as\b/, code],
    ['state in a module', /^(export )?(let|var)\b/, code],
    ['a suppressed compiler error', /@ts-(ignore|expect-error|nocheck)/, text],
    ['an unfinished place', /\b(TODO|FIXME|XXX|HACK)\b/, text],
    // Only systemd may be called a service manager: it is its own word for itself (sd_notify(3)).
    [
      'a name that says nothing',
      /^export .*\b(?:class|type|interface|const|function) (?!\w*ServiceManager\b)\w*(Manager|Helper|Utils?|Impl)\b/,
      code,
    ],
  ])('never hold %s', (_, pattern, view) => {
    expect(places(typescript, view, pattern)).toEqual([])
  })

  it('explain each export in a comment above it', () => {
    const bare = typescript.flatMap((file) => {
      const lines = file.text.split('\n')
      return lines.flatMap((line, index) => {
        const name = /^export (?:declare |abstract |async )*(?:const|function\*?|class|type|interface|enum) ([\w$]+)/.exec(line)?.[1]
        const above = lines[index - 1] ?? ''
        const isOverload = new RegExp(`^export (async )?function ${name}\\b`).test(above)
        return name === undefined || /\*\/\s*$/.test(above) || isOverload ? [] : [`${file.path}:${index + 1}: ${name}`]
      })
    })
    expect(bare).toEqual([])
  })

  it(`are short: at most ${MAX_LINES} lines a file`, () => {
    const long = files
      .map(({ path, text }) => ({ path, lines: text.trimEnd().split('\n').length }))
      .filter(({ lines }) => lines > MAX_LINES)
    expect(long).toEqual([])
  })

  it('of the pure rooms have no clock, no chance and no world', () => {
    const pure = typescript.filter(({ part }) => part === 'agent/lifecycle' || part === 'agent/credential')
    expect(pure.length).toBeGreaterThan(5)
    const impure =
      /(?<![.\w$])(Date|Math\.random|performance|setTimeout|setInterval|setImmediate|fetch|process|console|globalThis)\b(?!\s*:)/
    expect(places(pure, code, impure)).toEqual([])
  })

  it('of the daemon can be bundled as CommonJS', () => {
    const bundled = typescript.filter(({ path }) => /^(agent|config)\//.test(path))
    expect(places(bundled, code, /\bimport\.meta\b/)).toEqual([])
  })
})

describe('the README', () => {
  it('shows the failure table that the agent acts on', () => {
    const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')
    expect(Object.keys(FAILURES).length).toBeGreaterThan(20)
    expect(readme, 'run npm run readme').toBe(withFailureTable(readme))
    for (const [failureCode, { disposition, remedy }] of Object.entries(FAILURES)) {
      expect(readme).toContain(`| \`${failureCode}\` | ${disposition} | ${remedy} |`)
    }
  })
})
