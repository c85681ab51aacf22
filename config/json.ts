/**
 * JSON with problems that name line and column and never quote the text, which may hold secrets (V8's own messages do quote it).
 * A key that stands twice in one object is refused: JSON.parse would silently drop the first.
 */
import { type Parsed, parsed, unparsed } from '../agent/contract/parsed.ts'

/** Parses JSON (RFC 8259), strict. */
export function parseJson(source: string): Parsed<unknown> {
  const scan = new Scan(source)
  try {
    scan.document()
    const value: unknown = JSON.parse(source)
    return parsed(value)
  } catch (error) {
    if (error instanceof Complaint) return unparsed(`${placeOf(source, error.offset)}: ${error.message}`)
    return unparsed('not JSON')
  }
}

class Complaint extends Error {
  readonly offset: number
  constructor(offset: number, message: string) {
    super(message)
    this.offset = offset
  }
}

function placeOf(source: string, offset: number): string {
  const before = source.slice(0, offset).split('\n')
  return `line ${before.length}, column ${(before.at(-1) ?? '').length + 1}`
}

const STRING = /"(?:[^"\\\n]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y
const SCALAR = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null/y
const SPACE = /[ \t\r\n]*/y

/** Walks the text once; it only finds the place of a mistake, JSON.parse makes the value. */
class Scan {
  readonly #source: string
  #offset = 0

  constructor(source: string) {
    this.#source = source
  }

  document(): void {
    this.#value()
    if (this.#offset < this.#source.length) throw this.#complaint('something follows the end of the JSON: remove it')
  }

  #value(): void {
    this.#take(SPACE)
    const first = this.#source[this.#offset]
    if (first === '{') this.#object()
    else if (first === '[') this.#array()
    else if (first === '"') this.#string()
    else if (this.#take(SCALAR) === null)
      throw this.#complaint('expected a value: a text in quotes, a number, true, false, null, { } or [ ]')
    this.#take(SPACE)
  }

  #object(): void {
    const keys = new Set<string>()
    this.#members('}', () => {
      this.#take(SPACE)
      const start = this.#offset
      const key = this.#string()
      if (keys.has(key)) throw new Complaint(start, 'this key stands twice in the same object: remove one')
      keys.add(key)
      this.#take(SPACE)
      this.#expect(':')
      this.#value()
    })
  }

  #array(): void {
    this.#members(']', () => this.#value())
  }

  #members(end: string, member: () => void): void {
    this.#offset += 1
    this.#take(SPACE)
    if (this.#skip(end)) return
    do member()
    while (this.#skip(','))
    if (!this.#skip(end)) throw this.#complaint(`expected , or ${end}`)
  }

  #string(): string {
    const found = this.#take(STRING)
    if (found === null) throw this.#complaint('expected a text in quotes, with \\ before a quote or a backslash inside')
    try {
      return String(JSON.parse(found))
    } catch {
      throw new Complaint(this.#offset - found.length, 'a control character stands in this text: write it as \\t, \\n or \\u….')
    }
  }

  #expect(character: string): void {
    if (!this.#skip(character)) throw this.#complaint(`expected ${character}`)
  }

  #skip(character: string): boolean {
    if (this.#source[this.#offset] !== character) return false
    this.#offset += 1
    return true
  }

  #take(pattern: RegExp): string | null {
    const sticky = new RegExp(pattern)
    sticky.lastIndex = this.#offset
    const found = sticky.exec(this.#source)?.[0] ?? null
    this.#offset += found?.length ?? 0
    return found
  }

  #complaint(message: string): Complaint {
    const atEnd = this.#offset >= this.#source.length
    return new Complaint(this.#offset, atEnd ? `the text ends too early: ${message}` : message)
  }
}
