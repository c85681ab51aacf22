/** The check value of the wire contract, version 1: what a firmware team compares its own implementation with. */

import { base32 } from '../../agent/contract/base32.ts'
import {
  deriveApiKey,
  deriveDeliveryKey,
  deriveHotspotPassword,
  deriveIssuedSecret,
  deriveTemporarySecret,
  stretchOpaqueSecret,
} from '../../agent/contract/derivation.ts'
import {
  type CredentialId,
  DEFAULT_REALM,
  type DeviceName,
  formatCredentialId,
  formatInnerIdentity,
  formatOuterIdentity,
  formatSubject,
} from '../../agent/contract/names.ts'
import { makeSecretId } from '../../agent/contract/secret-id.ts'
import { formatSecretText, type SecretPrefix } from '../../agent/contract/secret-text.ts'
import { type AssertionClaims, signAssertion } from '../../agent/contract/token.ts'
import { nameCases, refusedSecretTexts } from './text-cases.ts'

const NAME: DeviceName = { account: 'acme', device: 'dev-1' }
const REALM = 'zipkey.example'
const AAA_DOMAINS = ['zipkey.example', 'aaa.operator.example'] as const
const ISSUED_AT_S = 1_700_000_000

/** The key of the check value: bytes 00, 01, … 1f. */
const KEY = Uint8Array.from({ length: 32 }, (_, index) => index)
const ID_RANDOM = Uint8Array.from({ length: 10 }, (_, index) => 0xf0 + index)
const SECRET_ID = makeSecretId('m1', KEY, NAME, 1, ID_RANDOM)
const TEMPORARY = deriveTemporarySecret(KEY, NAME)
const ISSUED = deriveIssuedSecret(KEY, NAME, SECRET_ID)

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

const derivation = (label: string, from: string, key: Uint8Array, extra: string | null, output: Uint8Array) => ({
  label,
  from,
  key: hex(key),
  ...NAME,
  extra,
  output: hex(output),
})

const passwordOf = (from: string, key: Uint8Array, aaaDomain: string) => {
  const text = deriveHotspotPassword(key, NAME, aaaDomain)
  return { ...derivation('hotspot-password', from, key, aaaDomain, Buffer.from(text, 'base64url')), text }
}

/** What both sides derive from one secret. */
const ofSecret = (from: string, key: Uint8Array) => [
  ...AAA_DOMAINS.map((aaaDomain) => passwordOf(from, key, aaaDomain)),
  derivation('api-key', from, key, null, deriveApiKey(key, NAME)),
  derivation('delivery-key', from, key, null, deriveDeliveryKey(key, NAME)),
]

const derivations = () => [
  ...ofSecret('shared secret', KEY),
  derivation('temporary-secret', 'provisioning key', KEY, null, TEMPORARY),
  ...ofSecret('temporary secret', TEMPORARY),
  derivation('issued-secret', 'master key', KEY, SECRET_ID, ISSUED),
  ...ofSecret('issued secret', ISSUED),
]

const opaque = () =>
  ['hunter2', 'Zürich–東京', ' '].map((text) => ({
    text,
    utf8: hex(Buffer.from(text)),
    ...NAME,
    output: hex(stretchOpaqueSecret(text, NAME)),
  }))

const secretText = (prefix: SecretPrefix, bytes: Uint8Array) => ({ prefix, bytes: hex(bytes), text: formatSecretText(prefix, bytes) })

const secretTexts = () => [
  secretText('zks_', KEY),
  secretText('zkp_', KEY),
  secretText('zks_', TEMPORARY),
  secretText('zks_', ISSUED),
  secretText('zks_', new Uint8Array(32)),
  secretText('zkp_', new Uint8Array(32).fill(0xff)),
]

const acceptedSecretTexts = () =>
  ['', '\n', '\r\n'].map((ending) => ({ prefix: 'zks_', text: formatSecretText('zks_', KEY) + ending, bytes: hex(KEY) }))

const secretId = (masterKeyId: string, generation: number, name: DeviceName, random: Uint8Array) => ({
  masterKeyId,
  masterKey: hex(KEY),
  ...name,
  generation,
  random: hex(random),
  id: makeSecretId(masterKeyId, KEY, name, generation, random),
})

const secretIds = () => [
  secretId('m1', 1, NAME, ID_RANDOM),
  secretId('m1', 2, NAME, new Uint8Array(10)),
  secretId('m2026', 9_999_999_999, { account: 'acme', device: 'a.b_c-D' }, new Uint8Array(10).fill(0xff)),
]

const CREDENTIAL_IDS: readonly CredentialId[] = [
  { kind: 'temporary', keyId: 'line-7' },
  { kind: 'issued', secretId: SECRET_ID },
  { kind: 'flashed' },
]

const identities = () =>
  [REALM, DEFAULT_REALM].flatMap((realm) =>
    CREDENTIAL_IDS.map((credentialId) => ({
      ...NAME,
      realm,
      credential: credentialId.kind,
      credentialId: formatCredentialId(credentialId),
      inner: formatInnerIdentity({ ...NAME, credentialId, realm }),
      outer: formatOuterIdentity(NAME.account, realm),
      subject: formatSubject(NAME),
    })),
  )

async function assertion(secret: Uint8Array, credentialId: CredentialId, challenge: string | null) {
  const apiKey = deriveApiKey(secret, NAME)
  const claims: AssertionClaims = {
    name: NAME,
    credentialId,
    issuer: 'https://api.zipkey.example',
    nowMs: ISSUED_AT_S * 1000 + 999,
    jti: 'AAECAwQFBgcICQoLDA0ODw',
    challenge,
    run: null,
  }
  return {
    apiKey: hex(apiKey),
    kid: formatCredentialId(credentialId),
    subject: formatSubject(NAME),
    audience: claims.issuer,
    nowMs: claims.nowMs,
    jti: claims.jti,
    challenge,
    jws: await signAssertion(claims, { kind: 'secret', apiKey }),
  }
}

const assertions = () =>
  Promise.all([
    assertion(KEY, { kind: 'flashed' }, null),
    assertion(TEMPORARY, { kind: 'temporary', keyId: 'line-7' }, null),
    assertion(TEMPORARY, { kind: 'temporary', keyId: 'line-7' }, 'c2luZ2xlLXVzZQ'),
    assertion(ISSUED, { kind: 'issued', secretId: SECRET_ID }, null),
  ])

const base32Cases = () =>
  ['', 'f', 'fo', 'foo', 'foob', 'fooba', 'foobar'].map((text) => ({ bytes: hex(Buffer.from(text)), text: base32(Buffer.from(text)) }))

/** Every vector, computed by the code that agent and cloud run. */
export async function contractVectors() {
  return {
    contract: 1,
    derivations: derivations(),
    opaqueSecrets: opaque(),
    secretTexts: secretTexts(),
    acceptedSecretTexts: acceptedSecretTexts(),
    refusedSecretTexts: refusedSecretTexts(KEY),
    secretIds: secretIds(),
    identities: identities(),
    assertions: await assertions(),
    base32: base32Cases(),
    names: nameCases(),
  }
}

/** The vectors as they stand in the file. */
export const contractVectorsText = async (): Promise<string> => `${JSON.stringify(await contractVectors(), null, 2)}\n`
