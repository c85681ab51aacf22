import { describe, expect, it } from 'vitest'
import type { PlainHotspot } from '../../../agent/credential/hotspot.ts'
import type { FailureCode } from '../../../agent/failure.ts'
import { advancePlainJoin, PLAIN_JOIN_BEGINNING, type PlainJoinProgress } from '../../../agent/wifi/plain-join-progress.ts'

type Changed = Readonly<Record<string, unknown>>

const state = (name: string): Changed => ({ State: name })
const reason = (code: number): Changed => ({ DisconnectReason: code })
const status = (code: number): Changed => ({ AuthStatusCode: code })

function outcomeOf(security: PlainHotspot['security'], signals: readonly Changed[]): FailureCode | 'joined' | null {
  const { outcome } = signals.reduce<PlainJoinProgress>(
    (progress, changed) => advancePlainJoin(progress, security, 'PropertiesChanged', [changed]),
    PLAIN_JOIN_BEGINNING,
  )
  return outcome === null ? null : outcome.kind === 'failed' ? outcome.failure.code : 'joined'
}

const KEYED = [state('authenticating'), state('associated'), state('4way_handshake')]

describe('a join of a plain hotspot', () => {
  it.each<[string, PlainHotspot['security'], readonly Changed[], ReturnType<typeof outcomeOf>]>([
    ['keys agreed on', 'psk', [...KEYED, state('completed')], 'joined'],
    ['SAE in two steps', 'sae', [state('authenticating'), status(0), ...KEYED, state('completed')], 'joined'],
    ['no keys at all', 'open', [state('associating'), state('associated'), state('completed')], 'joined'],
    ['another WPA2 passphrase', 'psk', [...KEYED, reason(15)], 'ERR_WIFI_PASSPHRASE'],
    ['another WPA2 passphrase, at an access point that says so otherwise', 'psk', [...KEYED, reason(2)], 'ERR_WIFI_PASSPHRASE'],
    ['another SAE password', 'sae', [state('authenticating'), status(0), status(1)], 'ERR_WIFI_PASSPHRASE'],
    ['an SAE group that is not liked', 'sae', [state('authenticating'), status(77)], null],
    ['its own former leaving', 'psk', [reason(-3), ...KEYED], null],
    ['the access point fell silent', 'sae', [state('associated'), reason(-4)], 'ERR_WIFI_AP_GONE'],
    ['the access point said goodbye in the handshake', 'psk', [...KEYED, reason(3)], 'ERR_WIFI_AP_GONE'],
    ['a handshake that failed where no passphrase is at fault', 'owe', [...KEYED, reason(15)], null],
    ['still under way', 'psk', KEYED, null],
  ])('%s', (_, security, signals, expected) => {
    expect(outcomeOf(security, signals)).toBe(expected)
  })

  it('keeps its first outcome', () => {
    expect(outcomeOf('psk', [...KEYED, state('completed'), reason(15)])).toBe('joined')
    expect(outcomeOf('sae', [status(1), state('completed')])).toBe('ERR_WIFI_PASSPHRASE')
  })
})
