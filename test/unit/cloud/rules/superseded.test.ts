import { describe, expect, it, test } from 'vitest'
import type { CredentialId } from '../../../../agent/contract/names.ts'
import { ALARM_KINDS, alarmOf, isTelling } from '../../../../cloud/rules/alarm.ts'
import { CREDENTIAL_EVENTS } from '../../../../cloud/rules/audit-event.ts'
import { type DeviceCredentials, type IssuedId, NO_CREDENTIALS, type Shown } from '../../../../cloud/rules/device-credentials.ts'
import type { TemporaryPresented } from '../../../../cloud/rules/enrolment.ts'
import { judgeAtHotspot } from '../../../../cloud/rules/hotspot.ts'
import { revoke } from '../../../../cloud/rules/revocation.ts'
import { orderFor, requestRotation } from '../../../../cloud/rules/rotation.ts'
import { requestCredential } from '../../../../cloud/rules/swap.ts'
import { tokenByFlashed, tokenByIssued, tokenByTemporary } from '../../../../cloud/rules/token.ts'

const PROMOTED_MS = 1_000_700
const secret = (secretId: string): IssuedId => ({ kind: 'issued', secretId })
const TEMPORARY: CredentialId = { kind: 'temporary', keyId: 'line-7' }
const FLASHED: CredentialId = { kind: 'flashed' }

const device: DeviceCredentials = {
  ...NO_CREDENTIALS,
  temporary: { state: 'superseded', keyId: 'line-7' },
  flashed: 'superseded',
  promotedMs: PROMOTED_MS,
  issued: [
    { id: secret('old'), generation: 1, nonce: 'nonce-1', state: 'superseded' },
    { id: secret('now'), generation: 2, nonce: 'nonce-2', state: 'current' },
    { id: secret('next'), generation: 3, nonce: 'nonce-3', state: 'pending' },
  ],
}
const presented: TemporaryPresented = {
  deviceId: 'SN-1',
  key: { keyId: 'line-7', retired: false, allow: ['*'], notBeforeMs: null, notAfterMs: null, maxDevices: null },
  enrolledDevices: 1,
  nowMs: 2_000_000,
}

function token(to: DeviceCredentials, id: CredentialId, shown: Shown) {
  switch (id.kind) {
    case 'temporary':
      return tokenByTemporary(to, presented, shown)
    case 'flashed':
      return tokenByFlashed(to, shown)
    case 'issued':
    case 'certificate':
      return tokenByIssued(to, id, shown)
  }
}

/** The alarms that a token request raises, whether it freezes, and what it is told. */
function outcome(id: CredentialId, madeMs: number, to = device) {
  const { answer, device: after, events } = token(to, id, { nowMs: 2_000_000, madeMs })
  const alarms = events.map(({ event }) => alarmOf(event)).filter((kind) => kind !== null)
  return { told: answer.granted ? 'granted' : answer.problem, alarms, frozen: (after?.frozenMs ?? null) !== null }
}

describe('a credential that ended', () => {
  test.each<[string, CredentialId, number, object]>([
    ['a temporary one', TEMPORARY, 1_900_000, { told: 'already-enrolled', alarms: ['temporary-shown-after-swap'], frozen: false }],
    ['a flashed one', FLASHED, 1_900_000, { told: 'revoked', alarms: ['superseded-credential-shown'], frozen: true }],
    ['an issued one', secret('old'), 1_900_000, { told: 'revoked', alarms: ['superseded-credential-shown'], frozen: true }],
    ['one in the second of its end', secret('old'), 1_000_000, { told: 'revoked', alarms: ['superseded-credential-shown'], frozen: true }],
    ['a temporary one in a message from before', TEMPORARY, 999_000, { told: 'already-enrolled', alarms: [], frozen: false }],
    ['a flashed one in a message from before', FLASHED, 999_000, { told: 'revoked', alarms: [], frozen: false }],
    ['an issued one in a message from before', secret('old'), 999_000, { told: 'revoked', alarms: [], frozen: false }],
    ['one that is unknown', secret('what'), 1_900_000, { told: 'unknown-credential', alarms: [], frozen: false }],
    ['the current one', secret('now'), 1_900_000, { told: 'granted', alarms: [], frozen: false }],
  ])('%s', (_, id, madeMs, expected) => expect(outcome(id, madeMs)).toEqual(expected))

  it('alarms nobody in a swap by a token from before', () => {
    const { events } = requestCredential(device, { presented, kind: 'issued', nonce: 'nonce-9', nextId: () => secret('never') })
    expect(events.map(({ event }) => event)).toEqual(['late-request-refused'])
  })
})

describe('a frozen device', () => {
  const frozen = { ...device, frozenMs: 5 }
  const request = { credentialId: secret('now'), kind: 'issued', nextId: () => secret('never'), nowMs: 2_000_000 } as const
  const ordered = { ...request, order: 'order', openOrder: 'order' } as const

  it('is told of no order and issued nothing by one, not even again', () => {
    expect([orderFor(device, secret('now'), 'order', 0), orderFor(frozen, secret('now'), 'order', 0)]).toEqual(['order', null])
    for (const nonce of ['nonce-9', 'nonce-3']) {
      expect(requestRotation(frozen, { ...ordered, nonce }).answer).toMatchObject({ issued: false, problem: 'order-closed' })
    }
  })

  it('works on with its current credential, and with what it was issued before', () => {
    expect(outcome(secret('now'), 1_900_000, frozen)).toEqual({ told: 'granted', alarms: [], frozen: true })
    expect(outcome(secret('next'), 1_900_000, frozen)).toEqual({ told: 'granted', alarms: [], frozen: true })
  })

  it('is frozen once, and the time tells since when', () => {
    const again = token(frozen, secret('old'), { nowMs: 2_000_000, madeMs: 2_000_000 })
    expect(again.device?.frozenMs).toBe(5)
    expect(again.events.map(({ event }) => event)).toEqual(['superseded-credential-refused'])
  })
})

describe('revoking', () => {
  const every = [TEMPORARY, FLASHED, ...device.issued.map(({ id }) => id)]
  it('a device ends every credential that it has or had, at the API and at hotspots, and alarms nobody any more', () => {
    const revoked = revoke(device, null)
    expect(revoked.events.map(({ event }) => event)).toEqual(Array.from({ length: 5 }, () => 'credential-revoked'))
    for (const id of every) {
      expect(outcome(id, 1_900_000, revoked.device ?? device)).toEqual({ told: 'revoked', alarms: [], frozen: false })
      expect(judgeAtHotspot(revoked.device, { id, presented, nowMs: 2_000_000 }).good).toBe(false)
    }
  })

  it('a device that is only enrolled leaves it nothing to swap with, by no key', () => {
    const enrolled: DeviceCredentials = { ...NO_CREDENTIALS, temporary: { state: 'open', keyId: 'line-7' } }
    const after = revoke(enrolled, null).device ?? enrolled
    const other = { ...presented, key: { ...presented.key, keyId: 'line-8' } }
    for (const shown of [presented, other]) {
      const request = { presented: shown, kind: 'issued', nonce: 'n', nextId: () => secret('never') } as const
      expect(requestCredential(after, request).answer).toMatchObject({ issued: false, problem: 'revoked' })
      expect(tokenByTemporary(after, shown, { nowMs: 0, madeMs: 0 }).answer).toMatchObject({ granted: false, problem: 'revoked' })
    }
  })

  it('one credential leaves the others as they are', () => {
    const { device: after = null } = revoke(device, secret('next'))
    expect(outcome(secret('next'), 1_900_000, after ?? device).told).toBe('revoked')
    expect(outcome(secret('now'), 1_900_000, after ?? device).told).toBe('granted')
  })

  it('again, or what a device never had, is nothing', () => {
    const once = revoke(device, null).device ?? device
    expect([revoke(once, null).answer, revoke(device, secret('what')).answer]).toEqual(['nothing-to-revoke', 'nothing-to-revoke'])
  })

  it('a device ends a re-arming by another key as well', () => {
    const rearmed = {
      ...device,
      rearmed: { credentialId: { kind: 'temporary', keyId: 'line-8' } as const, untilMs: 3e6, orderId: 'o', issued: null },
    }
    expect(revoke(rearmed, null).device?.rearmed).toBeNull()
  })

  it('ends a re-arming of what is revoked', () => {
    const rearmed = { ...device, rearmed: { credentialId: TEMPORARY, untilMs: 3_000_000, orderId: 'o', issued: secret('next') } }
    const { device: after } = revoke(rearmed, TEMPORARY)
    expect([after?.rearmed, outcome(secret('next'), 1_900_000, after ?? device).told]).toEqual([null, 'revoked'])
  })
})

test('every kind of alarm is raised by an event', () => {
  expect(new Set(CREDENTIAL_EVENTS.map(alarmOf))).toEqual(new Set([null, ...ALARM_KINDS]))
})

test('people are told when an alarm opens and whenever its count doubles', () => {
  expect(Array.from({ length: 20 }, (_, index) => index + 1).filter(isTelling)).toEqual([1, 2, 4, 8, 16])
})
