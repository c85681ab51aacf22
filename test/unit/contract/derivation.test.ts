import { hkdfSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import {
  deriveApiKey,
  deriveDeliveryKey,
  deriveHotspotPassword,
  deriveIssuedSecret,
  deriveTemporarySecret,
  stretchOpaqueSecret,
  stretchOpaqueSecretAside,
} from '../../../agent/contract/derivation.ts'

const KEY = new Uint8Array(32).fill(5)
const NAME = { account: 'acme', device: 'dev-1' }
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

const everyValue = (key: Uint8Array, name: typeof NAME): readonly string[] => [
  hex(deriveTemporarySecret(key, name)),
  hex(Buffer.from(deriveHotspotPassword(key, name, 'a.example'), 'base64url')),
  hex(Buffer.from(deriveHotspotPassword(key, name, 'b.example'), 'base64url')),
  hex(deriveApiKey(key, name)),
  hex(deriveDeliveryKey(key, name)),
  hex(deriveIssuedSecret(key, name, 'm1-1-x-y')),
  hex(deriveIssuedSecret(key, name, 'm1-2-x-y')),
]

describe('derivation', () => {
  it('separates every use, key, account and device', () => {
    const values = [
      ...everyValue(KEY, NAME),
      ...everyValue(new Uint8Array(32).fill(6), NAME),
      ...everyValue(KEY, { account: 'acme2', device: 'dev-1' }),
      ...everyValue(KEY, { account: 'acme', device: 'dev-2' }),
      ...everyValue(KEY, { account: 'acmed', device: 'ev-1' }),
    ]
    expect(new Set(values).size).toBe(values.length)
    for (const value of values) expect(value).toMatch(/^[0-9a-f]{64}$/)
  })

  it('is HKDF with the labels of the contract', () => {
    const info = 'hotspot-password\0acme\0dev-1\0a.example'
    const expected = Buffer.from(hkdfSync('sha256', KEY, 'zipkey/v1', info, 32)).toString('base64url')
    expect(deriveHotspotPassword(KEY, NAME, 'a.example')).toBe(expected)
  })

  it('gives a password that a supplicant takes: 43 characters, printable', () => {
    expect(deriveHotspotPassword(KEY, NAME, 'a.example')).toMatch(/^[A-Za-z0-9_-]{43}$/)
  })
})

describe('an opaque secret', () => {
  it('is stretched for one device of one account', () => {
    const stretched = [
      stretchOpaqueSecret('hunter2', NAME),
      stretchOpaqueSecret('hunter3', NAME),
      stretchOpaqueSecret('hunter2', { ...NAME, device: 'dev-2' }),
      stretchOpaqueSecret('hunter2', { ...NAME, account: 'acme2' }),
    ].map(hex)
    expect(new Set(stretched).size).toBe(4)
  })

  it('is stretched alike while something else goes on', async () => {
    expect(await stretchOpaqueSecretAside('hunter2', NAME)).toEqual(stretchOpaqueSecret('hunter2', NAME))
  })

  it('is taken as it is: composed and decomposed letters differ', () => {
    expect(hex(stretchOpaqueSecret('Z\u00FCrich', NAME))).not.toBe(hex(stretchOpaqueSecret('Zu\u0308rich', NAME)))
  })
})
