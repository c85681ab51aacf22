import { describe, expect, it } from 'vitest'
import { membersOf } from '../../../config/json-members.ts'

const EVIL = '{"a":[{"\\u0061":"}]{\\"b\\":1}"},[],{}],\n\t"b" : {"c":-1.5e3 , "d":[true,null,"x:y,z"]},"":{}}'

describe('the members of a JSON text', () => {
  it.each([
    '{}',
    '[]',
    '"x"',
    '0',
    '{"a":1}',
    '[{"a":{}},{"a":[]}]',
    EVIL,
    JSON.stringify(JSON.parse(EVIL), null, '\t'),
    JSON.stringify(JSON.parse(EVIL), null, 3).replaceAll('\n', '\r\n'),
  ])('stand where they are said to stand: %j', (source) => {
    const members = membersOf(source)
    for (const { path, start, nameEnd, valueStart, end } of members) {
      expect(JSON.parse(source.slice(start, nameEnd))).toBe(path.at(-1))
      expect(source.slice(nameEnd, valueStart)).toMatch(/^\s*:\s*$/)
      const value = path.reduce<unknown>((node, key) => (node as Record<string | number, unknown>)[key], JSON.parse(source))
      expect(JSON.parse(source.slice(valueStart, end))).toEqual(value)
    }
    const count = (value: unknown): number =>
      typeof value !== 'object' || value === null
        ? 0
        : Object.values(value).reduce<number>((sum, each) => sum + count(each), Array.isArray(value) ? 0 : Object.keys(value).length)
    expect(members).toHaveLength(count(JSON.parse(source)))
  })
})
