import { describe, expect, test } from 'vitest'
import type { CredentialId } from '../../../../agent/contract/names.ts'
import {
  type DeviceCredentials,
  type IssuedId,
  type IssuedRecord,
  type IssuedState,
  issuedName,
  NO_CREDENTIALS,
  type Recovery,
} from '../../../../cloud/rules/device-credentials.ts'
import { FIRST_PLACE } from '../../../../cloud/rules/place.ts'
import { afterWaiting, comesBack, enrolledAfterRestore, tokenByShown, waitsUntilMs } from '../../../../cloud/rules/recovery.ts'
import { tokenByFlashed, tokenByIssued, tokenByTemporary } from '../../../../cloud/rules/token.ts'

const UNTIL_MS = 3_600_000
const WITHIN = { nowMs: 1000, madeMs: 1000 }
const AFTER = { nowMs: UNTIL_MS, madeMs: UNTIL_MS }

const secret = (secretId: string): IssuedId => ({ kind: 'issued', secretId })
const record = (name: string, generation: number, state: IssuedState): IssuedRecord => ({
  ...{ id: secret(name), nonce: name, generation, state },
})

const device = (recovery: Recovery | null, ...issued: readonly IssuedRecord[]): DeviceCredentials => ({
  ...NO_CREDENTIALS,
  temporary: { state: issued.some(({ state }) => state === 'current') ? 'superseded' : 'open', keyId: 'line-7' },
  issued,
  recovery,
})
const at = (generation: number) => ({ rank: generation, generation })
const good = (rank: number) => ({ was: 'good', rank }) as const
const over = (rank: number) => ({ was: 'ended', rank }) as const
type Kept = Readonly<Record<string, ReturnType<typeof good> | ReturnType<typeof over>>>
const restored = (shown: number, inBackup: Kept): Recovery => ({
  ...{ untilMs: UNTIL_MS, shown: at(shown), inBackup: new Map(Object.entries(inBackup)) },
})

const current = record('kept', 3, 'current')
const ended = record('kept', 3, 'superseded')
const since = record('since', 4, 'current')
const accepted = record('seen-5', 5, 'current')
const KEPT = { kept: good(3) }

describe('a credential that the database does not know, and that this cloud made', () => {
  test.each<[string, DeviceCredentials | null, number, string]>([
    ['of a device that is not known either', null, 1, 'rolled-forward'],
    ['newer than what the backup held', device(restored(0, KEPT), current), 4, 'rolled-forward'],
    ['newer, where nobody said that there was a restore', device(null, current), 4, 'rolled-forward'],
    ['as old as what the backup held', device(restored(0, KEPT), current), 3, 'superseded-credential-refused'],
    ['no newer, where nobody said that there was a restore', device(null, current), 3, 'superseded-credential-refused'],
    ['as new as what was issued since to somebody with an older one', device(restored(3, KEPT), ended, since), 4, 'line-conflict'],
    ['newer than one that was accepted since', device(restored(5, KEPT), ended, accepted), 6, 'line-conflict'],
    ['as new as one that was accepted since', device(restored(5, KEPT), ended, accepted), 5, 'superseded-credential-refused'],
    ['older than one that was accepted since', device(restored(5, KEPT), ended, accepted), 4, 'superseded-credential-refused'],
    [
      'newer than one that was accepted since, though no newer than what was issued to that',
      device(restored(5, KEPT), ended, { ...accepted, state: 'superseded' }, record('since', 7, 'current')),
      6,
      'line-conflict',
    ],
    ['of a device that was revoked altogether', device(restored(0, KEPT), record('kept', 3, 'revoked')), 4, 'revoked-credential-refused'],
    ['of a device of which another was revoked', device(restored(0, KEPT), record('kept', 3, 'revoked'), since), 5, 'line-conflict'],
  ])('%s', (_, before, generation, event) => {
    const name = `lost-${generation}`
    const isRevoked = before?.issued.length === 1 && before.issued[0]?.state === 'revoked'
    const given = isRevoked ? { ...before, temporary: { state: 'revoked', keyId: 'line-7' } as const } : before
    expectEvent(given, name, event, generation)
  })

  test('is accepted within the window at once', () => {
    const { answer } = tokenByShown(device(restored(0, KEPT), current), { id: secret('lost-4'), place: at(4) }, WITHIN)
    expect(answer).toEqual({ granted: true, scope: 'device' })
  })

  test('is unknown without a proof', () => {
    for (const before of [null, device(restored(0, KEPT), current)]) {
      const { answer } = tokenByShown(before, { id: { kind: 'certificate', fingerprint: 'x' }, place: null }, AFTER)
      expect(answer).toMatchObject({ granted: false, problem: 'unknown-credential' })
    }
  })
})

describe('a credential of the backup that was ended since', () => {
  const pending = record('next', 4, 'superseded')
  const both = { kept: good(3), next: good(4) }
  const taken = record('since', 5, 'current')
  test.each<[string, DeviceCredentials, string, string]>([
    ['is good again where nothing newer was shown', device(restored(3, both), ended, pending, taken), 'next', 'line-conflict'],
    [
      'stays ended where it was shown itself since',
      device(restored(4, both), ended, pending, taken),
      'next',
      'superseded-credential-refused',
    ],
    [
      'stays ended where it had ended in the backup',
      device(restored(0, { kept: over(3) }), ended, since),
      'kept',
      'superseded-credential-refused',
    ],
    ['stays ended without a restore', device(null, ended, since), 'kept', 'superseded-credential-refused'],
    [
      'is good again over what was issued before an earlier restore to somebody with an older one, whatever its generation',
      device({ ...restored(0, { next: good(4), since: good(3) }), shown: { rank: 3, generation: 5 } }, ended, pending, taken),
      'next',
      'line-conflict',
    ],
    ['stays revoked', device(restored(0, KEPT), record('kept', 3, 'revoked'), since), 'kept', 'revoked-credential-refused'],
  ])('%s', (_, before, name, event) => {
    expectEvent(before, name, event, null)
  })
})

function expectEvent(before: DeviceCredentials | null, name: string, event: string, generation: number | null): void {
  const credential = { id: secret(name), place: generation === null ? null : at(generation) }
  const { answer, device: after, events } = tokenByShown(before, credential, AFTER)
  const names = events.map((each) => each.event)
  expect(names).toContain(event)
  const isAccepted = event === 'rolled-forward' || event === 'line-conflict'
  expect(answer.granted).toBe(isAccepted)
  expect(names.includes('line-conflict')).toBe(event === 'line-conflict')
  expect(comesBack(before, credential)).toBe(isAccepted)
  if (!isAccepted || after === null) return
  expect(after.issued.filter(({ state }) => state === 'current').map(({ id }) => issuedName(id))).toEqual([name])
  expect(after.issued.filter(({ state }) => state === 'pending')).toEqual([])
  expect(after.temporary.state).not.toBe('open')
  expect(new Set(after.issued.map((each) => each.generation)).size).toBe(after.issued.length)
  expect(after.recovery === null || after.recovery.shown.rank > (before?.recovery?.shown.rank ?? 0)).toBe(true)
}

describe('after a restore', () => {
  const flashed: DeviceCredentials = { ...NO_CREDENTIALS, flashed: 'good', recovery: restored(0, {}) }
  const rearmed = { credentialId: secret('kept'), untilMs: UNTIL_MS, orderId: 'o', issued: null }
  test.each<[string, DeviceCredentials | null, CredentialId, number | null]>([
    ['a current secret of the backup waits', device(restored(0, KEPT), current), secret('kept'), UNTIL_MS],
    ['a flashed secret waits', flashed, { kind: 'flashed' }, UNTIL_MS],
    ['a temporary secret waits', device(restored(0, {})), { kind: 'temporary', keyId: 'line-7' }, UNTIL_MS],
    ['what was issued or accepted since does not', device(restored(3, KEPT), ended, since), secret('since'), null],
    ['what an operator re-armed does not', { ...device(restored(0, KEPT), current), rearmed }, secret('kept'), null],
    ['nothing waits where nothing was restored', device(null, current), secret('kept'), null],
  ])('%s', (_, before, id, untilMs) => {
    expect(waitsUntilMs(before, id, WITHIN.nowMs)).toBe(untilMs)
    expect(waitsUntilMs(before, id, AFTER.nowMs)).toBeNull()
  })

  test('who waits is told until when, and nothing changes', () => {
    const before = device(restored(0, KEPT), record('kept', 3, 'pending'))
    expect(tokenByShown(before, { id: secret('kept'), place: at(3) }, WITHIN)).toEqual({
      answer: { granted: false, problem: 'unavailable', reason: expect.any(String), untilMs: UNTIL_MS },
      device: before,
      events: [],
    })
    expect(tokenByShown(before, { id: secret('kept'), place: at(3) }, AFTER).answer.granted).toBe(true)
  })

  test('a new device of a key that was in the backup waits, one of a newer key does not', () => {
    const key = { keyId: 'line-7', retired: false, allow: ['*'], notBeforeMs: null, notAfterMs: null, maxDevices: null }
    const id = { kind: 'temporary', keyId: 'line-7' } as const
    const enrols = tokenByTemporary(null, { deviceId: 'SN-1', key, enrolledDevices: 0, nowMs: WITHIN.nowMs }, WITHIN)
    const outcome = (untilMs: number | null) => afterWaiting(enrolledAfterRestore(enrols, untilMs), null, id, WITHIN.nowMs)
    expect(outcome(UNTIL_MS)).toMatchObject({ answer: { granted: false, problem: 'unavailable' }, device: null })
    expect(outcome(null).answer.granted).toBe(true)
    expect(outcome(500)).toMatchObject({ answer: { granted: true }, device: { recovery: { untilMs: 500, shown: FIRST_PLACE } } })
  })

  test('a refusal is a refusal at once', () => {
    const before: DeviceCredentials = { ...flashed, flashed: 'superseded' }
    const verdict = tokenByFlashed(before, WITHIN)
    expect(afterWaiting(verdict, before, { kind: 'flashed' }, WITHIN.nowMs)).toBe(verdict)
  })

  test('a device that an operator re-armed is done with the restore once its new credential is current', () => {
    const issued = [ended, record('next', 4, 'superseded'), record('new', 5, 'pending')]
    const before = { ...device(restored(0, { kept: over(3), next: good(4) }), ...issued), rearmed: { ...rearmed, issued: secret('new') } }
    const { device: after } = tokenByShown(before, { id: secret('new'), place: at(5) }, AFTER)
    expect(after?.recovery).toBeNull()
    expect(comesBack(after, { id: secret('next'), place: at(4) })).toBe(false)
    const without = tokenByIssued({ ...before, rearmed: null }, secret('new'), AFTER).device
    expect(comesBack(without, { id: secret('next'), place: at(4) })).toBe(true)
  })
})
