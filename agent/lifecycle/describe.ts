/** What an event says to a person: one line, and fields that are safe to log. */
import { credentialLabel, type IssuedCredential, type PermanentKind } from '../credential/credential.ts'
import { hotspotText, ssidText } from '../credential/hotspot.ts'
import { FAILURES, type Failure } from '../failure.ts'
import type { Bss, Link } from '../ports.ts'
import { type Journey, order } from './journey.ts'
import type { Event, State } from './state.ts'

/** A line for people and fields for programs. */
export type Description = { readonly text: string; readonly fields: Readonly<Record<string, unknown>> }

const bssFields = (bss: Bss) => ({
  hotspot: bssText(bss),
  bssid: bss.bssid,
  frequencyMhz: bss.frequencyMhz,
  signalDbm: bss.signalDbm,
})

const bssText = ({ hotspot, passpoint }: Bss): string => (passpoint === null ? hotspotText(hotspot) : ssidText(passpoint.ssid))

const linkText = ({ bss, interfaceName }: Link): string => (bss === null ? interfaceName : bssText(bss))

const kindText = ({ kind }: IssuedCredential): PermanentKind => (kind === 'certificate' ? 'certificate' : 'secret')

const failureFields = ({ code, detail, retryAfterMs }: Failure) => ({
  code,
  detail,
  remedy: FAILURES[code].remedy,
  ...(retryAfterMs > 0 ? { retryAfterMs } : {}),
})

/** Describes an event. */
export function describeEvent(event: Event): Description {
  switch (event.type) {
    case 'loaded': {
      const candidates = event.candidates.map(({ slot, credential }) => `${slot}:${credentialLabel(credential)}`)
      return { text: `credentials loaded: ${candidates.join(', ') || 'none'}`, fields: { candidates, clockTrusted: event.clockTrusted } }
    }
    case 'scanned':
      return { text: `${event.bsss.length} BSS in range`, fields: {} }
    case 'joined': {
      const { bss, address, interfaceName, eap } = event.link
      if (bss === null)
        return { text: `the cloud is reached by ${interfaceName}: no hotspot is needed`, fields: { address, interfaceName } }
      return {
        text: `joined ${bssText(bss)} by ${eap?.method ?? bss.hotspot.security}`,
        fields: { ...bssFields(bss), address, interfaceName, eap },
      }
    }
    case 'time-known':
      return { text: 'the cloud signed the time', fields: {} }
    case 'authenticated':
      return {
        text: `the cloud gave a token of scope ${event.token.scope}`,
        fields: { scope: event.token.scope, expiresAtMs: event.token.expiresAtMs },
      }
    case 'issued':
      return {
        text: `the cloud issued a permanent ${kindText(event.credential)}`,
        fields: { credential: credentialLabel(event.credential) },
      }
    case 'stored':
      return { text: 'the permanent credential is stored durably, pending', fields: {} }
    case 'promoted':
      return { text: 'the permanent credential is proved and promoted', fields: {} }
    case 'remembered':
      return { text: 'the hotspot is remembered', fields: {} }
    case 'profiles-renewed':
      return { text: `${event.hotspots} hotspot profiles of the cloud, version ${event.version}`, fields: { version: event.version } }
    case 'profiles-kept': {
      const { because } = event
      if (because === null) return { text: 'the cloud has no newer hotspot profiles', fields: {} }
      return { text: `hotspot profiles not renewed: ${because.code}: ${because.detail}`, fields: failureFields(because) }
    }
    case 'ordered':
      return { text: 'the cloud ordered a rotation of the permanent credential', fields: { orderId: event.orderId } }
    case 'link-lost':
      return { text: `link lost: ${event.failure.detail}`, fields: failureFields(event.failure) }
    case 'radio-appeared':
      return { text: 'a radio appeared', fields: {} }
    case 'waited':
      return { text: 'waited long enough', fields: {} }
    case 'failed':
      return { text: `${event.failure.code}: ${event.failure.detail}`, fields: failureFields(event.failure) }
  }
}

/** What a scan found in the order in which it is tried, and why. */
export const describeOrder = (journey: Journey, bsss: readonly Bss[], nowMs: number): readonly unknown[] =>
  order(journey, bsss, nowMs).map(({ bss, why }) => ({ ...bssFields(bss), why }))

/** One line for `systemctl status`: where the device is. */
export function describeState(state: State): string {
  switch (state.phase) {
    case 'starting':
      return 'starting'
    case 'scanning':
      return `scanning with credential ${credentialLabel(state.journey.candidates[0].credential)}`
    case 'joining':
      return `joining ${bssText(state.bss)} (${state.bss.bssid})`
    case 'asking-time':
      return 'asking the cloud for the time'
    case 'authenticating':
      return 'authenticating to the cloud'
    case 'swapping':
      return `swapping ${credentialLabel(state.journey.candidates[0].credential)} for a new credential: ${state.step.at}`
    case 'steady':
      return `steady on ${linkText(state.hold.link)} with ${credentialLabel(state.credential)}`
    case 'waiting':
      return `waiting after ${state.because.code}: ${state.because.detail}`
    case 'halted':
      return `halted by ${state.because.code}: ${state.because.detail}`
  }
}
