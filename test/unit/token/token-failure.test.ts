import { describe, expect, it } from 'vitest'
import { whyConnectionFailed, whyTokenFailed } from '../../../agent/token/token-failure.ts'

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

describe('what openssl says of a connection by a token', () => {
  it.each([
    ['depth=0 CN = x\nverify error:num=10:certificate has expired\nSSL routines::certificate verify failed', 'ERR_CLOUD_DATES'],
    ['verify error:num=20:unable to get local issuer certificate\nSSL routines::certificate verify failed', 'ERR_CLOUD_TLS'],
    ['verify error:num=62:hostname mismatch\nSSL routines::certificate verify failed', 'ERR_CLOUD_TLS'],
    ['40F7:error:0A000410:SSL routines:ssl3_read_bytes:sslv3 alert handshake failure', 'ERR_CLOUD_TLS'],
    ['40F7:error:8000006F:system library:BIO_connect:Connection refused\nconnect:errno=111', 'ERR_CLOUD_UNREACHABLE'],
    ['BIO_lookup_ex:system lib:../crypto/bio/bio_addr.c:Name or service not known\nconnect:errno=22', 'ERR_CLOUD_UNREACHABLE'],
    ['40F7:error:0A000126:SSL routines:ssl3_read_n:unexpected eof while reading', 'ERR_CLOUD_UNREACHABLE'],
    ['PKCS#11 module:ERR_CKR_error:PIN incorrect:p11_slot.c:208:', 'ERR_TOKEN_PIN'],
    ['The private key was not found at: pkcs11:object=a\nERR_ENG_error:object not found', 'ERR_TOKEN_KEY'],
    ['spawn openssl ENOENT', 'ERR_TOKEN_ABSENT'],
  ])('%j is %s', (complaint, code) => {
    expect(whyConnectionFailed(complaint)).toMatchObject({ code })
  })
})
