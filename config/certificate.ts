/** `credentials[]` of the kind `certificate`: PEM or PKCS#12, read before any radio is used. */
import type { X509Certificate } from 'node:crypto'
import { parseCertificateChain } from '../agent/contract/certificate.ts'
import { isObject, type Parsed, parsed, unparsed } from '../agent/contract/parsed.ts'
import type { DeviceCertificate, TokenCertificate } from '../agent/credential/credential.ts'
import { flashedCertificate, openPrivateKey, tokenCertificate } from '../agent/credential/flashed-certificate.ts'
import { looksLikePkcs11Uri, parsePkcs11Uri } from '../agent/credential/pkcs11-uri.ts'
import { openPkcs12 } from '../agent/credential/pkcs12.ts'
import { Secret } from '../agent/credential/secret.ts'
import { binaryContents, contents, contentsProblem } from './content.ts'
import { choice, type Read, type Reader } from './reader.ts'
import { formOf, optional, record, required } from './record.ts'

const kind = required(choice('Told apart by this word.', ['certificate']))

const chainReader: Reader<readonly X509Certificate[]> = contents({
  doc: 'The certificate of this device and its issuers, in PEM.',
  secret: false,
  inline: { type: 'string', pattern: '-----BEGIN CERTIFICATE-----' },
  parse(pem): Parsed<readonly X509Certificate[]> {
    const chain = parseCertificateChain(pem)
    return chain.ok ? chain : unparsed(`${chain.problem}: flash it again`)
  },
})

const keyReader = contents({
  doc: 'The private key of the certificate, in PEM (PKCS#8, SEC1 or PKCS#1, in the clear or encrypted), or the pkcs11: URI of one in a token.',
  secret: true,
  inline: { type: 'string', pattern: 'PRIVATE KEY-----|^pkcs11:' },
  parse: parsed,
})

const pinReader = contents({
  doc: 'The PIN of the token that holds the private key.',
  secret: true,
  inline: { type: 'string', minLength: 1 },
  parse(whole): Parsed<string> {
    const pin = whole.replace(/\r?\n$/, '')
    // It is handed to OpenSSL as one line.
    return /^[^\p{Cc}]+$/u.test(pin) ? parsed(pin) : unparsed('expected one line')
  },
})

const passphraseReader = contents({
  doc: 'The passphrase that the private key is encrypted with.',
  secret: true,
  inline: { type: 'string' },
  parse: (whole) => parsed(whole.replace(/\r?\n$/, '')),
})

const pemForm = record('A certificate and its private key, in PEM.', {
  kind,
  certificate: required(chainReader),
  privateKey: required(keyReader),
  passphrase: optional(passphraseReader, null),
  pin: optional(pinReader, null),
})

const pkcs12Form = record('A certificate and its private key, in one PKCS#12 file.', {
  kind,
  pkcs12: required(binaryContents('A PKCS#12 file (.p12, .pfx).', parsed)),
  passphrase: required(passphraseReader),
})

const forms = formOf('pkcs12', pkcs12Form, pemForm)

/** A certificate flashed at manufacture. */
export const certificateReader: Reader<DeviceCertificate | TokenCertificate> = {
  doc: forms.doc,
  json: forms.json,
  read(value, path, reading) {
    const entry = forms.read(value, path, reading)
    if (entry === undefined) return undefined
    const refuse = (key: string, problem: string): undefined =>
      contentsProblem(isObject(value) ? value[key] : undefined, `${path}.${key}`, problem, reading)
    if ('pkcs12' in entry) return fromPkcs12(entry, refuse)
    return looksLikePkcs11Uri(entry.privateKey) ? fromToken(entry, refuse) : fromPem(entry, refuse)
  },
}

type Refuse = (key: string, problem: string) => undefined

function fromToken({ certificate, privateKey, passphrase, pin }: Read<typeof pemForm>, refuse: Refuse): TokenCertificate | undefined {
  const uri = parsePkcs11Uri(privateKey.trim())
  if (!uri.ok) return refuse('privateKey', uri.problem)
  if (passphrase !== null) return refuse('passphrase', 'a key in a token has a pin: give that instead')
  const credential = tokenCertificate(certificate, uri.value, pin === null ? null : new Secret(pin))
  return credential.ok ? credential.value : refuse(credential.of, credential.problem)
}

function fromPem({ certificate, privateKey, passphrase, pin }: Read<typeof pemForm>, refuse: Refuse): DeviceCertificate | undefined {
  if (pin !== null) return refuse('pin', 'only a key in a token (pkcs11:) has one: a PEM file has a passphrase')
  const key = openPrivateKey(privateKey, passphrase)
  if (!key.ok) return refuse(key.of === 'key' ? 'privateKey' : 'passphrase', key.problem)
  const credential = flashedCertificate(certificate, key.value)
  return credential.ok ? credential.value : refuse(credential.of === 'key' ? 'privateKey' : 'certificate', credential.problem)
}

function fromPkcs12({ pkcs12, passphrase }: Read<typeof pkcs12Form>, refuse: Refuse): DeviceCertificate | undefined {
  const opened = openPkcs12(pkcs12, passphrase)
  if (!opened.ok) return refuse(opened.of, opened.problem)
  const credential = flashedCertificate(opened.value.certificates, opened.value.key)
  return credential.ok ? credential.value : refuse('pkcs12', credential.problem)
}
