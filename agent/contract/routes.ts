/** The paths of the Cloud API, version 1 (contract §4 to §7), as both sides spell them. */
export const ROUTES = {
  token: '/v1/token',
  time: '/v1/time',
  deviceCredential: '/v1/device/credential',
  deviceActions: '/v1/device/actions',
  deviceConfig: '/v1/device/config',
  aaaAuthorize: '/v1/aaa/authorize',
  aaaPostAuth: '/v1/aaa/post-auth',
  aaaAccounting: '/v1/aaa/accounting',
} as const

/** RFC 7523 §2.2: the value of `client_assertion_type`. */
export const JWT_BEARER_ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
