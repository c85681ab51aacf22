/**
 * A hotspot without a radio: whoever asks to join is judged by the cloud's real AAA routes, exactly as the FreeRADIUS that ships
 * with it asks them, and with its way of taking no answer for a refusal.
 */
import { request } from 'node:https'
import { isObject } from '../../../agent/contract/parsed.ts'
import { ROUTES } from '../../../agent/contract/routes.ts'
import type { EapProfile, TlsProfile, TokenTlsProfile, TtlsProfile } from '../../../agent/credential/eap-profile.ts'
import type { EapHotspot } from '../../../agent/credential/hotspot.ts'
import { AgentError } from '../../../agent/failure.ts'
import type { Bss, Link, Supplicant } from '../../../agent/ports.ts'
import { AAA_DOMAIN, type AaaAccess } from '../cloud/site.ts'

/** rlm_rest gives a request so long. */
const TIMEOUT_MS = 3000

const HOTSPOT: EapHotspot = {
  security: 'wpa-eap',
  ssid: Buffer.from('ZipKey'),
  hidden: false,
  frequenciesMhz: [2412],
  eap: {
    methods: ['TLS', 'TTLS'],
    inner: 'PAP',
    caPem: '',
    tlsMaxVersion: '1.2',
    serverName: 'aaa.zipkey.test',
    aaaDomain: AAA_DOMAIN,
  },
}
const BSS: Bss = {
  bssid: '02:00:00:00:00:01',
  frequencyMhz: 2412,
  signalDbm: -50,
  hotspot: HOTSPOT,
  preference: 0,
  managementFrames: 'protected',
  passpoint: null,
}

/** The hotspot as a device's supplicant. */
export class AaaDoor implements Supplicant {
  readonly #access: AaaAccess

  constructor(access: AaaAccess) {
    this.#access = access
  }

  async scan(): Promise<readonly Bss[]> {
    return [BSS]
  }

  async join(bss: Bss, eap: EapProfile | null, signal: AbortSignal): Promise<Link> {
    if (eap?.method !== 'TTLS' && eap?.method !== 'TLS') throw new Error('this hotspot offers TTLS and TLS alone')
    const asked = { ...shownBy(eap), calling_station: '02-00-00-00-00-07', called_station: '02-00-00-00-00-01:ZipKey' }
    const grant = await this.#ask(ROUTES.aaaAuthorize, asked, signal)
    const isAccepted = isGranted(grant, eap)
    const session = valueIn(grant, 'reply:Class') ?? ''
    await this.#ask(ROUTES.aaaPostAuth, { ...asked, result: isAccepted ? 'Access-Accept' : 'Access-Reject', session }, signal)
    signal.throwIfAborted()
    if (!isAccepted) throw new AgentError('ERR_WIFI_EAP_REJECTED', 'the AAA server says no')
    const proof = { method: `EAP-${eap.method}`, serverSubject: '/CN=aaa.zipkey.test', datesChecked: eap.checkDates }
    return { bss, interfaceName: 'none0', address: '192.0.2.7', captiveApi: null, eap: proof }
  }

  linkLost(_: Link, signal: AbortSignal): Promise<never> {
    return untilAborted(signal)
  }

  radioAppeared(signal: AbortSignal): Promise<never> {
    return untilAborted(signal)
  }

  async leave(): Promise<void> {}

  async close(): Promise<void> {}

  /** The answer's body; null where there is none, or it says no. */
  #ask(route: string, body: object, signal: AbortSignal): Promise<unknown> {
    const { url, caPem, id, secret } = this.#access
    const headers = {
      authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
      'content-type': 'application/json',
    }
    return new Promise((resolve) => {
      const call = request(new URL(route, url), { method: 'POST', ca: caPem, headers, signal, timeout: TIMEOUT_MS }, (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (part: string) => {
          text += part
        })
        response.on('end', () => resolve(response.statusCode === 200 ? JSON.parse(text) : null)).on('error', () => resolve(null))
      })
      call.on('timeout', () => call.destroy()).on('error', () => resolve(null))
      call.end(JSON.stringify(body))
    })
  }
}

/** What FreeRADIUS tells of an EAP run. In EAP-TLS it has checked that the device holds the certificate's key. */
function shownBy(eap: TlsProfile | TokenTlsProfile | TtlsProfile): object {
  switch (eap.method) {
    case 'TTLS':
      return { method: 'TTLS-PAP', identity: eap.innerIdentity }
    case 'TLS':
      return { method: 'TLS', identity: eap.outerIdentity, certificate: eap.chainPem }
  }
}

function isGranted(grant: unknown, eap: TlsProfile | TokenTlsProfile | TtlsProfile): boolean {
  switch (eap.method) {
    case 'TTLS':
      return valueIn(grant, 'control:Cleartext-Password') === eap.password.reveal()
    case 'TLS':
      return valueIn(grant, 'control:Auth-Type') === 'Accept'
  }
}

/** What rlm_rest takes from an answer. */
function valueIn(answer: unknown, attribute: string): string | null {
  const set = isObject(answer) ? answer[attribute] : null
  const [value]: unknown[] = isObject(set) && Array.isArray(set.value) ? set.value : []
  return typeof value === 'string' ? value : null
}

const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
