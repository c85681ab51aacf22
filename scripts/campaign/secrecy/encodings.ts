/** How a secret may look where it does not belong: as it is, in hexadecimal, in base64, and in what surrounds these. */

/** One look. A number is the place of the secret's first byte within a group of three, which base64 depends on. */
export const ENCODINGS = [
  'raw',
  'hex',
  'HEX',
  'hex dump',
  'base64+0',
  'base64+1',
  'base64+2',
  'base64url+0',
  'base64url+1',
  'base64url+2',
] as const

/** One of them. */
export type Encoding = (typeof ENCODINGS)[number]

/** The part of the encoded value that does not depend on what stands around it. */
export function encode(encoding: Encoding, value: Buffer): Buffer {
  switch (encoding) {
    case 'raw':
      return value
    case 'hex':
      return Buffer.from(value.toString('hex'))
    case 'HEX':
      return Buffer.from(value.toString('hex').toUpperCase())
    case 'hex dump':
      return Buffer.from(
        value
          .toString('hex')
          .replace(/../g, (pair) => `${pair} `)
          .trimEnd(),
      )
    case 'base64+0':
    case 'base64+1':
    case 'base64+2':
      return stablePart(value, 'base64', offsetOf(encoding))
    case 'base64url+0':
    case 'base64url+1':
    case 'base64url+2':
      return stablePart(value, 'base64url', offsetOf(encoding))
  }
}

const offsetOf = (encoding: Encoding): number => Number(encoding.at(-1))

/** Each character of base64 stands for six bits; those that also stand for bits of a neighbour are left out. */
function stablePart(value: Buffer, alphabet: 'base64' | 'base64url', before: number): Buffer {
  const text = Buffer.concat([Buffer.alloc(before), value]).toString(alphabet)
  return Buffer.from(text.slice(Math.ceil((before * 8) / 6), Math.floor(((before + value.length) * 8) / 6)))
}

/** The encoded value as somebody would really write it: in base64, something may stand before it and after it in the same text. */
export function encodeAmongOthers(encoding: Encoding, value: Buffer): Buffer {
  switch (encoding) {
    case 'raw':
    case 'hex':
    case 'HEX':
    case 'hex dump':
      return encode(encoding, value)
    case 'base64+0':
    case 'base64+1':
    case 'base64+2':
      return Buffer.from(Buffer.concat([Buffer.alloc(offsetOf(encoding), 'i:'), value, Buffer.from('!')]).toString('base64'))
    case 'base64url+0':
    case 'base64url+1':
    case 'base64url+2':
      return Buffer.from(Buffer.concat([Buffer.alloc(offsetOf(encoding), 'i:'), value, Buffer.from('!')]).toString('base64url'))
  }
}
