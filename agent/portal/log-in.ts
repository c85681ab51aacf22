/** Logging in at a page by WISPr. The password goes to the server that the profile names, over TLS, and nowhere else. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { PageLogin } from '../credential/hotspot.ts'
import { AgentError } from '../failure.ts'
import { fetchPage, type PageRequest } from './fetch-page.ts'
import { parseWispr, type WisprMessage } from './wispr.ts'

const MOST_HOPS = 6
const RESULT_EVERY_MS = 1_000
const HTML = 'text/html, */*;q=0.1'

/** Logs in; ends where the page accepted or said nothing to programs, and throws where it refused or must not be told. */
export async function logIn(loginUrl: URL, login: PageLogin, originatingUrl: URL, signal: AbortSignal): Promise<void> {
  const objection = whyNotTold(loginUrl, login)
  if (objection !== null) throw new AgentError('ERR_WIFI_LOGIN_PAGE', objection)
  const form = {
    button: 'Login',
    UserName: login.username,
    Password: login.password.reveal(),
    FNAME: '0',
    OriginatingServer: originatingUrl.href,
  }
  let request: PageRequest = { url: loginUrl, form, accept: HTML, caPem: login.caPem }
  for (let hop = 0; hop < MOST_HOPS; hop++) {
    const answer = await fetchPage(request, signal)
    if (answer === null)
      throw new AgentError('ERR_WIFI_LOGIN_PAGE', `the login page at ${request.url.host} did not answer, or by another certificate`)
    const message = parseWispr(answer.text, answer.url)
    if (message?.kind === 'refused') throw new AgentError('ERR_WIFI_LOGIN_REFUSED', `the login page at ${request.url.host}: ${message.why}`)
    const next = nextUrl(message) ?? answer.location
    if (message?.kind === 'accepted' || next === null) return
    if (message?.kind === 'pending') await sleep(RESULT_EVERY_MS, undefined, { signal })
    request = { ...request, url: next, form: null }
  }
}

const nextUrl = (message: WisprMessage | null): URL | null =>
  message?.kind === 'pending' ? message.resultsUrl : message?.kind === 'proxy' ? message.nextUrl : null

/** Anyone can have a certificate by a public CA for a name of his own, and any twin can send us there. */
function whyNotTold(url: URL, login: PageLogin): string | null {
  const isNamed = url.hostname === login.serverName || url.hostname.endsWith(`.${login.serverName}`)
  if (!isNamed) return `the login page sends to ${url.host}, which is not ${login.serverName} of the profile: nothing was sent`
  if (url.protocol !== 'https:' && !login.allowUnencrypted) return `the login at ${url.host} is not encrypted: nothing was sent`
  return null
}
