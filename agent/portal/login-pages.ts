/**
 * The LoginPages port: is the cloud reachable over a link that was just joined, and if not, is there a login page in between? The
 * cloud's own TLS is the truth; requests in the clear only find the page.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { isPlain, type PageLogin } from '../credential/hotspot.ts'
import { AgentError } from '../failure.ts'
import type { Log } from '../log.ts'
import type { Link, LoginPages } from '../ports.ts'
import { findPage, type LoginPage } from './find-page.ts'
import { logIn } from './log-in.ts'

/** What the adapter needs. `reachCloud` ends when the Cloud API has proved itself, and sends it nothing. */
export type LoginPagesOptions = {
  readonly cloudUrl: string
  readonly reachCloud: (signal: AbortSignal) => Promise<unknown>
  readonly log: Log
  /** Other values for tests: the port of a probe, and how long the cloud may take before a page is looked for. */
  readonly probePort?: number
  readonly patienceMs?: number
}

const HTTP_PORT = 80
/** A cloud that is reachable answers sooner, mostly. */
const PATIENCE_MS = 1_500
/** Gateways open a moment after they said so. */
const OPENING_MS = [0, 500, 1_000, 2_000] as const

/** Makes the adapter. */
export function createLoginPages(options: LoginPagesOptions): LoginPages {
  const { reachCloud, log, patienceMs = PATIENCE_MS } = options
  const isReachable = (signal: AbortSignal): Promise<boolean> =>
    reachCloud(signal).then(
      () => true,
      (error: unknown) => {
        if (error instanceof AgentError) return false
        throw error
      },
    )
  return {
    pass: async (link, signal) => {
      const ended = new AbortController()
      const both = AbortSignal.any([signal, ended.signal])
      try {
        const reaching = isReachable(both)
        if (await Promise.race([reaching, sleep(patienceMs, false, { signal: both })])) return
        const page = await findPage(searchOf(options, link), both)
        // Without a page in sight the call of the Cloud API will tell what is wrong.
        if (page === null || (await Promise.race([reaching, Promise.resolve(false)]))) return
        await passPage(page, link, options, both)
        for (const delayMs of OPENING_MS) {
          await sleep(delayMs, undefined, { signal: both })
          if (await isReachable(both))
            return void log.info({ event: 'login-page-passed', host: page.host }, `passed the login page at ${page.host}`)
        }
        throw new AgentError('ERR_WIFI_LOGIN_PAGE', `the login page at ${page.host} accepted, and the cloud is not reachable all the same`)
      } finally {
        ended.abort(new Error('the search is over'))
      }
    },
  }
}

function searchOf({ cloudUrl, probePort = HTTP_PORT }: LoginPagesOptions, { captiveApi, bss }: Link) {
  const probeUrl = new URL('/', cloudUrl)
  probeUrl.protocol = 'http:'
  probeUrl.port = String(probePort)
  return { apiUrl: captiveApi, probeUrl, caPem: loginOf(bss)?.caPem ?? null }
}

const loginOf = (bss: Link['bss']): PageLogin | null => (bss !== null && isPlain(bss.hotspot) ? bss.hotspot.login : null)

async function passPage(page: LoginPage, link: Link, options: LoginPagesOptions, signal: AbortSignal): Promise<void> {
  const login = loginOf(link.bss)
  if (page.wispr === null) throw new AgentError('ERR_WIFI_LOGIN_PAGE', `a login page at ${page.host} that only a person can pass`)
  if (login === null) throw new AgentError('ERR_WIFI_LOGIN_PAGE', `a login page at ${page.host}, and the profile has no login for it`)
  await logIn(page.wispr.loginUrl, login, searchOf(options, link).probeUrl, signal)
}
