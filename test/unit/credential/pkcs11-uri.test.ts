import { describe, expect, it } from 'vitest'
import { looksLikePkcs11Uri, parsePkcs11Uri } from '../../../agent/credential/pkcs11-uri.ts'

describe('a pkcs11: URI', () => {
  it.each([
    ['pkcs11:token=chip;object=dev', 'pkcs11:token=chip;object=dev;type=private'],
    ['pkcs11:object=my%20key;type=private;token=chip', 'pkcs11:object=my%20key;token=chip;type=private'],
    ['pkcs11:id=%01%ab;serial=0815;', 'pkcs11:id=%01%ab;serial=0815;type=private'],
    [
      'pkcs11:model=m;manufacturer=ACME%2C%20Inc.;slot-id=3;object=a&b',
      'pkcs11:model=m;manufacturer=ACME%2C%20Inc.;slot-id=3;object=a&b;type=private',
    ],
  ])('%s names a private key', (text, uri) => {
    expect(looksLikePkcs11Uri(text)).toBe(true)
    expect(parsePkcs11Uri(text)).toEqual({ ok: true, value: uri })
  })

  it.each([
    ['no such URI', 'file:/dev/x', /begins with pkcs11:/],
    ['a PIN', 'pkcs11:object=a?pin-value=1234', /give that as pin/],
    ['a PIN elsewhere', 'pkcs11:object=a?module-name=x&pin-source=file:/x', /give that as pin/],
    ['a module', 'pkcs11:object=a?module-path=/x.so', /PKCS11_MODULE_PATH/],
    ['no key', 'pkcs11:token=chip', /names no key/],
    ['a public key', 'pkcs11:object=a;type=public', /no private key/],
    ['an unknown attribute', 'pkcs11:objekt=a', /attribute 1 is none of/],
    ['an attribute twice', 'pkcs11:object=a;object=b', /twice/],
    ['an empty value', 'pkcs11:object=', /attribute 1 is missing/],
    ['an attribute without a value', 'pkcs11:token=a;object', /attribute 2 is missing/],
    ['a space', 'pkcs11:object=a b', /not percent-encoded/],
    ['a quote', 'pkcs11:object=a"b', /not percent-encoded/],
    ['a half escape', 'pkcs11:object=a%2', /not percent-encoded/],
    ['a line feed', 'pkcs11:object=a\n', /not percent-encoded/],
    ['no end', `pkcs11:object=${'a'.repeat(600)}`, /at most 512/],
  ])('with %s is refused, and not quoted', (_, text, problem) => {
    const result = parsePkcs11Uri(text)
    expect(result.ok ? '' : result.problem).toMatch(problem)
    expect(result.ok ? '' : result.problem).not.toContain('1234')
  })
})
