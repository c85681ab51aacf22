/** Finding the login page of a hotspot: by its captive-portal API, or by a request in the clear that it intercepts. */
import { CAPTIVE_JSON, parseApiUrl, parseCaptiveState } from './captive-api.ts'
import { fetchPage, type PageAnswer } from './fetch-page.ts'
import { parseWispr, type WisprMessage } from './wispr.ts'

/** Where to look. `probeUrl` is of the cloud's own host: whoever answers there in the clear is not the Cloud API. */
export type PageSearch = { readonly apiUrl: string | null; readonly probeUrl: URL; readonly caPem: string | null }

/** A page: where it is, and how programs log in there, if it says so. */
export type LoginPage = { readonly host: string; readonly wispr: Extract<WisprMessage, { kind: 'redirect' }> | null }

const MOST_HOPS = 5
const HTML = 'text/html, */*;q=0.1'

/** Looks for a page; null where there is none, as far as one can see. */
export async function findPage(search: PageSearch, signal: AbortSignal): Promise<LoginPage | null> {
  const apiUrl = parseApiUrl(search.apiUrl)
  const api = apiUrl === null ? null : await fetchPage({ url: apiUrl, form: null, accept: CAPTIVE_JSON, caPem: search.caPem }, signal)
  const state = api === null ? null : parseCaptiveState(api.text)
  if (state?.isCaptive === false) return null
  const told = state?.page ?? null
  const page = told === null ? null : await follow(told, search, signal)
  return page ?? (await follow(search.probeUrl, search, signal)) ?? (told === null ? null : { host: told.host, wispr: null })
}

/** Follows redirects and WISPr's own, as far as a page that says how to log in, or the last there is. */
async function follow(start: URL, { probeUrl, caPem }: PageSearch, signal: AbortSignal): Promise<LoginPage | null> {
  let url: URL | null = start
  let page: LoginPage | null = null
  for (let hop = 0; url !== null && hop < MOST_HOPS; hop++) {
    const answer: PageAnswer | null = await fetchPage({ url, form: null, accept: HTML, caPem }, signal)
    if (answer === null) return page ?? elsewhere(url, probeUrl)
    const message = parseWispr(answer.text, url)
    if (message?.kind === 'redirect') return { host: message.loginUrl.host, wispr: message }
    page = isPage(answer, probeUrl) ? { host: (answer.location ?? url).host, wispr: null } : page
    url = message?.kind === 'proxy' ? message.nextUrl : answer.location
  }
  return page
}

/** An answer in place of the cloud's: a success, the status that was made for this (RFC 6585), or another host to turn to. */
function isPage({ url, status, location }: PageAnswer, probeUrl: URL): boolean {
  if (location !== null) return location.hostname !== probeUrl.hostname
  return status === 200 || status === 511 || (status < 400 && url.hostname !== probeUrl.hostname)
}

/** Somewhere that we were sent to and that does not answer is a page all the same. */
const elsewhere = (url: URL, probeUrl: URL): LoginPage | null =>
  url.hostname === probeUrl.hostname ? null : { host: url.host, wispr: null }
