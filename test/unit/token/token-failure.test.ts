import { describe, expect, it } from 'vitest'
import { whyTokenFailed } from '../../../agent/token/token-failure.ts'

describe('what openssl says of a token', () => {
  it.each([
    ['418000A0:PKCS#11 module:ERR_CKR_error:PIN incorrect:p11_slot.c:208:', 'ERR_TOKEN_PIN', /refused the PIN/],
    ['PKCS#11 module:ERR_CKR_error:PIN locked:p11_slot.c:208:\nLogin failed\nobject not found', 'ERR_TOKEN_PIN', /locked itself/],
    [
      'Enter PKCS#11 token PIN for x:UI_process failed\nNo PIN code was entered\nThe private key was not found',
      'ERR_TOKEN_PIN',
      /none is given/,
    ],
    ['No matching initialized token was found for private key\nobject not found', 'ERR_TOKEN_ABSENT', /no token that the URI names/],
    ['The private key was not found at: pkcs11:object=a\nERR_ENG_error:object not found', 'ERR_TOKEN_KEY', /no private key/],
    ['invalid engine "pkcs11"\ncould not load the shared library:dso_dlfcn.c', 'ERR_TOKEN_ABSENT', /libp11/],
    ['/nope.so: cannot open shared object file\nUnable to load module /nope.so', 'ERR_TOKEN_ABSENT', /module/],
    ['spawn openssl ENOENT', 'ERR_TOKEN_ABSENT', /openssl is not installed/],
    ['something new about 4711', 'ERR_TOKEN_ABSENT', /^the token did not sign$/],
    ['', 'ERR_TOKEN_ABSENT', /^the token did not sign$/],
  ])('%j is %s', (complaint, code, message) => {
    expect(whyTokenFailed(complaint)).toMatchObject({ code, message: expect.stringMatching(message) })
  })
})
