/** A JSON text with places for values, made once and filled in for every device. */
import { GatheredText } from './gathered-text.ts'

const OPEN = '\uE000'
const CLOSE = '\uE001'

/** Stands in a document where a value will be; it is of a private use area, which no config has a use for. */
export const placeFor = (name: string): string => `${OPEN}${name}${CLOSE}`

/** Makes the function that fills in values, which stand in the text as they are. What it gives is good until it is called again. */
export function textTemplate(document: unknown): (values: Readonly<Record<string, string>>) => Uint8Array {
  const [first = '', ...rest] = `${JSON.stringify(document, null, 2)}\n`.split(/\uE000(.*?)\uE001/)
  const places = rest.flatMap((piece, index) =>
    index % 2 === 0 ? [{ name: piece, after: Buffer.from(rest[index + 1] ?? '', 'utf8') }] : [],
  )
  const before = Buffer.from(first, 'utf8')
  const text = new GatheredText()
  return (values) => {
    text.clear()
    text.addBytes(before)
    for (const { name, after } of places) {
      text.add(values[name] ?? '')
      text.addBytes(after)
    }
    return text.bytes
  }
}
