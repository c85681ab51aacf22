import { describe, expect, it } from 'vitest'
import type { CredentialId } from '../../../../agent/contract/names.ts'
import { type DeviceCredentials, type IssuedId, NO_CREDENTIALS } from '../../../../cloud/rules/device-credentials.ts'
import { requestRotation } from '../../../../cloud/rules/rotation.ts'
import { tokenByFlashed, tokenByIssued } from '../../../../cloud/rules/token.ts'

const secret = (secretId: string): IssuedId => ({ kind: 'issued', secretId })

const SHOWN = { nowMs: 0, madeMs: 0 }
const OPEN = { order: 'order', openOrder: 'order', nowMs: 0 } as const
const current: DeviceCredentials = {
  ...NO_CREDENTIALS,
  temporary: { state: 'superseded', keyId: 'line-7' },
  issued: [{ id: secret('id-1'), generation: 1, nonce: 'nonce-1', state: 'current' }],
}
const flashed: DeviceCredentials = { ...NO_CREDENTIALS, flashed: 'good' }
const byIssued = secret('id-1')

const rotate = (device: DeviceCredentials, credentialId: CredentialId, orderOpen = true, nonce = 'nonce-2') =>
  requestRotation(device, {
    ...OPEN,
    openOrder: orderOpen ? 'order' : null,
    credentialId,
    kind: 'issued',
    nonce,
    nextId: (generation) => secret(`id-${generation}`),
  })

describe('a rotation', () => {
  it('issues the next generation and leaves the current secret good until the new one is proved', () => {
    const verdict = rotate(current, byIssued)
    expect(verdict.answer).toEqual({ issued: true, id: secret('id-2') })
    expect(tokenByIssued(verdict.device, secret('id-1'), SHOWN).answer.granted).toBe(true)
    const proved = tokenByIssued(verdict.device, secret('id-2'), SHOWN)
    expect(proved.answer.granted).toBe(true)
    expect(tokenByIssued(proved.device, secret('id-1'), SHOWN).answer.granted).toBe(false)
  })

  it('gives the same answer to the same nonce, and supersedes an unused one for a new nonce', () => {
    const once = rotate(current, byIssued)
    const again = rotate(once.device ?? current, byIssued)
    expect(again.answer).toEqual(once.answer)
    const other = rotate(again.device ?? current, byIssued, true, 'nonce-3')
    expect(other.answer).toEqual({ issued: true, id: secret('id-3') })
    expect(rotate(other.device ?? current, byIssued).answer).toMatchObject({ issued: false, problem: 'nonce-spent' })
  })

  it('leads from a secret to a certificate and back', () => {
    const certificate: IssuedId = { kind: 'certificate', fingerprint: 'c-2' }
    const request = { credentialId: byIssued, ...OPEN, kind: 'certificate', nonce: 'nonce-2', nextId: () => certificate } as const
    const asked = requestRotation(current, request)
    expect(asked.answer).toEqual({ issued: true, id: certificate })
    expect(asked.events.map(({ event }) => event)).toEqual(['certificate-issued'])
    const proved = tokenByIssued(asked.device, certificate, SHOWN).device ?? current
    expect(tokenByIssued(proved, secret('id-1'), SHOWN).answer.granted).toBe(false)
    const back = rotate(proved, certificate, true, 'nonce-3')
    expect(back.answer).toEqual({ issued: true, id: secret('id-3') })
    expect(tokenByIssued(tokenByIssued(back.device, secret('id-3'), SHOWN).device, certificate, SHOWN).answer.granted).toBe(false)
  })

  it('never answers a nonce with another kind of credential than it asked for', () => {
    const { device } = rotate(current, byIssued)
    const request = {
      credentialId: byIssued,
      ...OPEN,
      kind: 'certificate',
      nonce: 'nonce-2',
      nextId: () => secret('never'),
    } as const
    const verdict = requestRotation(device ?? current, request)
    expect(verdict.answer).toMatchObject({ issued: false, problem: 'nonce-spent' })
    expect(verdict.device).toEqual(device)
  })

  it('replaces a flashed secret too', () => {
    const verdict = rotate(flashed, { kind: 'flashed' })
    expect(tokenByFlashed(verdict.device, SHOWN).answer.granted).toBe(true)
    const proved = tokenByIssued(verdict.device, secret('id-1'), SHOWN)
    expect(tokenByFlashed(proved.device, SHOWN).answer.granted).toBe(false)
  })

  it.each([
    { story: 'without an open order', device: current, id: byIssued, orderOpen: false, problem: 'order-closed' },
    {
      story: 'by a superseded secret',
      device: { ...current, issued: [{ ...current.issued[0], state: 'superseded' }] } as DeviceCredentials,
      id: byIssued,
      ...OPEN,
      problem: 'revoked',
    },
    {
      story: 'by a temporary one',
      device: current,
      id: { kind: 'temporary', keyId: 'line-7' } as CredentialId,
      ...OPEN,
      problem: 'revoked',
    },
    {
      story: 'by a flashed one that was superseded',
      device: { ...flashed, flashed: 'superseded' } as DeviceCredentials,
      id: { kind: 'flashed' } as CredentialId,
      ...OPEN,
      problem: 'revoked',
    },
  ])('is refused $story, and nothing changes', ({ device, id, orderOpen, problem }) => {
    const verdict = rotate(device, id, orderOpen)
    expect(verdict.answer).toMatchObject({ issued: false, problem })
    expect(verdict.device).toEqual(device)
  })
})
