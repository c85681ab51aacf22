/** The values of the explored world. Each secret and nonce has one object, so that a number stands for it; they open nothing. */
import type { CredentialId } from '../../agent/contract/names.ts'
import type { Identity, IssuedSecret, TemporarySecret } from '../../agent/credential/credential.ts'
import type { FailureCode } from '../../agent/failure.ts'
import type { AccessToken, Bss, Link } from '../../agent/ports.ts'
import type { IssuedId } from '../../cloud/rules/device-credentials.ts'
import type { TemporaryPresented } from '../../cloud/rules/enrolment.ts'
import type { Product } from './product.ts'

export const IDENTITY: Identity = { account: 'acme', device: 'dev-1', realm: 'zipkey.test' }

const KEY_ID = 'line-7'

/** The provisioning key as the cloud's rules see it; it may enrol one device. */
export const PRESENTED: TemporaryPresented = {
  deviceId: IDENTITY.device,
  key: { keyId: KEY_ID, retired: false, allow: ['dev-*'], notBeforeMs: null, notAfterMs: null, maxDevices: 1 },
  enrolledDevices: 0,
  nowMs: 0,
}

/** Every time in this world; what must have passed has passed by choice. */
export const NOW_MS = 1_800_000_000_000

const TOKEN_LIFE_MS = 900_000

const bssAt = (bssid: string): Bss => ({
  bssid,
  frequencyMhz: 2412,
  signalDbm: -50,
  hotspot: {
    security: 'wpa-eap',
    ssid: new Uint8Array(),
    hidden: false,
    frequenciesMhz: [],
    eap: { methods: ['TTLS'], inner: 'PAP', caPem: '', serverName: 'aaa', aaaDomain: 'aaa' },
  },
})

/** The hotspot, and a rogue one of the same name. */
export const HONEST = bssAt('02:00:00:00:00:01')
export const ROGUE = bssAt('02:00:00:00:00:bd')

/** A hotspot that sees no credential. */
export const PLAIN: Bss = {
  ...bssAt('02:00:00:00:00:02'),
  hotspot: { security: 'open', ssid: new Uint8Array(), hidden: false, frequenciesMhz: [] },
}

const linkTo = (bss: Bss, datesChecked: boolean): Link => ({
  bss,
  interfaceName: 'wlan0',
  address: '10.0.0.2',
  eap: { method: 'EAP-TTLS', serverSubject: '', datesChecked },
})

const SECRET_ID = /^mk-([1-9]\d*)-a{16}-a{13}$/

export const LINKS: Readonly<Record<'strict' | 'undated' | 'plain', Link>> = {
  strict: linkTo(HONEST, true),
  undated: linkTo(HONEST, false),
  plain: { ...linkTo(PLAIN, false), eap: null },
}

/** What a scan may find. */
export const SCANS = { honest: [HONEST], plain: [PLAIN], none: [], rogueFirst: [ROGUE, HONEST], rogueLast: [HONEST, ROGUE] } as const

/** What the cloud says of the time. */
export const SIGNED_TIME = { timeMs: NOW_MS, challenge: 'challenge' }

export const secretIdOf = (number: number): string => `mk-${number}-${'a'.repeat(16)}-${'a'.repeat(13)}`

/** An issued credential by its bare name. */
export const issuedIdOf = (secretId: string): IssuedId => ({ kind: 'issued', secretId })

/** The bare name of an issued credential. */
export const nameOf = (id: IssuedId): string => (id.kind === 'issued' ? id.secretId : id.fingerprint)

const numberOfSecret = (secretId: string): number => Number(SECRET_ID.exec(secretId)?.[1])

/** 43 characters of base64url that say which nonce they are. */
export const nonceOf = (number: number): string => `nonce-${number}-`.padEnd(43, 'A')

export const nonceBytes = (number: number): Uint8Array => Buffer.from(nonceOf(number), 'base64url')

export const orderOf = (number: number): string => `order-${number}-`

/** What tells one secret id, nonce or order from another, wherever it stands in a text. */
export const NAMES = /(?:mk|nonce|order)-[1-9]\d*-/g

/** The smallest number of which no name stands in the text. */
export function unusedNumber(text: string): number {
  for (let number = 1; ; number++) if (!text.includes(`-${number}-`)) return number
}

/** A token, and in the open whose it is. */
export type Token = AccessToken & { readonly secretId: string | null }

/** The values that are objects of the product's own classes. */
export class Values {
  readonly temporary: TemporarySecret
  readonly #product: Product
  readonly #issued = new Map<string, IssuedSecret>()
  readonly #failures = new Map<FailureCode, InstanceType<Product['AgentError']>>()
  readonly #tokens = new Map<string, Token>()

  constructor(product: Product) {
    this.#product = product
    this.temporary = {
      kind: 'temporary-secret',
      id: { kind: 'temporary', keyId: KEY_ID },
      secret: new product.Secret(new Uint8Array(32).fill(1)),
    }
  }

  /** The secret that the cloud issued under an id. */
  issued(secretId: string): IssuedSecret {
    const known = this.#issued.get(secretId)
    if (known !== undefined) return known
    const secret = new this.#product.Secret(new Uint8Array(32).fill(255 - numberOfSecret(secretId)))
    const issued: IssuedSecret = { kind: 'shared-secret', id: { kind: 'issued', secretId }, secret }
    this.#issued.set(secretId, issued)
    return issued
  }

  /** A failure of which nobody reads more than the code. */
  failure(code: FailureCode): InstanceType<Product['AgentError']> {
    const failure = this.#failures.get(code) ?? new this.#product.AgentError(code, '')
    this.#failures.set(code, failure)
    return failure
  }

  /** A token by a secret; null stands for the temporary one. */
  token(scope: AccessToken['scope'], secretId: string | null): Token {
    const key = `${scope} ${secretId}`
    const known = this.#tokens.get(key)
    if (known !== undefined) return known
    const token: Token = { value: new this.#product.Secret(key), scope, expiresAtMs: NOW_MS + TOKEN_LIFE_MS, secretId }
    this.#tokens.set(key, token)
    return token
  }

  /** Who shows an inner identity at a hotspot. */
  shownBy(innerIdentity: string): CredentialId {
    const identity = this.#product.parseInnerIdentity(innerIdentity)
    if (!identity.ok) throw new Error(`the product sent the identity ${innerIdentity}: ${identity.problem}`)
    return identity.value.credentialId
  }
}
