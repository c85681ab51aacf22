/**
 * Everything that can go wrong, once: code → what the lifecycle does about it, and what a person can do about it.
 * `retry` keeps the credential, `rotate` goes to the next one (only ever after a refusal by a server that proved itself),
 * `halt` needs a person: exit 78, and the unit does not restart.
 */
type Row = { readonly disposition: 'retry' | 'rotate' | 'halt'; readonly remedy: string }

/** The failure table; README shows the same rows. */
export const FAILURES = {
  ERR_CONFIG_INVALID: { disposition: 'halt', remedy: 'correct the named key in the CA config; every wrong key has a line of its own' },
  ERR_CONFIG_UNREADABLE: { disposition: 'retry', remedy: 'check the disk that the CA config is on; the agent tries again' },
  ERR_CREDENTIAL_MISSING: {
    disposition: 'halt',
    remedy: 'put a provisioning key, a temporary secret or a shared secret into the CA config',
  },
  ERR_CERTIFICATE_EXPIRED: {
    disposition: 'rotate',
    remedy: 'flash a new certificate; until then the device lives by the others of its list, or by what the cloud issued',
  },
  ERR_TOKEN_ABSENT: {
    disposition: 'retry',
    remedy: 'plug the token in, or check its driver: openssl, libengine-pkcs11-openssl, a module that p11-kit knows, access for this user',
  },
  ERR_TOKEN_KEY: {
    disposition: 'retry',
    remedy: 'correct privateKey: the URI must name the private key of the certificate (pkcs11-tool --list-objects)',
  },
  ERR_TOKEN_PIN: {
    disposition: 'rotate',
    remedy:
      'correct pin of this credential and start the agent again: a PIN that was refused is not tried twice, since tokens lock themselves',
  },
  ERR_STATE_LOCKED: { disposition: 'retry', remedy: 'another agent uses this state directory: stop it, or give this one its own' },
  ERR_STORE_IO: { disposition: 'retry', remedy: 'check that the state directory exists, is writable, and its disk is not full or failing' },
  ERR_STORE_NOT_DURABLE: {
    disposition: 'retry',
    remedy: 'put the state directory on storage that survives a power cut; it is on a RAM disk',
  },
  ERR_CLOCK_NOT_SET: {
    disposition: 'retry',
    remedy: 'let the agent set the clock (CAP_SYS_TIME, as in the shipped unit) or set it by other means',
  },
  ERR_WIFI_BUS: { disposition: 'retry', remedy: 'check that the system D-Bus runs and that the policy file of the agent is installed' },
  ERR_WIFI_SUPPLICANT: { disposition: 'retry', remedy: 'check that wpa_supplicant runs with its D-Bus interface (-u) and read its log' },
  ERR_WIFI_NO_RADIO: { disposition: 'retry', remedy: 'plug the radio in, load its driver, or correct wifi.interface' },
  ERR_WIFI_NO_HOTSPOT: { disposition: 'retry', remedy: 'move into range of a hotspot, or correct hotspots[].ssid and its channels' },
  ERR_WIFI_NO_METHOD: {
    disposition: 'retry',
    remedy:
      'no hotspot in range takes this credential: where it offers TLS (certificates) or TTLS, PEAP or PWD (secrets), add that to hotspots[].eap.methods',
  },
  ERR_WIFI_JOIN_TIMEOUT: {
    disposition: 'retry',
    remedy: 'the hotspot did not finish the join in time: check signal, and that it reaches its AAA server',
  },
  ERR_WIFI_AP_GONE: { disposition: 'retry', remedy: 'the access point went away during the join: check its power and the signal' },
  ERR_WIFI_EAP_FAILED: {
    disposition: 'retry',
    remedy: 'EAP ended before the AAA server proved itself: check the EAP method that the hotspot offers',
  },
  ERR_WIFI_EAP_REJECTED: {
    disposition: 'rotate',
    remedy: 'the AAA server refused this credential: check that the device is registered and not revoked',
  },
  ERR_WIFI_PASSPHRASE: {
    disposition: 'retry',
    remedy: 'the hotspot did not take the passphrase: correct hotspots[].passphrase, or beware of an evil twin',
  },
  ERR_WIFI_UNSUPPORTED: {
    disposition: 'retry',
    remedy: "this device's wpa_supplicant cannot join this kind of hotspot: update it, or remove the hotspot",
  },
  ERR_WIFI_SERVER_CA: {
    disposition: 'retry',
    remedy: 'the AAA server is not issued by the expected CA: correct hotspots[].eap.ca, or beware of an evil twin',
  },
  ERR_WIFI_SERVER_NAME: {
    disposition: 'retry',
    remedy: 'the AAA server has another name: correct hotspots[].eap.serverName, or beware of an evil twin',
  },
  ERR_WIFI_SERVER_DATES: {
    disposition: 'retry',
    remedy: "the AAA server's certificate is outside its dates: renew it, or check the clock",
  },
  ERR_WIFI_NO_ADDRESS: {
    disposition: 'retry',
    remedy: 'joined, but no address came: check DHCP at the hotspot and the DHCP client on the device',
  },
  ERR_WIFI_LOGIN_PAGE: {
    disposition: 'retry',
    remedy: 'a login page keeps the device from the cloud: give hotspots[].login for it, or let the cloud through',
  },
  ERR_WIFI_LOGIN_REFUSED: {
    disposition: 'retry',
    remedy: 'the login page refused: correct username and password in hotspots[].login, or have the account renewed',
  },
  ERR_WIFI_LINK_LOST: { disposition: 'retry', remedy: 'the link to the hotspot was lost: check signal and power of the access point' },
  ERR_CLOUD_UNREACHABLE: {
    disposition: 'retry',
    remedy: 'check cloud.url, DNS, and that the walled garden lets the device reach the Cloud API',
  },
  ERR_CLOUD_TLS: {
    disposition: 'retry',
    remedy: "the Cloud API's certificate does not match cloud.ca or its name: correct cloud.ca or cloud.url",
  },
  ERR_CLOUD_DATES: { disposition: 'retry', remedy: "the Cloud API's certificate is outside its dates: renew it, or check the clock" },
  ERR_CLOUD_BUSY: { disposition: 'retry', remedy: 'nothing to do: the cloud asked to wait, and the agent does' },
  ERR_CLOUD_ANSWER: { disposition: 'retry', remedy: 'the Cloud API failed or gave an answer outside the contract: read its log' },
  ERR_CLOUD_REFUSED: {
    disposition: 'rotate',
    remedy: 'the cloud refused this credential: look at the device with zipkey-cloud device show',
  },
  ERR_CLOUD_NONCE_SPENT: { disposition: 'retry', remedy: 'nothing to do: the agent draws a new nonce' },
  ERR_CLOUD_CLOCK: { disposition: 'retry', remedy: "nothing to do: the agent asks for the cloud's signed time" },
} as const satisfies Record<string, Row>

/** A stable code of the failure table. */
export type FailureCode = keyof typeof FAILURES

/** A failure as the lifecycle sees it. `detail` is one line without secrets; `retryAfterMs` is 0 where nobody asked to wait. */
export type Failure = { readonly code: FailureCode; readonly detail: string; readonly retryAfterMs: number }

/** The one thing that adapters throw. */
export class AgentError extends Error {
  readonly code: FailureCode
  readonly retryAfterMs: number

  /** `detail` is one line that never holds a secret; `cause` keeps the original for a debugger, and is not logged. */
  constructor(code: FailureCode, detail: string, options: { readonly cause?: unknown; readonly retryAfterMs?: number } = {}) {
    super(detail, { cause: options.cause })
    this.name = 'AgentError'
    this.code = code
    this.retryAfterMs = options.retryAfterMs ?? 0
  }

  /** What the lifecycle needs of it. */
  get failure(): Failure {
    return { code: this.code, detail: this.message, retryAfterMs: this.retryAfterMs }
  }
}
