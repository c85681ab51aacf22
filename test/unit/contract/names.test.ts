import { describe, expect, it } from 'vitest'
import {
  type CredentialId,
  formatCredentialId,
  formatInnerIdentity,
  formatOuterIdentity,
  parseAccountId,
  parseCredentialId,
  parseDeviceId,
  parseInnerIdentity,
  parseKeyId,
  parseRealm,
  parseSubject,
} from '../../../agent/contract/names.ts'

const SECRET_ID = 'm1-1-6dy7f47u6x3ppoh2-aaaaaaaaaaaaa'

describe('a credential id', () => {
  it.each<[string | null, CredentialId]>([
    ['t.line-7', { kind: 'temporary', keyId: 'line-7' }],
    ['t.s', { kind: 'temporary', keyId: 's' }],
    [`s.${SECRET_ID}`, { kind: 'issued', secretId: SECRET_ID }],
    [null, { kind: 'flashed' }],
  ])('%s is read and written alike', (text, id) => {
    expect(parseCredentialId(text)).toEqual({ ok: true, value: id })
    expect(formatCredentialId(id)).toBe(text)
  })

  it.each([
    '',
    't.',
    's.',
    't',
    'line-7',
    'T.line-7',
    't.Line',
    't.line-7\n',
    't.a.b',
    'x.line-7',
    `t.${SECRET_ID}\0`,
    `S.${SECRET_ID}`,
    's.m1-0-6dy7f47u6x3ppoh2-aaaaaaaaaaaaa',
    's.m1-01-6dy7f47u6x3ppoh2-aaaaaaaaaaaaa',
    's.m1--1-6dy7f47u6x3ppoh2-aaaaaaaaaaaaa',
    's.m1-12345678901-6dy7f47u6x3ppoh2-aaaaaaaaaaaaa',
    's.m1-1-6dy7f47u6x3ppoh-aaaaaaaaaaaaa',
    's.m1-1-6dy7f47u6x3ppoh1-aaaaaaaaaaaaa',
    's.m1-1-6DY7F47U6X3PPOH2-aaaaaaaaaaaaa',
    's.m-1-1-6dy7f47u6x3ppoh2-aaaaaaaaaaaaa',
    `s.${SECRET_ID}-x`,
    's.mmmmmmmmmmmmm-1-6dy7f47u6x3ppoh2-aaaaaaaaaaaaa',
  ])('%j is refused', (text) => {
    expect(parseCredentialId(text).ok).toBe(false)
  })
})

describe('a realm', () => {
  const label63 = 'a'.repeat(63)
  it.each(['zipkey.invalid', 'example', 'a.b.c', 'x-1.example', '1.2', label63, `${label63}.${'b'.repeat(36)}`])('accepts %s', (text) => {
    expect(parseRealm(text)).toEqual({ ok: true, value: text })
  })

  it.each([
    '',
    '.',
    'a.',
    '.a',
    'a..b',
    'A.example',
    '-a',
    'a-',
    'a.-b',
    'a_b',
    'a b',
    'a@b',
    'ä.de',
    'a\0',
    'a\n',
    `${label63}a`,
    `${'a.'.repeat(50)}ab`,
  ])('refuses %j', (text) => {
    expect(parseRealm(text).ok).toBe(false)
  })
})

describe('the id of a provisioning key', () => {
  it('has the form of an account id', () => {
    expect(parseKeyId('line-7')).toEqual({ ok: true, value: 'line-7' })
    for (const text of ['', 'Line', 'a.b', '-a', 'a+b', 'a'.repeat(32)]) expect(parseKeyId(text).ok, text).toBe(false)
  })
})

describe('an inner identity', () => {
  it.each([
    '',
    '@',
    '+@.',
    'dev-1',
    'dev-1@acme',
    'dev-1@acme.',
    '@acme.zipkey.example',
    'dev-1@.zipkey.example',
    'dev-1+@acme.zipkey.example',
    '+t.line-7@acme.zipkey.example',
    'dev-1+t.line-7+t.line-8@acme.zipkey.example',
    'dev-1+t.line-7@acme.zipkey.example@evil.example',
    'dev-1@evil@acme.zipkey.example',
    'dev-1+x.line-7@acme.zipkey.example',
    'dev-1 @acme.zipkey.example',
    'dev-1@ACME.zipkey.example',
    'dev-1@acme.Zipkey.example',
    'dev-1\0@acme.zipkey.example',
    'dev-1@acme.zipkey.example\0',
    'dev-1@acme.zipkey.example\n',
    '\r\ndev-1@acme.zipkey.example',
    'dév-1@acme.zipkey.example',
    'dev\u200B-1@acme.zipkey.example',
    'ｄev-1@acme.zipkey.example',
    'dev-1@аcme.zipkey.example',
    "' OR 1=1 --@acme.zipkey.example",
    '%{User-Name}@acme.zipkey.example',
    '../../etc@acme.zipkey.example',
    `${'d'.repeat(64)}@acme.zipkey.example`,
    `dev-1@${'a'.repeat(32)}.zipkey.example`,
    `dev-1@acme.${'r'.repeat(101)}`,
  ])('%j is refused', (text) => {
    const read = parseInnerIdentity(text)
    expect(read.ok).toBe(false)
  })

  it('of any well-formed parts is read back as it was', () => {
    for (const device of ['d', 'SN-000123', 'a.b_c', '02-00-5e-10-00-01'])
      for (const account of ['a', 'acme', 'a--b', '0'])
        for (const realm of ['example', 'zipkey.example', 'a.b.c.d'])
          for (const credentialId of [
            { kind: 'flashed' } as const,
            { kind: 'temporary', keyId: '7' } as const,
            { kind: 'issued', secretId: SECRET_ID } as const,
          ]) {
            const identity = { device, account, realm, credentialId }
            expect(parseInnerIdentity(formatInnerIdentity(identity))).toEqual({ ok: true, value: identity })
          }
  })

  it('fits into a RADIUS User-Name (253 bytes) at its longest', () => {
    const identity = {
      device: 'd'.repeat(63),
      account: 'a'.repeat(31),
      realm: `${'r'.repeat(50)}.${'s'.repeat(49)}`,
      credentialId: { kind: 'issued', secretId: `${'m'.repeat(12)}-9999999999-${'a'.repeat(16)}-${'a'.repeat(13)}` },
    } as const
    const text = formatInnerIdentity(identity)
    expect(parseInnerIdentity(text)).toEqual({ ok: true, value: identity })
    expect(Buffer.byteLength(text)).toBe(253)
  })

  it('never shows the device in the outer identity', () => {
    expect(formatOuterIdentity('acme', 'zipkey.example')).toBe('anonymous@acme.zipkey.example')
  })
})

describe('a subject', () => {
  it.each([
    '',
    '/',
    'acme',
    'acme/',
    '/dev-1',
    'acme/dev-1/',
    'acme//dev-1',
    'acme/a/b',
    'Acme/dev-1',
    'acme/dev 1',
    'acme/dev-1\n',
    'acme\0/dev-1',
  ])('%j is refused', (text) => {
    expect(parseSubject(text).ok).toBe(false)
  })
})

describe('hostile text of any length', () => {
  const parsers = { parseAccountId, parseDeviceId, parseKeyId, parseRealm, parseInnerIdentity, parseSubject, parseCredentialId }
  const million = 1_000_000
  const texts = ['a', 'a.', 'a-', '+', '@', 'a@', '\0', '\uD800', '🛰', '-', '.', '/'].flatMap((part) => [
    part.repeat(million),
    `dev-1+${part.repeat(million)}`,
    `dev-1@${part.repeat(million)}`,
    `acme/${part.repeat(million)}`,
    `s.${part.repeat(million)}`,
  ])

  it.each(Object.entries(parsers))('is refused by %s at once, without quoting it', (_, parse) => {
    const startMs = performance.now()
    for (const text of texts) {
      const read = parse(text)
      expect(read.ok).toBe(false)
      expect(read.ok ? '' : read.problem).toMatch(/^[\x20-\x7e]{10,120}$/)
    }
    expect(performance.now() - startMs).toBeLessThan(2_000)
  })
})
