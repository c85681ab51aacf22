import { describe, expect, it } from 'vitest'
import { blankSource } from '../../architecture/blank-source.ts'
import { findCycle } from '../../architecture/find-cycle.ts'
import { objectionTo } from '../../architecture/objection.ts'
import { readImports } from '../../architecture/read-imports.ts'
import { partOf, readSourceTree } from '../../architecture/source-tree.ts'

describe('the reader of sources', () => {
  const importsOf = (source: string): readonly (string | null)[] => readImports(blankSource(source)).map(({ specifier }) => specifier)

  it.each<[string, string, readonly (string | null)[]]>([
    ['a named import', "import { a, type B as C } from './a.ts'", ['./a.ts']],
    ['one over several lines', "import {\n  a,\n  b,\n} from './a.ts'", ['./a.ts']],
    ['a default, a namespace and a side effect', "import a, { b } from 'a'\nimport * as c from \"c\"\nimport 'd'", ['a', 'c', 'd']],
    ['re-exports', "export { a } from './a.ts'\nexport * from './b.ts'\nexport type { C } from './c.ts'", ['./a.ts', './b.ts', './c.ts']],
    ['a dynamic import', "const a = await import('./a.ts')", ['./a.ts']],
    ['a computed import', 'await import(name)', [null]],
    ['an import with a substitution', `await import(\`./\${name}.ts\`)`, [null]],
    ['an import in a type', "type A = import('./a.ts').A", ['./a.ts']],
    ['require and its kin', "require('a'); require.resolve('b'); import.meta.resolve('c'); createRequire(d)", ['a', 'b', 'c', null]],
    ['nothing in a comment', "// import 'a'\n/* import 'b' */\n/** from 'c' */", []],
    ['nothing in a string', `const a = "import 'b'"\nconst c = \`\nimport 'd'\n\``, []],
    ['code within a template', `const a = \`x \${await import('b')} import 'c'\``, ['b']],
    ['nothing in a regular expression', "const a = /import 'b'/\nconst c = x.replace(/['\"`/]/g, '')\nimport 'd'", ['d']],
    ['what follows a division', "const a = b / c\nconst d = e / f\nimport 'g'", ['g']],
    ['what follows nested templates', `const a = \`\${b ? \`\${{ c: '}' }.c}\` : '\`'}\`\nimport 'd'`, ['d']],
    ['a comment between', "import /* x */ { a } /* from 'b' */ from /* y */ 'c'", ['c']],
    ['no export of a value', "export const from = 'a'\nexport const list = { from: 'b' }", []],
    ['no method called import', "a.import('b')", []],
  ])('finds %s', (_, source, specifiers) => {
    expect(importsOf(source)).toEqual(specifiers)
  })

  it('tells an import of types from one that stays', () => {
    const source = "import type { A } from 'a'\nimport { type B } from 'b'\nexport type { C } from 'c'\nimport type from 'd'"
    expect(readImports(blankSource(source)).map(({ types }) => types)).toEqual([true, false, true, false])
  })

  it('keeps every position', () => {
    const files = readSourceTree(['agent', 'test'])
    expect(files.length).toBeGreaterThan(20)
    for (const { path, text: whole, codeOnly, withoutComments } of files) {
      expect([path, codeOnly.length, withoutComments.length]).toEqual([path, whole.length, whole.length])
    }
  })

  it('objects to what the table forbids', () => {
    const file = (path: string) => ({ path, part: partOf(path) })
    const forbidden: readonly [string, string, boolean][] = [
      ['agent/contract/names.ts', '../failure.ts', false],
      ['agent/contract/names.ts', 'node:fs', false],
      ['agent/lifecycle/state.ts', '../ports.ts', false],
      ['agent/credential/secret.ts', '../ports.ts', true],
      ['agent/store/x.ts', '../run.ts', true],
      ['cloud/x.ts', '../agent/failure.ts', false],
      ['config/x.ts', 'pino', false],
      ['agent/main.ts', 'left-pad', false],
      ['agent/main.ts', 'fs', false],
      ['agent/main.ts', './absent.ts', false],
      ['elsewhere/x.ts', '../agent/failure.ts', false],
    ]
    for (const [path, specifier, types] of forbidden)
      expect([path, specifier, objectionTo(file(path), specifier, types)]).not.toContain(null)
    expect(objectionTo(file('agent/lifecycle/state.ts'), '../ports.ts', true)).toBeNull()
  })

  it('finds a cycle, however long, and none where there is none', () => {
    expect(
      findCycle(
        new Map([
          ['a', ['b']],
          ['b', ['c']],
          ['c', []],
        ]),
      ),
    ).toEqual([])
    expect(
      findCycle(
        new Map([
          ['a', ['b', 'c']],
          ['b', []],
          ['c', ['d']],
          ['d', ['c']],
        ]),
      ),
    ).toEqual(['c', 'd', 'c'])
    expect(findCycle(new Map([['a', ['a']]]))).toEqual(['a', 'a'])
  })
})
