/** What wpa_supplicant's signals say about a join: pure, so that every ending has a line in a table of tests. */
import type { Failure, FailureCode } from '../failure.ts'
import { type InterfaceSignal, stateIn } from './wpa-interface.ts'

/** What this very join has shown so far. `problem` is why the server's certificate was refused. */
export type JoinProgress = {
  readonly method: string
  readonly serverSubject: string
  readonly isServerVerified: boolean
  readonly isEapDone: boolean
  readonly problem: Failure | null
  readonly phase: JoinPhase
  readonly outcome: JoinOutcome | null
}

/** `eap` lasts until the outcome; before it wpa_supplicant may go back and forth between looking for the BSS and associating with it. */
export type JoinPhase = 'beginning' | 'scanning' | 'associating' | 'eap'

/** How it ended. */
export type JoinOutcome =
  | { readonly kind: 'joined'; readonly eap: { readonly method: string; readonly serverSubject: string } | null }
  | { readonly kind: 'failed'; readonly failure: Failure }

/** Before the first signal. */
export const JOIN_BEGINNING: JoinProgress = {
  method: '',
  serverSubject: '',
  isServerVerified: false,
  isEapDone: false,
  problem: null,
  phase: 'beginning',
  outcome: null,
}

/** Takes one signal in. After an outcome nothing changes any more. */
export function advanceJoin(progress: JoinProgress, member: InterfaceSignal, body: readonly unknown[]): JoinProgress {
  if (progress.outcome !== null) return progress
  switch (member) {
    case 'EAP':
      return onEap(progress, String(body[0]), String(body[1]))
    case 'Certification':
      return onCertificate(progress, body[0])
    case 'PropertiesChanged':
      return onProperties(progress, body)
    case 'ScanDone':
    case 'InterworkingAPAdded':
    case 'InterworkingSelectDone':
      return progress
  }
}

function onEap(progress: JoinProgress, status: string, parameter: string): JoinProgress {
  switch (status) {
    case 'started':
      return { ...JOIN_BEGINNING, phase: 'eap' }
    case 'accept proposed method':
      return { ...progress, method: parameter }
    case 'remote certificate verification':
      return parameter === 'success' ? { ...progress, isServerVerified: true } : { ...progress, problem: certificateProblem(parameter) }
    case 'local TLS alert':
      // We ended the handshake ourselves: whatever certificate was shown, the one behind it has not proved that it owns the key.
      return { ...progress, isServerVerified: false }
    case 'completion':
      return parameter === 'success' ? { ...progress, isEapDone: true } : fail(progress, eapFailure(progress))
    default:
      return progress
  }
}

/** The server's own certificate has depth 0; the others are its issuers. */
function onCertificate(progress: JoinProgress, certificate: unknown): JoinProgress {
  if (typeof certificate !== 'object' || certificate === null) return progress
  const { depth, subject } = certificate as { readonly depth?: unknown; readonly subject?: unknown }
  return depth === 0 && typeof subject === 'string' ? { ...progress, serverSubject: subject } : progress
}

function onProperties(progress: JoinProgress, body: readonly unknown[]): JoinProgress {
  const reason = numberIn(body, 'DisconnectReason')
  if (reason !== null && isApGone(reason)) return fail(progress, apGone(reason))
  // After an EAP-TLS handshake wpa_supplicant takes no EAP-Failure any more: that the AAA server refused is told by this alone.
  if (reason === AUTHENTICATION_FAILED && progress.phase === 'eap') return fail(progress, eapFailure(progress))
  const state = stateIn(body)
  if (state === 'completed') return onCompleted(progress)
  if (progress.phase === 'eap') return progress
  if (state === 'authenticating' || state === 'associating') return { ...progress, phase: 'associating' }
  return state === 'scanning' ? { ...progress, phase: 'scanning' } : progress
}

/** A join without a full EAP run, from a cached key, proves nothing about the credential (contract §6). */
function onCompleted(progress: JoinProgress): JoinProgress {
  // By EAP-PWD the server has proved that it knows the password, or the run would not have succeeded.
  const isServerProved = progress.isServerVerified || progress.method === 'PWD'
  if (!isServerProved || !progress.isEapDone) return fail(progress, failure('ERR_WIFI_EAP_FAILED', 'joined without a full EAP run'))
  return { ...progress, outcome: { kind: 'joined', eap: { method: `EAP-${progress.method}`, serverSubject: progress.serverSubject } } }
}

function eapFailure(progress: JoinProgress): Failure {
  if (progress.problem !== null) return progress.problem
  if (!progress.isServerVerified) return failure('ERR_WIFI_EAP_FAILED', 'EAP failed before the server proved itself')
  return failure('ERR_WIFI_EAP_REJECTED', `the AAA server ${progress.serverSubject} refused the credential`)
}

/** Texts of OpenSSL's X509_verify_cert_error_string and of wpa_supplicant's own checks of the name. */
function certificateProblem(text: string): Failure {
  return failure(certificateCode(text), `the AAA server's certificate: ${text}`)
}

function certificateCode(text: string): FailureCode {
  if (/expired|not yet valid/i.test(text)) return 'ERR_WIFI_SERVER_DATES'
  if (/mismatch/i.test(text)) return 'ERR_WIFI_SERVER_NAME'
  return 'ERR_WIFI_SERVER_CA'
}

/** IEEE 802.11 reason codes; wpa_supplicant makes the ones it found out by itself negative, and -3 is its own leaving. */
export const isApGone = (reason: number): boolean => [-4, 3, 4, 8].includes(reason)

/** The access point's reason (IEEE 802.11-2020 table 9-49) for one whom 802.1X refused. */
const AUTHENTICATION_FAILED = 23

/** The failure that it is then. */
export const apGone = (reason: number): Failure => failure('ERR_WIFI_AP_GONE', `the access point left during the join (reason ${reason})`)

/** A number among the changed properties; null where it did not change. */
export function numberIn([changed]: readonly unknown[], name: string): number | null {
  const value = typeof changed === 'object' && changed !== null ? (changed as Readonly<Record<string, unknown>>)[name] : null
  return typeof value === 'number' ? value : null
}

const fail = (progress: JoinProgress, cause: Failure): JoinProgress => ({ ...progress, outcome: { kind: 'failed', failure: cause } })

const failure = (code: FailureCode, detail: string): Failure => ({ code, detail, retryAfterMs: 0 })
