/** Texts with variables in braces, such as `urn:acme:{id}`: what differs from device to device in certificates and on labels. */
import { type Parsed, parsed, unparsed } from '../../../agent/contract/parsed.ts'

/** Values of one device by name: `id`, `account`, `batch`, and the columns of the line's list of ids. */
export type DeviceValues = Readonly<Record<string, string>>

/** A text in pieces: even ones are as they stand, odd ones are names of variables. */
export type VariableText = readonly string[]

/** Reads a text; a brace that is meant as one is written twice. `names` are the variables there are. */
export function parseVariableText(text: string, names: readonly string[]): Parsed<VariableText> {
  const pieces = ['']
  for (const [token] of text.matchAll(/\{\{|\}\}|\{[^{}]*\}|[{}]|[^{}]+/g)) {
    const name = /^\{([^{}]+)\}$/.exec(token)?.[1]
    if (name !== undefined) {
      if (!names.includes(name)) return unparsed(`there is no variable {${name}}: there are ${names.map((each) => `{${each}}`).join(', ')}`)
      pieces.push(name, '')
    } else if (token === '{{' || token === '}}' || !/[{}]/.test(token)) {
      pieces[pieces.length - 1] += /[{}]/.test(token) ? token.slice(1) : token
    } else {
      return unparsed('a { or } stands alone: name a variable in braces, or write {{ or }} for a brace itself')
    }
  }
  return parsed(pieces)
}

/** The text of one device. */
export const fillIn = (text: VariableText, values: DeviceValues): string =>
  text.length === 1 ? (text[0] ?? '') : text.map((piece, index) => (index % 2 === 0 ? piece : (values[piece] ?? ''))).join('')
