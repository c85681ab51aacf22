import { describe, expect, it, test } from 'vitest'
import type { CredentialId } from '../../../../agent/contract/names.ts'
import { type DeviceCredentials, type IssuedId, issuedRecord, NO_CREDENTIALS } from '../../../../cloud/rules/device-credentials.ts'
import type { TemporaryPresented } from '../../../../cloud/rules/enrolment.ts'
import { judgeAtHotspot } from '../../../../cloud/rules/hotspot.ts'
import { REARMED_FOR_MS, rearm } from '../../../../cloud/rules/rearm.ts'
import { everyCredential, revoke } from '../../../../cloud/rules/revocation.ts'
import { orderFor, requestRotation } from '../../../../cloud/rules/rotation.ts'
import { requestCredential } from '../../../../cloud/rules/swap.ts'
import { tokenByFlashed, tokenByIssued, tokenByTemporary } from '../../../../cloud/rules/token.ts'

const REARMED_MS = 1_000_000
const secret = (secretId: string): IssuedId => ({ kind: 'issued', secretId })
const TEMPORARY: CredentialId = { kind: 'temporary', keyId: 'line-7' }

/** A device that swapped and was rotated once. */
const swapped: DeviceCredentials = {
  ...NO_CREDENTIALS,
  temporary: { state: 'superseded', keyId: 'line-7' },
  promotedMs: 0,
  issued: [
    { id: secret('id-1'), generation: 1, nonce: 'nonce-1', state: 'superseded' },
    { id: secret('id-2'), generation: 2, nonce: 'nonce-2', state: 'current' },
  ],
}
/** One that was registered with a secret of its own. */
const registered: DeviceCredentials = { ...swapped, temporary: { state: 'none' }, flashed: 'superseded' }

const presented = (nowMs: number, retired = false): TemporaryPresented => ({
  deviceId: 'SN-1',
  key: { keyId: 'line-7', retired, allow: ['*'], notBeforeMs: null, notAfterMs: null, maxDevices: null },
  enrolledDevices: 0,
  nowMs,
})

const rearmed = (device: DeviceCredentials, credentialId: CredentialId) => {
  const verdict = rearm(device, { credentialId, orderId: 'rearm-order', nowMs: REARMED_MS })
  if (verdict.device === null) throw new Error('a device does not vanish')
  return { ...verdict, device: verdict.device }
}

function token(device: DeviceCredentials, id: CredentialId, nowMs: number) {
  const shown = { nowMs, madeMs: nowMs }
  switch (id.kind) {
    case 'temporary':
      return tokenByTemporary(device, presented(nowMs), shown)
    case 'flashed':
      return tokenByFlashed(device, shown)
    case 'issued':
    case 'certificate':
      return tokenByIssued(device, id, shown)
  }
}

const joins = (device: DeviceCredentials, id: CredentialId, nowMs: number): boolean =>
  judgeAtHotspot(device, { id, presented: id.kind === 'temporary' ? presented(nowMs) : null, nowMs }).good

const nextId = (generation: number): IssuedId => secret(`id-${generation}`)

/** The swap, or the rotation by the re-arming's own order. */
const ask = (device: DeviceCredentials, id: CredentialId, nonce: string, nowMs: number) =>
  id.kind === 'temporary'
    ? requestCredential(device, { presented: presented(nowMs), kind: 'issued', nonce, nextId })
    : requestRotation(device, {
        credentialId: id,
        order: orderFor(device, id, null, nowMs),
        openOrder: null,
        kind: 'issued',
        nonce,
        nextId,
        nowMs,
      })

const LAST_MS = REARMED_MS + REARMED_FOR_MS - 1

describe.each<[string, DeviceCredentials, CredentialId, 'enrol' | 'device']>([
  ['a temporary credential', swapped, TEMPORARY, 'enrol'],
  ['a former secret', swapped, secret('id-1'), 'device'],
  ['a flashed secret', registered, { kind: 'flashed' }, 'device'],
  ['a temporary credential of a device that was revoked', revoke(swapped, everyCredential(swapped)).device ?? swapped, TEMPORARY, 'enrol'],
])('%s that was re-armed', (_, before, id, scope) => {
  const { device } = rearmed(before, id)

  it('was good for nothing before', () => {
    expect([token(before, id, REARMED_MS).answer.granted, joins(before, id, REARMED_MS)]).toEqual([false, false])
  })

  it('joins and gets tokens for an hour, however often messages are lost', () => {
    let now = device
    for (const nowMs of [REARMED_MS, REARMED_MS + 1, LAST_MS]) {
      expect(joins(now, id, nowMs)).toBe(true)
      const verdict = token(now, id, nowMs)
      expect(verdict.answer).toEqual({ granted: true, scope })
      now = verdict.device ?? now
    }
    expect([token(now, id, LAST_MS + 1).answer.granted, joins(now, id, LAST_MS + 1)]).toEqual([false, false])
  })

  it('gets one new credential, the same for the same nonce, whose first token ends everything else', () => {
    const first = ask(device, id, 'nonce-w', REARMED_MS)
    expect(first.answer).toEqual({ issued: true, id: secret('id-3') })
    const again = ask(first.device ?? device, id, 'nonce-w', LAST_MS)
    expect(again.answer).toEqual(first.answer)
    // Long after the hour.
    const proved = token(again.device ?? device, secret('id-3'), LAST_MS + 1e9)
    expect(proved.answer.granted).toBe(true)
    expect(proved.device?.rearmed).toBeNull()
    for (const old of [id, secret('id-1'), secret('id-2')])
      expect(token(proved.device ?? device, old, LAST_MS + 2e9).answer.granted).toBe(false)
  })
})

describe('the current credential', () => {
  it('works on beside a re-armed one, and its use cancels that and what was issued to it', () => {
    const { device } = rearmed(swapped, TEMPORARY)
    const asked = ask(device, TEMPORARY, 'nonce-w', REARMED_MS).device ?? device
    expect(joins(asked, secret('id-2'), REARMED_MS)).toBe(true)
    const used = token(asked, secret('id-2'), REARMED_MS)
    expect(used.answer.granted).toBe(true)
    expect(used.events.map(({ event }) => event)).toEqual(['rearm-cancelled', 'pending-superseded', 'token-issued'])
    const after = used.device ?? asked
    for (const id of [TEMPORARY, secret('id-3')])
      expect([token(after, id, REARMED_MS).answer.granted, joins(after, id, REARMED_MS)]).toEqual([false, false])
  })

  it('cancels what was issued even after the hour', () => {
    const { device } = rearmed(swapped, TEMPORARY)
    const asked = ask(device, TEMPORARY, 'nonce-w', REARMED_MS).device ?? device
    const used = token(asked, secret('id-2'), LAST_MS + 1e9).device ?? asked
    expect(issuedRecord(used, secret('id-3'))?.state).toBe('superseded')
  })

  it('leaves what was issued to itself alone', () => {
    const open = { order: 'order', openOrder: 'order', kind: 'issued', nextId, nowMs: 0 } as const
    const rotating = requestRotation(swapped, { ...open, credentialId: secret('id-2'), nonce: 'nonce-3' }).device ?? swapped
    const used = token(rearmed(rotating, TEMPORARY).device, secret('id-2'), REARMED_MS).device
    expect(used?.rearmed).toBeNull()
    expect(issuedRecord(used ?? null, secret('id-3'))?.state).toBe('pending')
  })
})

describe('a re-armed permanent credential', () => {
  const { device } = rearmed({ ...swapped, frozenMs: 5 }, secret('id-1'))
  test('is told of an order of its own, though rotation is frozen, and of no other', () => {
    expect(orderFor(device, secret('id-1'), 'open', REARMED_MS)).toBe('rearm-order')
    expect(orderFor(device, secret('id-2'), 'open', REARMED_MS)).toBeNull()
    expect(orderFor({ ...device, frozenMs: null }, secret('id-2'), 'open', REARMED_MS)).toBe('open')
    const request = {
      credentialId: secret('id-1'),
      order: 'open',
      openOrder: 'open',
      kind: 'issued',
      nonce: 'n',
      nextId,
      nowMs: REARMED_MS,
    } as const
    expect(requestRotation(device, request).answer).toMatchObject({ issued: false, problem: 'order-closed' })
  })
})

test('a re-armed temporary credential is good though its key is retired: the operator means this device', () => {
  const { device } = rearmed(swapped, TEMPORARY)
  const shown = { nowMs: REARMED_MS, madeMs: REARMED_MS }
  expect(tokenByTemporary(device, presented(REARMED_MS, true), shown).answer.granted).toBe(true)
  const request = { presented: presented(REARMED_MS, true), kind: 'issued', nonce: 'n', nextId } as const
  expect(requestCredential(device, request).answer.issued).toBe(true)
})

describe('re-arming', () => {
  test.each<[string, DeviceCredentials, CredentialId, string]>([
    ['what the device never had', swapped, { kind: 'flashed' }, 'not-found'],
    ['a secret of another device', swapped, secret('id-9'), 'not-found'],
    ['a temporary credential where there was none', registered, TEMPORARY, 'not-found'],
    ['the current secret', swapped, secret('id-2'), 'conflict'],
    ['a temporary credential that is good', { ...NO_CREDENTIALS, temporary: { state: 'open', keyId: 'line-7' } }, TEMPORARY, 'conflict'],
    ['a flashed secret that is good', { ...NO_CREDENTIALS, flashed: 'good' }, { kind: 'flashed' }, 'conflict'],
  ])('%s is refused', (_, device, id, problem) => {
    const verdict = rearmed(device, id)
    expect(verdict.answer).toMatchObject({ rearmed: false, problem })
    expect(verdict.device).toBe(device)
  })

  it('another credential ends the first re-arming and what was issued to it', () => {
    const asked = ask(rearmed(swapped, TEMPORARY).device, TEMPORARY, 'nonce-w', REARMED_MS).device ?? swapped
    const { device } = rearmed(asked, secret('id-1'))
    expect(token(device, TEMPORARY, REARMED_MS).answer.granted).toBe(false)
    expect(issuedRecord(device, secret('id-3'))?.state).toBe('superseded')
  })

  it('the same one again begins a new hour, and leaves what was issued to it', () => {
    const asked = ask(rearmed(swapped, TEMPORARY).device, TEMPORARY, 'nonce-w', REARMED_MS).device ?? swapped
    const later = rearm(asked, { credentialId: TEMPORARY, orderId: 'another', nowMs: LAST_MS })
    expect(later.answer).toEqual({ rearmed: true, untilMs: LAST_MS + REARMED_FOR_MS })
    expect(later.device?.rearmed?.issued).toEqual(secret('id-3'))
    expect(token(later.device ?? asked, secret('id-3'), LAST_MS).answer.granted).toBe(true)
  })
})
