import { createPublicKey } from 'node:crypto'
import { CompactEncrypt, calculateJwkThumbprint, compactDecrypt } from 'jose'
import { expect, test } from 'vitest'
import { createMasterKey, formatMasterKeys, type MasterKeys, parseMasterKeys } from '../../../../cloud/crypto/master-key.ts'
import { registrationKeysOf } from '../../../../cloud/crypto/registration-key.ts'

function keysOf(...texts: readonly (readonly [string, string])[]): MasterKeys {
  const parsed = parseMasterKeys(JSON.stringify({ keys: texts.map(([id, key]) => ({ id, key })) }))
  if (!parsed.ok) throw new Error(parsed.problem)
  return parsed.value.keys
}

const ONE = ['m1', Buffer.alloc(32, 1).toString('base64url')] as const
const TWO = ['m2', Buffer.alloc(32, 2).toString('base64url')] as const

test('each master key has a registration key of its own, the same in every process', async () => {
  const [before, after] = [await registrationKeysOf(keysOf(ONE)), await registrationKeysOf(keysOf(TWO, ONE))]
  expect(after.map(({ kid }) => kid)[1]).toBe(before[0]?.kid)
  expect(after[0]?.kid).not.toBe(before[0]?.kid)
  // Factories encrypt to it for years: whatever makes another key of the same master key breaks them.
  expect(before[0]?.kid).toBe('cuYbwiy-_Nru5btQ1ZDZz2n2bOYJ968FEiv4JLfsCko')
})

test('what is published is public, is called by its thumbprint, and is what opens a part', async () => {
  const [key] = await registrationKeysOf([createMasterKey()])
  if (key === undefined) throw new Error('no key')
  expect(key.publicJwk).not.toHaveProperty('d')
  expect(key.kid).toBe(await calculateJwkThumbprint(key.publicJwk))
  const sealed = await new CompactEncrypt(Buffer.from('part'))
    .setProtectedHeader({ alg: 'ECDH-ES+A256KW', enc: 'A256GCM' })
    .encrypt(createPublicKey({ key: { ...key.publicJwk }, format: 'jwk' }))
  expect(Buffer.from((await compactDecrypt(sealed, key.privateKey)).plaintext).toString()).toBe('part')
})

test('the file of master keys holds nothing more for it', () => {
  expect(Object.keys(JSON.parse(formatMasterKeys(keysOf(ONE))).keys[0])).toEqual(['id', 'key'])
})
