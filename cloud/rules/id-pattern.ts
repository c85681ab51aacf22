/** Patterns for device ids: `*` is any run of characters, `?` is one, anything else is itself. No pattern takes long to match. */
import { type Parsed, parsed, unparsed } from '../../agent/contract/parsed.ts'

const PATTERN = /^[A-Za-z0-9_.*?-]{1,127}$/

/** Reads a pattern, or a plain device id, which is a pattern that matches itself. */
export const parseIdPattern = (text: string): Parsed<string> =>
  PATTERN.test(text) ? parsed(text) : unparsed('a pattern is 1 to 127 of the characters of a device id, * and ?')

/** Whether the pattern matches the whole id. On a mismatch only the last `*` takes one more: at most length × length steps. */
export function matchesIdPattern(pattern: string, id: string): boolean {
  let p = 0
  let i = 0
  let star = -1
  let starMatchedTo = 0
  while (i < id.length) {
    if (pattern[p] === '*') {
      star = p++
      starMatchedTo = i
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === id[i])) {
      p++
      i++
    } else if (star >= 0) {
      p = star + 1
      i = ++starMatchedTo
    } else {
      return false
    }
  }
  while (pattern[p] === '*') p++
  return p === pattern.length
}
