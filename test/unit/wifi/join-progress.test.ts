import { describe, expect, it } from 'vitest'
import type { FailureCode } from '../../../agent/failure.ts'
import { advanceJoin, JOIN_BEGINNING, type JoinOutcome, type JoinProgress } from '../../../agent/wifi/join-progress.ts'
import type { InterfaceSignal } from '../../../agent/wifi/wpa-interface.ts'

type Signal = readonly [InterfaceSignal, ...unknown[]]

const eap = (status: string, parameter = ''): Signal => ['EAP', status, parameter]
const state = (name: string): Signal => ['PropertiesChanged', { State: name }]
const reason = (code: number): Signal => ['PropertiesChanged', { DisconnectReason: code }]
const certificate = (depth: number, subject: string): Signal => ['Certification', { depth, subject }]

const STARTED = [state('authenticating'), state('associated'), eap('started'), eap('accept proposed method', 'TTLS')]
const VERIFIED = [certificate(1, '/CN=CA'), certificate(0, '/CN=aaa'), eap('remote certificate verification', 'success')]
const refused = (text: string): readonly Signal[] => [eap('remote certificate verification', text), eap('local TLS alert', 'x')]

const progressAfter = (signals: readonly Signal[]): JoinProgress =>
  signals.reduce((progress, [member, ...body]) => advanceJoin(progress, member, body), JOIN_BEGINNING)

const codeOf = (outcome: JoinOutcome | null): FailureCode | 'joined' | null =>
  outcome === null ? null : outcome.kind === 'failed' ? outcome.failure.code : 'joined'

describe('a join', () => {
  it('has joined after a verified server, a successful EAP run and its completion', () => {
    const { outcome } = progressAfter([...STARTED, ...VERIFIED, eap('completion', 'success'), state('4way_handshake'), state('completed')])
    expect(outcome).toEqual({ kind: 'joined', eap: { method: 'EAP-TTLS', serverSubject: '/CN=aaa' } })
  })

  it('has joined by EAP-PWD without a certificate: that it succeeded is the proof', () => {
    const started = [state('associated'), eap('started'), eap('accept proposed method', 'PWD')]
    const { outcome } = progressAfter([...started, eap('completion', 'success'), state('completed')])
    expect(outcome).toEqual({ kind: 'joined', eap: { method: 'EAP-PWD', serverSubject: '' } })
    expect(codeOf(progressAfter([...started, eap('completion', 'failure')]).outcome)).toBe('ERR_WIFI_EAP_FAILED')
  })

  it.each<[string, readonly Signal[], FailureCode | null]>([
    ['EAP failed after the server proved itself', [...STARTED, ...VERIFIED, eap('completion', 'failure')], 'ERR_WIFI_EAP_REJECTED'],
    ['EAP failed before the server proved itself', [...STARTED, eap('completion', 'failure')], 'ERR_WIFI_EAP_FAILED'],
    ['a refusal that only the access point tells, as after EAP-TLS', [...STARTED, ...VERIFIED, reason(23)], 'ERR_WIFI_EAP_REJECTED'],
    ['the same before the server proved itself', [...STARTED, reason(23)], 'ERR_WIFI_EAP_FAILED'],
    ['the reason of an earlier refusal, told again', [reason(23), ...STARTED], null],
    ['a forged EAP-Failure before EAP began', [state('associated'), eap('completion', 'failure')], 'ERR_WIFI_EAP_FAILED'],
    [
      'another CA',
      [...STARTED, ...refused('self-signed certificate in certificate chain'), eap('completion', 'failure')],
      'ERR_WIFI_SERVER_CA',
    ],
    [
      'an unknown issuer',
      [...STARTED, ...refused('unable to get local issuer certificate'), eap('completion', 'failure')],
      'ERR_WIFI_SERVER_CA',
    ],
    ['another name', [...STARTED, ...refused('Domain mismatch'), eap('completion', 'failure')], 'ERR_WIFI_SERVER_NAME'],
    ['an expired certificate', [...STARTED, ...refused('certificate has expired'), eap('completion', 'failure')], 'ERR_WIFI_SERVER_DATES'],
    [
      'a certificate of tomorrow',
      [...STARTED, ...refused('certificate is not yet valid'), eap('completion', 'failure')],
      'ERR_WIFI_SERVER_DATES',
    ],
    [
      'a genuine certificate shown by somebody without its key',
      [...STARTED, ...VERIFIED, eap('local TLS alert', 'decrypt error'), eap('completion', 'failure')],
      'ERR_WIFI_EAP_FAILED',
    ],
    ['the access point fell silent', [...STARTED, reason(-4)], 'ERR_WIFI_AP_GONE'],
    ['the access point said goodbye', [...STARTED, reason(3)], 'ERR_WIFI_AP_GONE'],
    ['completion from a cached key', [state('associating'), state('4way_handshake'), state('completed')], 'ERR_WIFI_EAP_FAILED'],
    ['completion without a verified server', [...STARTED, eap('completion', 'success'), state('completed')], 'ERR_WIFI_EAP_FAILED'],
    ['completion without the end of EAP', [...STARTED, ...VERIFIED, state('completed')], 'ERR_WIFI_EAP_FAILED'],
    ['its own former leaving', [reason(-3), ...STARTED], null],
    ['a refused method, then an accepted one', [...STARTED, eap('refuse proposed method', 'PEAP'), ...VERIFIED], null],
    [
      'properties of no interest',
      [
        ['PropertiesChanged', { Scanning: true }],
        ['ScanDone', true],
        ['PropertiesChanged', null],
      ],
      null,
    ],
  ])('with %s', (_, signals, expected) => {
    expect(codeOf(progressAfter(signals).outcome)).toBe(expected)
  })

  it('forgets what an earlier EAP run of the same join has shown', () => {
    const { outcome } = progressAfter([...STARTED, ...VERIFIED, eap('started'), eap('completion', 'failure')])
    expect(codeOf(outcome)).toBe('ERR_WIFI_EAP_FAILED')
  })

  it('keeps its first outcome', () => {
    const failed = [...STARTED, ...VERIFIED, eap('completion', 'failure')]
    expect(progressAfter([...failed, state('completed')])).toEqual(progressAfter(failed))
  })

  it('knows whether it is still looking for the BSS', () => {
    expect(progressAfter([state('scanning')]).phase).toBe('scanning')
    expect(progressAfter([state('scanning'), state('authenticating')]).phase).toBe('associating')
    expect(progressAfter([state('authenticating'), state('disconnected'), state('scanning')]).phase).toBe('scanning')
    expect(progressAfter([...STARTED, state('scanning')]).phase).toBe('eap')
  })
})
