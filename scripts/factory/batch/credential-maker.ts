/** Makes the credential of each device of a batch, with its file, and what cloud and log are told about it. */
import { hash } from 'node:crypto'
import { base32 } from '../../../agent/contract/base32.ts'
import { certificateFingerprint } from '../../../agent/contract/certificate.ts'
import { deriveTemporarySecret } from '../../../agent/contract/derivation.ts'
import type { RegistrationRow } from '../../../agent/contract/registration.ts'
import { formatSecretText, SECRET_BYTES } from '../../../agent/contract/secret-text.ts'
import { caConfigFor, type DeviceProfile, type JsonObject, keyCredential, type ProvisioningKey } from '../ca-config.ts'
import { CertificateIssuer, type Validity } from '../certificate/device-certificate.ts'
import { DeviceKeyMaker, privateKeyInfo, subjectPublicKeyInfo } from '../certificate/device-key.ts'
import type { IssuingCa } from '../certificate/issuing-ca.ts'
import { Layout } from '../certificate/layout.ts'
import { base64, type LineEnd, pem } from '../certificate/pem.ts'
import type { CertificateTemplate } from '../certificate/template.ts'
import type { DeviceValues } from '../certificate/variable-text.ts'
import { RandomPool } from '../random-pool.ts'
import { placeFor, textTemplate } from './text-template.ts'

/** What every device of a batch gets. */
export type CredentialPlan =
  | {
      readonly kind: 'certificate'
      readonly ca: IssuingCa
      readonly template: CertificateTemplate
      readonly validity: Validity
      /** Where the device has the key that it made itself, as `privateKey` of the CA config; null where keys are made here. */
      readonly deviceKey: unknown
    }
  | { readonly kind: 'shared-secret' }
  | { readonly kind: 'provisioning-key'; readonly key: ProvisioningKey; readonly give: KeyGift }

/** Of a provisioning key a device gets its own derived secret, or the key itself. */
export type KeyGift = 'derived-secret' | 'provisioning-key'

/** `each`: one whole CA config per device. `golden`: one for all, which reads its id, and its credential, from the device. */
export type ConfigForm = { readonly kind: 'each' } | { readonly kind: 'golden'; readonly idFrom: unknown }

/** A credential that was made. `file` is the device's own, null where it needs none; it is good until the next is made. */
export type MadeCredential = {
  readonly file: Uint8Array | null
  readonly credential: string
  readonly row: RegistrationRow
  readonly certificatePem: string | null
}

/** What a batch consists of. `values` have `id`, `account` and `batch`. */
export type CredentialMaker = {
  /** The golden config, or null. */
  readonly golden: Uint8Array | null
  readonly make: (values: DeviceValues, publicKey: Uint8Array | null) => MadeCredential
}

/** Files that a golden config finds beside itself on the device. */
export const DEVICE_FILES = { certificate: 'device.pem', secret: 'device.secret' } as const

/** What a secret is known by in the log. It is 256 bits long: nobody finds it from this. */
const knownBy = (secret: Uint8Array): string => base32(hash('sha256', secret, 'buffer'))

/** Makes the maker. */
export function credentialMaker(profile: DeviceProfile, form: ConfigForm, plan: CredentialPlan): CredentialMaker {
  switch (plan.kind) {
    case 'certificate':
      return certificateMaker(profile, form, new CertificateIssuer(plan.ca, plan.template, plan.validity), plan)
    case 'shared-secret':
      return secretMaker(profile, form)
    case 'provisioning-key':
      return keyMaker(profile, form, plan.key, plan.give)
  }
}

const configOf = (profile: DeviceProfile, form: ConfigForm, credential: JsonObject): JsonObject =>
  caConfigFor({ ...profile, device: form.kind === 'each' ? { id: placeFor('id') } : { idFrom: form.idFrom }, credential })

const goldenOf = (form: ConfigForm, document: JsonObject): Uint8Array | null => (form.kind === 'golden' ? textTemplate(document)({}) : null)

type CertificatePlan = Extract<CredentialPlan, { kind: 'certificate' }>

function certificateMaker(profile: DeviceProfile, form: ConfigForm, issuer: CertificateIssuer, plan: CertificatePlan): CredentialMaker {
  const issuers = plan.ca.intermediates.map((certificate) => pem('CERTIFICATE', base64(certificate.raw))).join('')
  const place = (text: string): unknown => (form.kind === 'each' ? text : { file: DEVICE_FILES.certificate })
  const document = configOf(profile, form, {
    kind: 'certificate',
    certificate: place(placeFor('certificate') + issuers),
    privateKey: plan.deviceKey ?? place(placeFor('privateKey')),
  })
  const fill = textTemplate(document)
  const keys = new KeySource()
  return {
    golden: goldenOf(form, document),
    make(values, publicKey) {
      const key = publicKey === null ? keys.make() : { publicKey, keyBits: publicKey, coded: null }
      const der = issuer.issue(values, key.publicKey, key.keyBits)
      const { id = '' } = values
      const coded = base64(der)
      const certificatePem = pem('CERTIFICATE', coded)
      const privateKey = (end: LineEnd): string => (key.coded === null ? '' : pem('PRIVATE KEY', key.coded, end))
      const file =
        form.kind === 'each'
          ? fill({ id, certificate: pem('CERTIFICATE', coded, '\\n'), privateKey: privateKey('\\n') })
          : Buffer.from(certificatePem + issuers + privateKey('\n'))
      const fingerprint = certificateFingerprint(der)
      return { file, credential: fingerprint, row: { kind: 'certificate', id, fingerprint }, certificatePem }
    },
  }
}

/** A key for a certificate: SubjectPublicKeyInfo, what its key identifier is made from, and the private key (DER in base64) if it is here. */
type KeyForCertificate = { readonly publicKey: Uint8Array; readonly keyBits: Uint8Array; readonly coded: string | null }

/** Makes keys for devices that have none. */
class KeySource {
  readonly #keys = new DeviceKeyMaker()
  readonly #private = new Layout(([scalar = new Uint8Array(), point = new Uint8Array()]) => privateKeyInfo(scalar, point))
  readonly #public = new Layout(([point = new Uint8Array()]) => subjectPublicKeyInfo(point))

  make(): KeyForCertificate {
    const { point, scalar } = this.#keys.make()
    return { publicKey: this.#public.fill([point]), keyBits: point, coded: base64(this.#private.fill([scalar, point])) }
  }
}

function secretMaker(profile: DeviceProfile, form: ConfigForm): CredentialMaker {
  const document = configOf(profile, form, {
    kind: 'shared-secret',
    secret: form.kind === 'each' ? placeFor('secret') : { file: DEVICE_FILES.secret },
  })
  const fill = textTemplate(document)
  const random = new RandomPool()
  return {
    golden: goldenOf(form, document),
    make({ id = '' }) {
      const bytes = random.draw(SECRET_BYTES)
      const secret = formatSecretText('zks_', bytes)
      const file = form.kind === 'each' ? fill({ id, secret }) : Buffer.from(`${secret}\n`)
      return { file, credential: knownBy(bytes), row: { kind: 'shared-secret', id, secret }, certificatePem: null }
    },
  }
}

function keyMaker(profile: DeviceProfile, form: ConfigForm, key: ProvisioningKey, give: KeyGift): CredentialMaker {
  const secretPlace = form.kind === 'each' ? placeFor('secret') : { file: DEVICE_FILES.secret }
  const document = configOf(
    profile,
    form,
    give === 'provisioning-key' ? keyCredential(key) : { kind: 'temporary', keyId: key.keyId, secret: secretPlace },
  )
  const fill = textTemplate(document)
  return {
    golden: goldenOf(form, document),
    make({ id = '' }) {
      const bytes = deriveTemporarySecret(key.bytes, { account: profile.account, device: id })
      const secret = formatSecretText('zks_', bytes)
      const own = give === 'derived-secret' ? Buffer.from(`${secret}\n`) : null
      const file = form.kind === 'each' ? fill({ id, secret }) : own
      return { file, credential: knownBy(bytes), row: { kind: 'temporary', id, keyId: key.keyId }, certificatePem: null }
    },
  }
}
