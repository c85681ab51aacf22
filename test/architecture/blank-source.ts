/**
 * Tells code from what only looks like code. The TypeScript compiler has no JS API any more, so this reads just enough of the
 * grammar: comments, strings, templates (nested) and regular expressions. Positions stay, so that views can be compared.
 */

/** Two views of one file, both as long as the file. */
export type BlankedSource = {
  /** Comments are spaces. */
  readonly withoutComments: string
  /** Comments, and what stands inside strings, templates and regular expressions, are spaces; their quotes stay. */
  readonly codeOnly: string
}

const spaces = (text: string): string => text.replace(/[^\n]/g, ' ')

const LINE_COMMENT = /\/\/[^\n]*/y
const BLOCK_COMMENT = /\/\*[\s\S]*?\*\//y
const STRING = /'(?:[^'\\\n]|\\[\s\S])*'|"(?:[^"\\\n]|\\[\s\S])*"/y
const REGEX = /\/(?:[^/\\[\n]|\\[^\n]|\[(?:[^\]\\\n]|\\[^\n])*\])+\/[a-z]*/y
const TEMPLATE_TEXT = /(?:[^`\\$]|\\[\s\S]|\$(?!\{))*/y
const CODE = /[^'"`/{}]+/y

/** After an operator or one of these words a slash begins a regular expression; after a value it divides. */
const BEFORE_REGEX = /(?:^|[(,=:[!&|?{};+\-*%~^<>]|\b(?:return|typeof|case|in|of|do|else|void|await|yield))\s*$/

/** Blanks what is not code. */
export function blankSource(source: string): BlankedSource {
  let withoutComments = ''
  let codeOnly = ''
  let at = 0
  // For each open `${`, how many braces are open within it.
  const openBraces: number[] = []

  const take = (pattern: RegExp): string | null => {
    pattern.lastIndex = at
    const found = pattern.exec(source)?.[0] ?? null
    at += found?.length ?? 0
    return found
  }
  const keep = (text: string): void => {
    withoutComments += text
    codeOnly += text
  }
  const quote = (text: string): void => {
    withoutComments += text
    codeOnly += text.slice(0, 1) + spaces(text.slice(1, -1)) + text.slice(-1)
  }
  const templateText = (): void => {
    const text = take(TEMPLATE_TEXT) ?? ''
    withoutComments += text
    codeOnly += spaces(text)
    const opens = source.startsWith('${', at)
    const end = opens ? '${' : source.slice(at, at + 1)
    keep(end)
    at += end.length
    if (opens) openBraces.push(0)
  }
  const brace = (character: string): void => {
    keep(character)
    at += 1
    const depth = openBraces.pop()
    if (depth === undefined) return
    if (character === '}' && depth === 0) templateText()
    else openBraces.push(depth + (character === '{' ? 1 : -1))
  }

  while (at < source.length) {
    const comment = take(LINE_COMMENT) ?? take(BLOCK_COMMENT)
    if (comment !== null) {
      keep(spaces(comment))
      continue
    }
    const quoted = take(STRING) ?? (BEFORE_REGEX.test(codeOnly.slice(-40)) ? take(REGEX) : null)
    if (quoted !== null) {
      quote(quoted)
      continue
    }
    const character = source.slice(at, at + 1)
    if (character === '`') {
      keep(character)
      at += 1
      templateText()
    } else if (character === '{' || character === '}') {
      brace(character)
    } else {
      const code = take(CODE)
      keep(code ?? character)
      if (code === null) at += 1
    }
  }
  return { withoutComments, codeOnly }
}
