/** Where the members of objects stand in a JSON text, so that one of them can be replaced and every other byte stays as it is. */

/** A member: the names and indices that lead to it, and its places in the text; it starts with its name's quote and ends with its value. */
export type JsonMember = {
  readonly path: readonly (string | number)[]
  readonly start: number
  readonly nameEnd: number
  readonly valueStart: number
  readonly end: number
}

type Token = { readonly text: string; readonly start: number; readonly end: number }

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g
const END: Token = { text: '', start: 0, end: 0 }

/** Every member of every object in a text that is known to be JSON, outer ones after the members within them. */
export function membersOf(source: string): readonly JsonMember[] {
  const tokens: readonly Token[] = [...source.matchAll(TOKEN)].map(({ 0: text, index }) => ({
    text,
    start: index,
    end: index + text.length,
  }))
  const members: JsonMember[] = []
  let next = 0
  const take = (): Token => tokens[next++] ?? END
  const follows = (text: string): boolean => tokens[next]?.text === text

  /** Goes over one value; gives where it ends. */
  const value = (path: readonly (string | number)[]): number => {
    const { text, end } = take()
    switch (text) {
      case '{':
        return items('}', () => {
          const name = take()
          take() // the colon
          const inner = [...path, nameOf(name.text)]
          const valueStart = tokens[next]?.start ?? name.end
          members.push({ path: inner, start: name.start, nameEnd: name.end, valueStart, end: value(inner) })
        })
      case '[':
        return items(']', (index) => void value([...path, index]))
      default:
        return end
    }
  }
  const items = (close: '}' | ']', item: (index: number) => void): number => {
    for (let index = 0; !follows(close); index++) {
      item(index)
      if (follows(',')) take()
    }
    return take().end
  }
  value([])
  return members
}

const nameOf = (quoted: string): string => String(JSON.parse(quoted))
