/** What openssl says of a token that did not sign: pure, so that every complaint has a line in a table of tests. */
import { AgentError } from '../failure.ts'

/** The same of a TLS connection, which may fail for other reasons than its token. */
export function whyConnectionFailed(complaint: string): AgentError {
  if (/certificate has expired|certificate is not yet valid/i.test(complaint))
    return new AgentError('ERR_CLOUD_DATES', "the Cloud API's certificate is outside its dates")
  if (/verify error|certificate verify failed|mismatch/i.test(complaint))
    return new AgentError('ERR_CLOUD_TLS', "the Cloud API's certificate was not issued by cloud.ca, or is for another name")
  if (
    /connect:errno|Connection refused|BIO_(lookup|connect)|getaddrinfo|Name or service|unexpected eof|Network is unreachable/i.test(
      complaint,
    )
  )
    return new AgentError('ERR_CLOUD_UNREACHABLE', 'the connection to the Cloud API failed')
  if (/SSL routines/.test(complaint)) return new AgentError('ERR_CLOUD_TLS', 'the TLS handshake with the Cloud API failed')
  return whyTokenFailed(complaint)
}

/** The failure that it is; nothing of the complaint is repeated, since it quotes what modules and tokens like to say. */
export function whyTokenFailed(complaint: string): AgentError {
  if (/PIN (incorrect|invalid|len range|expired)|CKR_PIN_(INCORRECT|INVALID|LEN_RANGE|EXPIRED)/i.test(complaint))
    return new AgentError('ERR_TOKEN_PIN', 'the token refused the PIN')
  if (/PIN locked|CKR_PIN_LOCKED/i.test(complaint)) return new AgentError('ERR_TOKEN_PIN', 'the token has locked itself after wrong PINs')
  if (/No PIN code was entered|User not logged in|CKR_USER_NOT_LOGGED_IN|Login .*required|UI_process failed/i.test(complaint))
    return new AgentError('ERR_TOKEN_PIN', 'the token asks for a PIN, and none is given')
  if (/no matching (initialized )?token|Found 0 slots|No slot|token not (present|recognized)|No tokens found/i.test(complaint))
    return new AgentError('ERR_TOKEN_ABSENT', 'no token that the URI names is there')
  if (/ENOENT/.test(complaint)) return new AgentError('ERR_TOKEN_ABSENT', 'openssl is not installed')
  if (/invalid engine|could not load the shared library|dso not found/i.test(complaint))
    return new AgentError('ERR_TOKEN_ABSENT', "OpenSSL's engine for PKCS#11 (libp11) is not installed")
  if (/Unable to load( PKCS#11)? module|cannot open shared object/i.test(complaint))
    return new AgentError('ERR_TOKEN_ABSENT', 'the PKCS#11 module cannot be loaded')
  if (/object not found|private key was not found/i.test(complaint))
    return new AgentError('ERR_TOKEN_KEY', 'the token holds no private key that the URI names')
  return new AgentError('ERR_TOKEN_ABSENT', 'the token did not sign')
}
