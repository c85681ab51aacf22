/**
 * The values of the explored world. Each secret, key, certificate and nonce has one object, so that a number stands for it; they open
 * nothing. The nonce of a key has the number of the key, and a certificate is called by its own number and the nonce of its key.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto'
import type { Credential, Identity, IssuedCredential, TemporarySecret } from '../../agent/credential/credential.ts'
import type { EapProfile } from '../../agent/credential/eap-profile.ts'
import type { Secret } from '../../agent/credential/secret.ts'
import type { FailureCode } from '../../agent/failure.ts'
import type { AccessToken, Bss, Link } from '../../agent/ports.ts'
import type { IssuedId } from '../../cloud/rules/device-credentials.ts'
import type { TemporaryPresented } from '../../cloud/rules/enrolment.ts'
import { certify } from '../fakes/device-ca.ts'
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
  preference: 0,
  managementFrames: 'protected',
  passpoint: null,
  hotspot: {
    security: 'wpa-eap',
    ssid: new Uint8Array(),
    hidden: false,
    frequenciesMhz: [],
    eap: { methods: ['TLS', 'TTLS'], inner: 'PAP', caPem: '', tlsMaxVersion: '1.2', serverName: 'aaa', aaaDomain: 'aaa' },
  },
})

/** The hotspot, and a rogue one of the same name. */
export const HONEST = bssAt('02:00:00:00:00:01')
export const ROGUE = bssAt('02:00:00:00:00:bd')

/** A hotspot that sees no credential. */
export const PLAIN: Bss = {
  ...bssAt('02:00:00:00:00:02'),
  hotspot: { security: 'open', ssid: new Uint8Array(), hidden: false, frequenciesMhz: [], login: null },
}

const linkTo = (bss: Bss, datesChecked: boolean): Link => ({
  bss,
  interfaceName: 'wlan0',
  address: '10.0.0.2',
  captiveApi: null,
  eap: { method: 'EAP-TTLS', serverSubject: '', datesChecked },
})

/** The more frequent one of the lengths that a certificate in this world has. */
const CERTIFICATE_BYTES = 276

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

const CERTIFICATE_NAME = /^crt-[1-9]\d*-(.+)$/

/** The name of a certificate that was asked for with this nonce. In the world it stands in place of the fingerprint. */
export const certificateNameOf = (number: number, nonce: string): string => `crt-${number}-${nonce}`

/** An issued credential by its bare name. */
export const issuedIdOf = (name: string): IssuedId =>
  CERTIFICATE_NAME.test(name) ? { kind: 'certificate', fingerprint: name } : { kind: 'issued', secretId: name }

/** The bare name of an issued credential. */
export const nameOf = (id: IssuedId): string => (id.kind === 'issued' ? id.secretId : id.fingerprint)

const numberOfSecret = (secretId: string): number => Number(SECRET_ID.exec(secretId)?.[1])

/** 43 characters of base64url that say which nonce they are. */
export const nonceOf = (number: number): string => `nonce-${number}-`.padEnd(43, 'A')

export const nonceBytes = (number: number): Uint8Array => Buffer.from(nonceOf(number), 'base64url')

export const orderOf = (number: number): string => `order-${number}-`

/** What tells one secret id, certificate, nonce or order from another, wherever it stands in a text. */
export const NAMES = /(?:mk|crt|nonce|order)-[1-9]\d*-/g

/** The smallest number of which no name stands in the text. */
export function unusedNumber(text: string): number {
  for (let number = 1; ; number++) if (!text.includes(`-${number}-`)) return number
}

/** A token, and in the open whose it is. */
export type Token = AccessToken & { readonly by: string | null }

/** The values that are objects of the product's own classes. */
export class Values {
  readonly temporary: TemporarySecret
  readonly #product: Product
  readonly #issued = new Map<string, IssuedCredential>()
  readonly #keys = new Map<string, Secret<string>>()
  readonly #nonces = new Map<string, string>()
  readonly #certificates = new Map<string, string>()
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

  /** The key that has this nonce. */
  key(nonce: string): Secret<string> {
    const known = this.#keys.get(nonce)
    if (known !== undefined) return known
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    // In a text it is called by its nonce, where others are not told at all.
    const key = Object.assign(new this.#product.Secret(pem), { toJSON: () => nonce })
    this.#keys.set(nonce, key)
    this.#nonces.set(pem, nonce)
    return key
  }

  /** The nonce of a key. */
  nonceOf(key: Secret<string>): string {
    const nonce = this.#nonces.get(key.reveal())
    if (nonce === undefined) throw new Error('nobody in this world made this key')
    return nonce
  }

  /** The credential that the cloud issued under a name. */
  issued(name: string): IssuedCredential {
    const known = this.#issued.get(name)
    if (known !== undefined) return known
    const nonce = CERTIFICATE_NAME.exec(name)?.[1]
    const issued = nonce === undefined ? this.#secret(name) : this.#certificate(name, nonce)
    this.#issued.set(name, issued)
    return issued
  }

  #secret(secretId: string): IssuedCredential {
    const secret = new this.#product.Secret(new Uint8Array(32).fill(255 - numberOfSecret(secretId)))
    return { kind: 'shared-secret', id: { kind: 'issued', secretId }, secret }
  }

  #certificate(name: string, nonce: string): IssuedCredential {
    const privateKeyPem = this.key(nonce)
    const publicKey = createPublicKey(createPrivateKey(privateKeyPem.reveal()))
    let chainPem = certify(publicKey, IDENTITY.device)
    // Signatures differ in length, and a torn half of a file is told from another by its length alone.
    while (new X509Certificate(chainPem).raw.length !== CERTIFICATE_BYTES) chainPem = certify(publicKey, IDENTITY.device)
    const fingerprint = this.#product.certificateFingerprint(new X509Certificate(chainPem).raw)
    this.#certificates.set(fingerprint, name)
    const toJSON = () => ({ kind: 'certificate', name })
    return Object.assign({ kind: 'certificate', id: { kind: 'certificate', fingerprint }, chainPem, privateKeyPem } as const, { toJSON })
  }

  /** The one object that stands for an issued credential which was read somewhere; its key must be that of its certificate. */
  known(credential: IssuedCredential): IssuedCredential {
    const known = this.issued(this.nameOf(credential) ?? '')
    const isSame =
      known.kind !== 'certificate' ||
      credential.kind !== 'certificate' ||
      known.privateKeyPem.reveal() === credential.privateKeyPem.reveal()
    if (!isSame) throw new Error('a certificate beside the key of another')
    return known
  }

  /** The name of a credential; null for the temporary secret. */
  nameOf(credential: Credential): string | null {
    switch (credential.kind) {
      case 'temporary-secret':
        return null
      case 'certificate':
      case 'token-certificate':
        return this.#nameOfCertificate(credential.id.fingerprint)
      case 'shared-secret':
        return credential.id.kind === 'issued' ? credential.id.secretId : null
    }
  }

  #nameOfCertificate(fingerprint: string): string {
    const name = this.#certificates.get(fingerprint)
    if (name === undefined) throw new Error('nobody in this world issued this certificate')
    return name
  }

  /** A failure of which nobody reads more than the code. */
  failure(code: FailureCode): InstanceType<Product['AgentError']> {
    const failure = this.#failures.get(code) ?? new this.#product.AgentError(code, '')
    this.#failures.set(code, failure)
    return failure
  }

  /** A token by a credential; null stands for the temporary secret. */
  token(scope: AccessToken['scope'], by: string | null): Token {
    const key = `${scope} ${by}`
    const known = this.#tokens.get(key)
    if (known !== undefined) return known
    const token: Token = { value: new this.#product.Secret(key), scope, expiresAtMs: NOW_MS + TOKEN_LIFE_MS, by }
    this.#tokens.set(key, token)
    return token
  }

  /** What is shown at a hotspot; null for the temporary secret. */
  shownBy(eap: EapProfile): string | null {
    if (eap.method === 'TLS') return this.#nameOfCertificate(eap.fingerprint)
    const identity = this.#product.parseInnerIdentity(eap.innerIdentity)
    if (!identity.ok) throw new Error(`the product sent the identity ${eap.innerIdentity}: ${identity.problem}`)
    const { credentialId } = identity.value
    return credentialId.kind === 'issued' ? credentialId.secretId : null
  }
}
