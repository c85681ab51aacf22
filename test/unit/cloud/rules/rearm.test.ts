import { describe, expect, it, test } from 'vitest'
import type { CredentialId } from '../../../../agent/contract/names.ts'
import { type DeviceCredentials, type IssuedId, issuedRecord, NO_CREDENTIALS } from '../../../../cloud/rules/device-credentials.ts'
import type { TemporaryPresented } from '../../../../cloud/rules/enrolment.ts'
import { judgeAtHotspot } from '../../../../cloud/rules/hotspot.ts'
import { REARMED_FOR_MS, rearm } from '../../../../cloud/rules/rearm.ts'
import { revoke } from '../../../../cloud/rules/revocation.ts'
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
  ['a temporary credential of a device that was revoked', revoke(swapped, null).device ?? swapped, TEMPORARY, 'enrol'],
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

describe('in every order of what a wiped device, the holder of the current secret and an operator do', () => {
  const ACTIONS = [
    'rearm',
    'wiped asks for a token',
    'wiped asks',
    'wiped asks anew',
    'wiped proves',
    'holder asks for a token',
    'holder asks',
    'holder asks anew',
    'holder proves',
  ] as const
  type World = {
    readonly device: DeviceCredentials
    readonly wiped: IssuedId | null
    readonly holder: IssuedId
    readonly asked: IssuedId | null
  }

  const NOW_MS = REARMED_MS
  const good = (device: DeviceCredentials, id: CredentialId): boolean => token(device, id, NOW_MS).answer.granted

  /** Whoever is refused learns nothing; a request that is not answered leaves the world as the rules left it. */
  function act(world: World, action: (typeof ACTIONS)[number]): World {
    const { device, wiped, holder, asked } = world
    switch (action) {
      case 'rearm':
        return { ...world, device: rearmed(device, TEMPORARY).device }
      case 'wiped asks for a token':
        return { ...world, device: token(device, TEMPORARY, NOW_MS).device ?? device }
      case 'wiped asks':
      case 'wiped asks anew': {
        const { answer, device: after } = ask(device, TEMPORARY, action, NOW_MS)
        return { ...world, device: after ?? device, wiped: answer.issued ? answer.id : wiped }
      }
      case 'wiped proves':
        return wiped === null ? world : { ...world, device: token(device, wiped, NOW_MS).device ?? device }
      case 'holder asks for a token':
        return { ...world, device: token(device, holder, NOW_MS).device ?? device }
      case 'holder asks':
      case 'holder asks anew': {
        const order = { order: 'order', openOrder: 'order', kind: 'issued', nonce: action, nextId, nowMs: NOW_MS } as const
        const { answer, device: after } = requestRotation(device, { ...order, credentialId: holder })
        return { ...world, device: after ?? device, asked: answer.issued ? answer.id : asked }
      }
      case 'holder proves': {
        if (asked === null) return world
        const { answer, device: after } = token(device, asked, NOW_MS)
        return { ...world, device: after ?? device, holder: answer.granted ? asked : holder }
      }
    }
  }

  function check({ device, wiped, holder, asked }: World, action: (typeof ACTIONS)[number], before: World): void {
    const inState = (state: string) => device.issued.filter((record) => record.state === state)
    expect([inState('current').length, inState('pending').length <= 1]).toEqual([1, true])
    const holds = [holder, ...(asked === null ? [] : [asked])].some((id) => good(device, id))
    const isBack = wiped !== null && issuedRecord(device, wiped)?.state === 'current'
    // One of the two works, also where the wiped one came back and was wiped again.
    const comesBack = good(device, TEMPORARY) || (wiped !== null && good(device, wiped))
    expect(holds || comesBack).toBe(true)
    expect(good(device, TEMPORARY)).toBe(device.rearmed !== null)
    if (isBack) expect(good(device, holder)).toBe(false)
    if (action === 'holder asks for a token' && good(before.device, holder)) {
      expect(good(device, TEMPORARY)).toBe(false)
      if (wiped !== null && wiped !== asked) expect(good(device, wiped)).toBe(isBack)
    }
  }

  test('one of them always works, and never both for long', () => {
    const start: World = { device: swapped, wiped: null, holder: secret('id-2'), asked: null }
    const seen = new Set([JSON.stringify(start)])
    let frontier: readonly World[] = [start]
    while (frontier.length > 0) {
      const next: World[] = []
      for (const world of frontier) {
        for (const action of ACTIONS) {
          const reached = act(world, action)
          const key = JSON.stringify(reached)
          if (seen.has(key)) continue
          seen.add(key)
          check(reached, action, world)
          next.push(reached)
        }
      }
      frontier = next
    }
    expect(seen.size).toBeGreaterThan(50)
  })
})
