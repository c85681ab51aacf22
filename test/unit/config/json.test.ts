import { describe, expect, it } from 'vitest'
import { parseJson } from '../../../config/json.ts'

describe('parsing JSON', () => {
  it.each(['{}', ' [1, -2.5e3, true, null] ', '{"a": {"b": ["\\u00e9\\n\\"", ""]}}', '"x"', '0'])(
    'takes %s as JSON.parse does',
    (source) => {
      expect(parseJson(source)).toEqual({ ok: true, value: JSON.parse(source) })
    },
  )

  it.each([
    ['', 'line 1, column 1: the text ends too early: expected a value'],
    ['{"a": 1,\n "b" 2}', 'line 2, column 6: expected :'],
    ['{"a": 1,}', 'line 1, column 9: expected a text in quotes'],
    ['[1, 2,\n]', 'line 2, column 1: expected a value'],
    ['[1\n2]', 'line 2, column 1: expected , or ]'],
    ['{"a": "b', 'line 1, column 7: expected a text in quotes'],
    ['{"a": "b\tc"}', 'line 1, column 7: a control character'],
    ["{'a': 1}", 'line 1, column 2: expected a text in quotes'],
    ['{"a": 01}', 'line 1, column 8: expected , or }'],
    ['{"a": nul}', 'line 1, column 7: expected a value'],
    ['{} x', 'line 1, column 4: something follows the end'],
    ['// note\n{}', 'line 1, column 1: expected a value'],
  ])('finds the mistake in %j', (source, problem) => {
    const result = parseJson(source)
    expect(result).toEqual({ ok: false, problem: expect.stringContaining(problem) })
    expect(() => JSON.parse(source)).toThrow()
  })

  it('refuses a key that stands twice in one object, which JSON.parse would take', () => {
    const problem = expect.stringContaining('line 1, column 25: this key stands twice')
    expect(parseJson('{"a": 1, "b": {"a": 2}, "\\u0061": 3}')).toEqual({ ok: false, problem })
  })

  it('refuses a text nested too deep, without falling over', () => {
    expect(parseJson('['.repeat(200_000))).toEqual({ ok: false, problem: 'not JSON' })
  })
})
