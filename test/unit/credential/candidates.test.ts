import { describe, expect, it } from 'vitest'
import { candidatesOf } from '../../../agent/credential/candidates.ts'
import {
  credentialLabel,
  type IssuedSecret,
  isSameCredential,
  type SharedSecret,
  type TemporarySecret,
} from '../../../agent/credential/credential.ts'
import { Secret } from '../../../agent/credential/secret.ts'

const secret = () => new Secret(new Uint8Array(32))
const issued = (secretId: string): IssuedSecret => ({ kind: 'shared-secret', id: { kind: 'issued', secretId }, secret: secret() })
const temporary = (keyId: string): TemporarySecret => ({ kind: 'temporary-secret', id: { kind: 'temporary', keyId }, secret: secret() })
const flashed: SharedSecret = { kind: 'shared-secret', id: { kind: 'flashed' }, secret: secret() }

const pending = issued('m1-2-aaaaaaaaaaaaaaaa-aaaaaaaaaaaaa')
const current = issued('m1-1-aaaaaaaaaaaaaaaa-aaaaaaaaaaaaa')

describe('the candidates of a device', () => {
  it.each([
    ['nothing at all', { pending: null, current: null }, [], []],
    ['a temporary secret only', { pending: null, current: null }, [temporary('k')], ['temporary t.k']],
    ['a current secret', { pending: null, current }, [temporary('k')], [`current ${credentialLabel(current)}`, 'temporary t.k']],
    [
      'a pending and a current secret',
      { pending, current },
      [temporary('k')],
      [`pending ${credentialLabel(pending)}`, `current ${credentialLabel(current)}`, 'temporary t.k'],
    ],
    [
      'several flashed ones',
      { pending: null, current: null },
      [temporary('a'), flashed, temporary('b')],
      ['temporary t.a', 'flashed flashed', 'temporary t.b'],
    ],
    ['only what was stored', { pending, current: null }, [], [`pending ${credentialLabel(pending)}`]],
  ] as const)('with %s are what was stored, newest first, then the CA config in its order', (_, stored, config, expected) => {
    expect(candidatesOf(stored, config).map(({ slot, credential }) => `${slot} ${credentialLabel(credential)}`)).toEqual(expected)
  })
})

describe('the label of a credential', () => {
  it('says which one is meant and never holds the secret', () => {
    expect([pending, temporary('k'), flashed].map(credentialLabel)).toEqual([`s.m1-2-aaaaaaaaaaaaaaaa-aaaaaaaaaaaaa`, 't.k', 'flashed'])
  })
})

describe('two candidates', () => {
  it('hold the same credential when its id is the same, whatever the slot', () => {
    expect(isSameCredential({ slot: 'pending', credential: pending }, { slot: 'current', credential: issued(pending.id.secretId) })).toBe(
      true,
    )
  })

  it.each([
    [{ slot: 'pending', credential: pending } as const, { slot: 'current', credential: current } as const],
    [{ slot: 'temporary', credential: temporary('a') } as const, { slot: 'temporary', credential: temporary('b') } as const],
    [{ slot: 'flashed', credential: flashed } as const, { slot: 'temporary', credential: temporary('flashed') } as const],
  ])('of other ids do not', (a, b) => {
    expect(isSameCredential(a, b)).toBe(false)
  })
})
