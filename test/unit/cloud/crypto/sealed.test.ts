import { describe, expect, test } from 'vitest'
import { createMasterKey, formatMasterKeys, type MasterKeys, parseMasterKeys } from '../../../../cloud/crypto/master-key.ts'
import { seal, unseal } from '../../../../cloud/crypto/sealed.ts'

const keys: MasterKeys = [createMasterKey()]
const secret = new Uint8Array(32).fill(9)

describe('a sealed secret', () => {
  const sealed = seal(keys, ['flashed-secret', 'acme', 'SN-1'], secret)

  test('opens for whom it was sealed, and is another text each time', () => {
    expect(unseal(keys, ['flashed-secret', 'acme', 'SN-1'], sealed)).toEqual(secret)
    expect(seal(keys, ['flashed-secret', 'acme', 'SN-1'], secret)).not.toBe(sealed)
  })

  test.each([
    ['another device', ['flashed-secret', 'acme', 'SN-2']],
    ['another account', ['flashed-secret', 'umbra', 'SN-1']],
    ['another use', ['provisioning-key', 'acme', 'SN-1']],
  ] as const)('does not open for %s', (_, context) => {
    expect(() => unseal(keys, context, sealed)).toThrow()
  })

  test('does not open when a bit is changed, or under another master key', () => {
    const bytes = Buffer.from(sealed.slice(3), 'base64url')
    bytes[20] = (bytes[20] ?? 0) ^ 1
    expect(() => unseal(keys, ['flashed-secret', 'acme', 'SN-1'], `m1.${bytes.toString('base64url')}`)).toThrow()
    expect(() => unseal([createMasterKey()], ['flashed-secret', 'acme', 'SN-1'], sealed)).toThrow()
    expect(() => unseal([{ ...keys[0], id: 'm2' }], ['flashed-secret', 'acme', 'SN-1'], sealed)).toThrow(/missing/)
  })

  test('still opens after another master key came first', () => {
    expect(unseal([{ ...createMasterKey(), id: 'm2' }, ...keys], ['flashed-secret', 'acme', 'SN-1'], sealed)).toEqual(secret)
  })
})

describe('the master key file', () => {
  test('reads what it wrote', () => {
    expect(parseMasterKeys(formatMasterKeys(keys))).toEqual({ ok: true, value: { keys, givenUp: [] } })
  })

  test.each(['', '{}', '{"keys":[]}', '{"keys":[{"id":"m1","key":"AAAA"}]}', '{"keys":[{"id":"M 1","key":"AAAA"}]}', '[1]'])(
    '%s is none',
    (text) => {
      expect(parseMasterKeys(text).ok).toBe(false)
    },
  )
})
