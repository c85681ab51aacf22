import { describe, expect, test } from 'vitest'
import { matchesIdPattern, parseIdPattern } from '../../../../cloud/rules/id-pattern.ts'

describe('a pattern for device ids', () => {
  test.each([
    ['*', 'anything-1', true],
    ['*', '', true],
    ['SN-1', 'SN-1', true],
    ['SN-1', 'SN-12', false],
    ['SN-1', 'sn-1', false],
    ['SN-*', 'SN-', true],
    ['SN-*', 'XSN-1', false],
    ['SN-??', 'SN-12', true],
    ['SN-??', 'SN-1', false],
    ['*-rev2', 'SN-1-rev2', true],
    ['*-rev2', 'SN-1-rev2x', false],
    ['a*b*c', 'a-b-b-c', true],
    ['a*b*c', 'a-c-b', false],
    ['a**c', 'abc', true],
    ['v1.2', 'v1x2', false],
  ])('%s against %s: %s', (pattern, id, matches) => {
    expect(matchesIdPattern(pattern, id)).toBe(matches)
  })

  test('takes no longer for a pattern made to be slow', () => {
    const startedMs = performance.now()
    for (let run = 0; run < 1000; run++) matchesIdPattern(`${'*a'.repeat(60)}b`, 'a'.repeat(63))
    expect(performance.now() - startedMs).toBeLessThan(2000)
  })

  test.each(['', 'a b', 'a/b', '[a-z]', '(a|b)', 'ä', 'a'.repeat(128)])('%j is none', (text) => {
    expect(parseIdPattern(text).ok).toBe(false)
  })
})
