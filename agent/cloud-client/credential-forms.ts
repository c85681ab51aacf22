/** Credentials as the Cloud API takes and gives them: what signs an assertion, what is asked for, what was issued. */
import { createPrivateKey, type X509Certificate } from 'node:crypto'
import { makeCertificateRequest, parseCertificateChain } from '../contract/certificate.ts'
import { deriveApiKey } from '../contract/derivation.ts'
import type { DeviceName } from '../contract/names.ts'
import { type Parsed, parsed, unparsed } from '../contract/parsed.ts'
import type { SwapAnswer, SwapAsk } from '../contract/swap.ts'
import type { AssertionKey, Sign } from '../contract/token.ts'
import { deviceCertificate } from '../credential/certificate.ts'
import type { Credential, IssuedCredential } from '../credential/credential.ts'
import { Secret } from '../credential/secret.ts'
import type { CredentialAsk, KeyTokens } from '../ports.ts'

/** What signs the client assertion of a credential. */
export function assertionKey(credential: Credential, name: DeviceName, tokens: KeyTokens | null, signal: AbortSignal): AssertionKey {
  switch (credential.kind) {
    case 'shared-secret':
    case 'temporary-secret':
      return { kind: 'secret', apiKey: deriveApiKey(credential.secret.reveal(), name) }
    case 'certificate': {
      const privateKey = createPrivateKey(credential.privateKeyPem.reveal())
      return { kind: 'certificate', privateKey, chain: chainOf(credential).map(({ raw }) => new Uint8Array(raw)) }
    }
    case 'token-certificate': {
      if (tokens === null) throw new TypeError('there are no tokens here')
      const chain = chainOf(credential)
      const sign: Sign = (data) => tokens.sign(credential, data, signal)
      return { kind: 'signer', publicKey: chain[0].publicKey, sign, chain: chain.map(({ raw }) => new Uint8Array(raw)) }
    }
  }
}

function chainOf({ chainPem }: { readonly chainPem: string }): readonly [X509Certificate, ...X509Certificate[]] {
  const chain = parseCertificateChain(chainPem)
  if (!chain.ok) throw new TypeError(chain.problem)
  return chain.value
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
