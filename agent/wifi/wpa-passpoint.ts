/**
 * Asking the hotspots around what they are, before any is joined (ANQP, IEEE 802.11-2020 §9.4.5), by wpa_supplicant's own selection of
 * networks. It only finds: the credentials that it is given for that are empty, and it joins nothing.
 */
import { type Subscription, subscriptionText } from '../credential/hotspot.ts'
import { AgentError } from '../failure.ts'
import { variant } from './dbus.ts'
import type { PasspointMatch } from './match.ts'
import { neverAborted, until, withDeadline } from './until.ts'
import type { WpaInterface } from './wpa-interface.ts'

/** What was told, by the object paths of the BSSs; `scannedSinceMs` is when a scan of every channel began in the course of it, or null. */
export type PasspointAnswers = {
  readonly byBss: ReadonlyMap<string, readonly PasspointMatch[]>
  readonly scannedSinceMs: number | null
}

/** Where nobody was asked. */
export const NO_PASSPOINT: PasspointAnswers = { byBss: new Map(), scannedSinceMs: null }

/** How long hotspots may be asked before those that told are enough, and who is told where that cannot be done. */
export type PasspointLimits = { readonly withinMs: number; readonly whenItFails: (error: AgentError) => void }

/**
 * Asks for each subscription by itself: wpa_supplicant tells only one of those that a BSS takes. Hotspots are asked one after the other,
 * and one that does not answer takes seconds. A wpa_supplicant that was built without it, or is too old, keeps no other hotspot from being
 * found.
 */
export async function askForPasspoint(
  wpa: WpaInterface,
  subscriptions: readonly Subscription[],
  { withinMs, whenItFails }: PasspointLimits,
  signal: AbortSignal,
): Promise<PasspointAnswers> {
  const byBss = new Map<string, readonly PasspointMatch[]>()
  const startedMs = performance.now()
  let scannedSinceMs: number | null = null
  const enough = new AgentError('ERR_WIFI_SUPPLICANT', 'hotspots did not tell what they are in time')
  try {
    await withDeadline(
      signal,
      withinMs,
      () => enough,
      async (inTime) => {
        for (const [text, subscription] of new Map(subscriptions.map((each) => [subscriptionText(each), each]))) {
          await select(wpa, subscription, inTime, (bss, isVisited) => {
            byBss.set(bss, [...(byBss.get(bss) ?? []), { subscription: text, isVisited }])
          })
          scannedSinceMs = startedMs
        }
      },
    )
  } catch (error) {
    if (signal.aborted || wpa.failure() !== null || !(error instanceof AgentError)) throw error
    whenItFails(error)
  }
  return { byBss, scannedSinceMs }
}

async function select(
  wpa: WpaInterface,
  subscription: Subscription,
  signal: AbortSignal,
  tell: (bss: string, isVisited: boolean) => void,
): Promise<void> {
  const [credential] = await wpa.call('AddCred', 'a{sv}', [credentialFor(subscription)], neverAborted())
  try {
    await until(signal, (settle, fail) => {
      const stop = wpa.listen(
        (member, body) => {
          if (member === 'InterworkingAPAdded' && body[1] === credential) tell(String(body[0]), isVisitedIn(body[2]))
          if (member === 'InterworkingSelectDone') settle(undefined)
        },
        ({ code, detail }) => fail(new AgentError(code, detail)),
      )
      wpa.call('InterworkingSelect', '', [], signal).catch(fail)
      return stop
    })
  } finally {
    await wpa.call('RemoveCred', 'o', [credential], neverAborted()).catch(() => {})
  }
}

/** wpa_supplicant looks at nothing but whether a name and a password or key are there, and which method a consortium's member would use. */
function credentialFor({ realm, roamingConsortiums, homeDomain }: Subscription): Readonly<Record<string, unknown>> {
  const word = (text: string): unknown => variant('s', text)
  return {
    realm: word(realm),
    ...{ username: word('-'), password: word('-'), private_key: word('-'), eap: word('TTLS') },
    ...(roamingConsortiums.length === 0 ? {} : { roaming_consortiums: word(roamingConsortiums.join(',')) }),
    ...(homeDomain === null ? {} : { domain: word(homeDomain) }),
  }
}

/** `unknown` is said where either side names no domain. */
const isVisitedIn = (properties: unknown): boolean =>
  typeof properties === 'object' && properties !== null && 'type' in properties && properties.type === 'roaming'
