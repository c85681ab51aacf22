import { describe, expect, test } from 'vitest'
import { type DeviceCredentials, NO_CREDENTIALS } from '../../../../cloud/rules/device-credentials.ts'
import { judgeTemporary, type ProvisioningKeyRules, type TemporaryPresented } from '../../../../cloud/rules/enrolment.ts'

const NOW_MS = 1_000_000
const rules: ProvisioningKeyRules = {
  keyId: 'line-7',
  retired: false,
  allow: ['SN-*', 'golden'],
  notBeforeMs: NOW_MS - 10,
  notAfterMs: NOW_MS + 10,
  maxDevices: 5,
}
const presented = (changes: Partial<ProvisioningKeyRules> = {}, rest: Partial<TemporaryPresented> = {}): TemporaryPresented => ({
  deviceId: 'SN-1',
  key: { ...rules, ...changes },
  enrolledDevices: 0,
  nowMs: NOW_MS,
  ...rest,
})
const device = (temporary: DeviceCredentials['temporary']): DeviceCredentials => ({ ...NO_CREDENTIALS, temporary })
const enrolled = device({ state: 'open', keyId: 'line-7' })

describe('a first enrolment', () => {
  test.each([
    ['an id that a pattern allows', presented(), 'enrols'],
    ['an id on the list', presented({}, { deviceId: 'golden' }), 'enrols'],
    ['an id that nothing allows', presented({}, { deviceId: 'XN-1' }), 'unknown-credential'],
    ['a key that allows nothing', presented({ allow: [] }), 'unknown-credential'],
    ['the first instant of the window', presented({ notBeforeMs: NOW_MS }), 'enrols'],
    ['a moment before the window', presented({ notBeforeMs: NOW_MS + 1 }), 'unknown-credential'],
    ['the end of the window', presented({ notAfterMs: NOW_MS }), 'unknown-credential'],
    ['the last device of the maximum', presented({}, { enrolledDevices: 4 }), 'enrols'],
    ['one device too many', presented({}, { enrolledDevices: 5 }), 'unknown-credential'],
    ['no limits at all', presented({ notBeforeMs: null, notAfterMs: null, maxDevices: null }, { enrolledDevices: 1e6 }), 'enrols'],
    ['a retired key', presented({ retired: true }), 'revoked'],
  ])('%s: %s', (_, what, outcome) => {
    const judgement = judgeTemporary(null, what)
    expect(judgement.good ? (judgement.enrols ? 'enrols' : 'good') : judgement.problem).toBe(outcome)
  })
})

describe('a device that is enrolled', () => {
  test.each([
    ['is not judged by the rules again', enrolled, presented({ allow: [], notAfterMs: 0, maxDevices: 1 }, { enrolledDevices: 9 }), 'good'],
    ['loses it when the key is retired before the swap', enrolled, presented({ retired: true }), 'revoked'],
    ['is enrolled anew by another key, under its rules', device({ state: 'open', keyId: 'line-6' }), presented(), 'enrols'],
    [
      'not where the other key does not allow it',
      device({ state: 'open', keyId: 'line-6' }),
      presented({ allow: ['X'] }),
      'unknown-credential',
    ],
    ['is told after the swap', device({ state: 'superseded', keyId: 'line-7' }), presented(), 'already-enrolled'],
    ['is told so by any key', device({ state: 'superseded', keyId: 'line-6' }), presented({ retired: true }), 'already-enrolled'],
    ['with a secret of its own is not taken over by a key', device({ state: 'none' }), presented({ allow: ['*'] }), 'unknown-credential'],
  ] as const)('%s', (_, before, what, outcome) => {
    const judgement = judgeTemporary(before, what)
    expect(judgement.good ? (judgement.enrols ? 'enrols' : 'good') : judgement.problem).toBe(outcome)
  })
})
