/** A JSON text with places for values, made once and filled in for every device. */

const OPEN = '\uE000'
const CLOSE = '\uE001'

/** Stands in a document where a value will be; it is of a private use area, which no config has a use for. */
export const placeFor = (name: string): string => `${OPEN}${name}${CLOSE}`

/** Makes the function that fills in values, each escaped as JSON asks. */
export function textTemplate(document: unknown): (values: Readonly<Record<string, string>>) => string {
  const pieces = `${JSON.stringify(document, null, 2)}\n`.split(/\uE000(.*?)\uE001/)
  return (values) => pieces.map((piece, index) => (index % 2 === 0 ? piece : JSON.stringify(values[piece] ?? '').slice(1, -1))).join('')
}
