/**
 * WISPr 1.0 and 2.0 (Wireless ISP roaming): what a login page tells programs in XML, mostly within a comment of its HTML. Its elements
 * are leaves without attributes; nothing else of XML is read, since the text comes from anybody.
 */

/** What a page says to a program. */
export type WisprMessage =
  /** Log in there. */
  | { readonly kind: 'redirect'; readonly loginUrl: URL }
  /** Ask there. */
  | { readonly kind: 'proxy'; readonly nextUrl: URL }
  /** The login is being looked at; the result will be there. */
  | { readonly kind: 'pending'; readonly resultsUrl: URL }
  | { readonly kind: 'accepted' }
  /** `why` is one printable line of the page. */
  | { readonly kind: 'refused'; readonly why: string }

const MESSAGE = { redirect: '100', proxy: '110', login: '120', logoff: '130', result: '140' } as const
const RESPONSE = { none: '0', accepted: '50', pending: '201' } as const
const MOST_LINE_CHARACTERS = 120

/** Reads the message in a page; null where there is none. */
export function parseWispr(text: string, base: URL): WisprMessage | null {
  const body = /<WISPAccessGatewayParam\b[^>]*>([\s\S]*?)<\/WISPAccessGatewayParam\s*>/i.exec(text)?.[1]
  if (body === undefined) return null
  const response = leaf(body, 'ResponseCode')
  switch (leaf(body, 'MessageType')) {
    case MESSAGE.redirect: {
      const loginUrl = urlIn(body, 'LoginURL', base)
      return loginUrl === null || response !== RESPONSE.none ? null : { kind: 'redirect', loginUrl }
    }
    case MESSAGE.proxy: {
      const nextUrl = urlIn(body, 'NextURL', base)
      return nextUrl === null ? null : { kind: 'proxy', nextUrl }
    }
    case MESSAGE.login:
    case MESSAGE.result:
      return readResult(body, response, base)
    default:
      return null
  }
}

function readResult(body: string, response: string | null, base: URL): WisprMessage {
  if (response === RESPONSE.accepted) return { kind: 'accepted' }
  const resultsUrl = response === RESPONSE.pending ? urlIn(body, 'LoginResultsURL', base) : null
  if (resultsUrl !== null) return { kind: 'pending', resultsUrl }
  const reply = leaf(body, 'ReplyMessage') ?? ''
  return {
    kind: 'refused',
    why: `response code ${response ?? 'missing'} ${reply}`
      .replace(/\p{C}+/gu, ' ')
      .trim()
      .slice(0, MOST_LINE_CHARACTERS),
  }
}

function leaf(body: string, name: string): string | null {
  const found = new RegExp(`<${name}\\s*>([^<]*|\\s*<!\\[CDATA\\[([\\s\\S]*?)\\]\\]>\\s*)</${name}\\s*>`, 'i').exec(body)
  if (found === null) return null
  return found[2] ?? plainText(found[1] ?? '').trim()
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

const plainText = (text: string): string => text.replace(/&(amp|lt|gt|quot|apos);/g, (_, name: string) => ENTITIES[name] ?? '')

function urlIn(body: string, name: string, base: URL): URL | null {
  const text = leaf(body, name)
  if (text === null || !URL.canParse(text, base.href)) return null
  const url = new URL(text, base)
  return /^https?:$/.test(url.protocol) ? url : null
}
