/** What an error of a connection means to the lifecycle. The certificate codes are those of OpenSSL, as Node's `tls` page lists them. */
import { constants } from 'node:os'
import { AgentError, type FailureCode } from '../failure.ts'

const DATE_CODES: ReadonlySet<string> = new Set(['CERT_NOT_YET_VALID', 'CERT_HAS_EXPIRED'])

const CERTIFICATE_CODES: ReadonlySet<string> = new Set([
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_CRL',
  'UNABLE_TO_DECRYPT_CERT_SIGNATURE',
  'UNABLE_TO_DECRYPT_CRL_SIGNATURE',
  'UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY',
  'CERT_SIGNATURE_FAILURE',
  'CRL_SIGNATURE_FAILURE',
  'CRL_NOT_YET_VALID',
  'CRL_HAS_EXPIRED',
  'ERROR_IN_CERT_NOT_BEFORE_FIELD',
  'ERROR_IN_CERT_NOT_AFTER_FIELD',
  'ERROR_IN_CRL_LAST_UPDATE_FIELD',
  'ERROR_IN_CRL_NEXT_UPDATE_FIELD',
  'OUT_OF_MEM',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_CHAIN_TOO_LONG',
  'CERT_REVOKED',
  'INVALID_CA',
  'PATH_LENGTH_EXCEEDED',
  'INVALID_PURPOSE',
  'CERT_UNTRUSTED',
  'CERT_REJECTED',
  'HOSTNAME_MISMATCH',
  'UNSPECIFIED',
])

const isNetworkCode = (code: string): boolean =>
  code !== 'EPROTO' && (Object.hasOwn(constants.errno, code) || code.startsWith('EAI_') || /^E(NOTFOUND|NODATA|SERVFAIL)$/.test(code))

function failureCodeOf(code: string): FailureCode | null {
  if (DATE_CODES.has(code)) return 'ERR_CLOUD_DATES'
  if (CERTIFICATE_CODES.has(code) || code === 'EPROTO' || /^ERR_(TLS|SSL|OSSL)_/.test(code)) return 'ERR_CLOUD_TLS'
  if (code.startsWith('HPE_')) return 'ERR_CLOUD_ANSWER'
  return isNetworkCode(code) ? 'ERR_CLOUD_UNREACHABLE' : null
}

/** Turns a connection's error into the AgentError that it means; anything else is a bug and goes up as it is. */
export function connectionError(error: unknown): unknown {
  if (error instanceof AgentError || !(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return error
  const code = failureCodeOf(error.code)
  return code === null ? error : new AgentError(code, `the connection to the Cloud API failed: ${error.code}`, { cause: error })
}
