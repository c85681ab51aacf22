/** Credentials as the Cloud API takes and gives them: what signs an assertion, what is asked for, what was issued. */
import { createPrivateKey } from 'node:crypto'
import { makeCertificateRequest, parseCertificateChain } from '../contract/certificate.ts'
import { deriveApiKey } from '../contract/derivation.ts'
import type { DeviceName } from '../contract/names.ts'
import { type Parsed, parsed, unparsed } from '../contract/parsed.ts'
import type { SwapAnswer, SwapAsk } from '../contract/swap.ts'
import type { AssertionKey } from '../contract/token.ts'
import { deviceCertificate } from '../credential/certificate.ts'
import type { Credential, IssuedCredential } from '../credential/credential.ts'
import { Secret } from '../credential/secret.ts'
import type { CredentialAsk } from '../ports.ts'

/** What signs the client assertion of a credential. */
export function assertionKey(credential: Credential, name: DeviceName): AssertionKey {
  switch (credential.kind) {
    case 'shared-secret':
    case 'temporary-secret':
      return { kind: 'secret', apiKey: deriveApiKey(credential.secret.reveal(), name) }
    case 'certificate': {
      const chain = parseCertificateChain(credential.chainPem)
      if (!chain.ok) throw new TypeError(chain.problem)
      const privateKey = createPrivateKey(credential.privateKeyPem.reveal())
      return { kind: 'certificate', privateKey, chain: chain.value.map(({ raw }) => new Uint8Array(raw)) }
    }
  }
}

/** What goes up: of a key only the certificate request that it signs. */
export function contractAsk(ask: CredentialAsk, name: DeviceName): SwapAsk {
  switch (ask.kind) {
    case 'secret':
      return ask
    case 'certificate':
      return { kind: 'certificate', certificateRequest: makeCertificateRequest(createPrivateKey(ask.privateKeyPem.reveal()), name) }
  }
}

/** The credential in an answer, if it is what was asked for: a certificate for another key would prove nothing. */
export function issuedCredential(ask: CredentialAsk, answer: SwapAnswer): Parsed<IssuedCredential> {
  switch (answer.kind) {
    case 'secret':
      if (ask.kind !== 'secret') return unparsed('a secret where a certificate was asked for')
      return parsed({ kind: 'shared-secret', id: { kind: 'issued', secretId: answer.secretId }, secret: new Secret(answer.secret) })
    case 'certificate':
      if (ask.kind !== 'certificate') return unparsed('a certificate where a secret was asked for')
      return deviceCertificate(answer.chainPem, ask.privateKeyPem)
  }
}
