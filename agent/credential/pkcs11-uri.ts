/** A `pkcs11:` URI (RFC 7512) that names a private key in a token. */
import { type Parsed, parsed, unparsed } from '../contract/parsed.ts'

/** Path attributes of RFC 7512 §2.3 that may name a key; the engine and wpa_supplicant know them all. */
const ATTRIBUTES = [
  'token',
  'manufacturer',
  'serial',
  'model',
  'library-manufacturer',
  'library-version',
  'library-description',
  'object',
  'type',
  'id',
  'slot-manufacturer',
  'slot-description',
  'slot-id',
]

const SCHEME = 'pkcs11:'
const MAX_CHARACTERS = 512
/** `pk11-pchar` of RFC 7512: unreserved, some reserved, or percent-encoded. */
const VALUE = /^(?:[A-Za-z0-9\-._~:[\]@!$'()*+,=&]|%[0-9A-Fa-f]{2})+$/

/** Whether a text means to be such a URI. */
export const looksLikePkcs11Uri = (text: string): boolean => text.startsWith(SCHEME)

/** Reads it; the reason why it is none does not quote it. The URI given back always says that a private key is meant. */
export function parsePkcs11Uri(text: string): Parsed<string> {
  if (!looksLikePkcs11Uri(text)) return unparsed('expected a URI that begins with pkcs11:')
  if (text.length > MAX_CHARACTERS) return unparsed(`a pkcs11: URI has at most ${MAX_CHARACTERS} characters here`)
  const [path = '', query] = text.slice(SCHEME.length).split('?')
  if (query !== undefined) return unparsed(whyNoQuery(query))
  const pairs = path.split(';').filter((pair) => pair !== '')
  const names = pairs.map((pair) => pair.split('=', 1)[0] ?? '')
  const bad = pairs.findIndex((pair, at) => !VALUE.test(pair.slice((names[at] ?? '').length + 1)))
  if (bad >= 0) return unparsed(`the value of attribute ${bad + 1} is missing, or not percent-encoded (RFC 7512)`)
  const unknown = names.findIndex((name) => !ATTRIBUTES.includes(name))
  if (unknown >= 0) return unparsed(`attribute ${unknown + 1} is none of ${ATTRIBUTES.join(', ')}`)
  if (new Set(names).size < names.length) return unparsed('an attribute stands there twice')
  if (!names.includes('object') && !names.includes('id')) return unparsed('names no key: add object= (its label) or id=')
  const type = pairs.find((pair) => pair.startsWith('type='))
  if (type !== undefined && type !== 'type=private') return unparsed('names no private key: its type is private')
  return parsed(SCHEME + [...pairs.filter((pair) => pair !== type), 'type=private'].join(';'))
}

function whyNoQuery(query: string): string {
  if (/(^|&)pin-/.test(query)) return 'holds a PIN or where it is: give that as pin beside privateKey'
  return 'nothing may follow ?: the module is the one that p11-kit knows, or PKCS11_MODULE_PATH of the units of agent and wpa_supplicant'
}
