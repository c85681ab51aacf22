import { describe, expect, it } from 'vitest'
import { type CredentialId, type InnerIdentity, parseInnerIdentity } from '../../../../agent/contract/names.ts'
import { type DeviceCredentials, type IssuedState, NO_CREDENTIALS } from '../../../../cloud/rules/device-credentials.ts'
import { isIdentityOf, judgeAtHotspot } from '../../../../cloud/rules/hotspot.ts'

const FINGERPRINT = 'a'.repeat(52)
const id = { kind: 'certificate', fingerprint: FINGERPRINT } as const
const holder = { account: 'acme', device: 'SN-1' }

function identityOf(text: string): InnerIdentity {
  const identity = parseInnerIdentity(`${text}.zipkey.test`)
  if (!identity.ok) throw new Error(identity.problem)
  return identity.value
}

describe('beside a certificate of acme/SN-1 an identity', () => {
  it.each([
    ['anonymous@acme', true],
    ['SN-1@acme', true],
    [`SN-1+c.${FINGERPRINT}@acme`, true],
    [`anonymous+c.${FINGERPRINT}@acme`, true],
    ['anonymous@umbra', false],
    ['SN-1@umbra', false],
    ['SN-2@acme', false],
    ['sn-1@acme', false],
    [`SN-2+c.${FINGERPRINT}@acme`, false],
    [`SN-1+c.${'b'.repeat(52)}@acme`, false],
    ['SN-1+t.line-7@acme', false],
  ])('%s may stand: %s', (text, expected) => {
    expect(isIdentityOf(identityOf(text), holder, id)).toBe(expected)
  })
})

describe('a certificate at a hotspot', () => {
  const withState = (state: IssuedState): DeviceCredentials => ({
    ...NO_CREDENTIALS,
    issued: [{ id, generation: 1, nonce: 'nonce', state }],
  })
  const judge = (device: DeviceCredentials | null, shown: CredentialId = id) =>
    judgeAtHotspot(device, { id: shown, presented: null, nowMs: 0 })

  it.each(['pending', 'current'] as const)('opens it while it is %s', (state) => {
    expect(judge(withState(state))).toEqual({ good: true, use: state })
  })

  it.each(['superseded', 'revoked'] as const)('does not once it is %s', (state) => {
    expect(judge(withState(state))).toEqual({ good: false, reason: `the credential is ${state}` })
  })

  it('does not where the device never had it, or a secret bears its name', () => {
    expect(judge(null).good).toBe(false)
    expect(judge(withState('current'), { kind: 'certificate', fingerprint: 'b'.repeat(52) }).good).toBe(false)
    expect(judge(withState('current'), { kind: 'issued', secretId: FINGERPRINT }).good).toBe(false)
  })
})
