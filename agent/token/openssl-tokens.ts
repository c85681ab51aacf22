/**
 * Keys in tokens, by openssl(1) and OpenSSL's engine for PKCS#11 (libp11): the same that wpa_supplicant opens them with. A process of its
 * own, so that no vendor's module is ever loaded into the agent. The PIN goes through a pipe.
 */
import { spawn } from 'node:child_process'
import { type KeyObject, randomBytes, verify } from 'node:crypto'
import { parseCertificateChain } from '../contract/certificate.ts'
import { ecdsaForJws } from '../contract/ecdsa-signature.ts'
import { algorithmOfKey, digestOf } from '../contract/token.ts'
import { credentialLabel, type TokenCertificate } from '../credential/credential.ts'
import { AgentError } from '../failure.ts'
import type { KeyTokens } from '../ports.ts'
import { whyTokenFailed } from './token-failure.ts'

const MAX_SIGNATURE_BYTES = 1024
const MAX_COMPLAINT_CHARACTERS = 4096
const PROBE_BYTES = 32
/** Tokens are slow, and some are behind a bus that is slower; one that never answers must not hold the agent up. */
const TIMEOUT_MS = 8_000

/** Makes the port; nothing is run before the first call. */
export function createTokens(): KeyTokens {
  return new OpensslTokens()
}

class OpensslTokens implements KeyTokens {
  /** A PIN that was refused is never shown again by this process: tokens lock themselves after a few. */
  readonly #refused = new Map<string, AgentError>()

  async check(credential: TokenCertificate, signal: AbortSignal): Promise<void> {
    const data = randomBytes(PROBE_BYTES)
    const key = publicKeyOf(credential)
    const signature = await this.sign(credential, data, signal)
    if (!verify(digestOf(key), data, { key, dsaEncoding: 'ieee-p1363' }, signature)) throw notItsKey()
  }

  async sign(credential: TokenCertificate, data: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    const label = credentialLabel(credential)
    const refused = this.#refused.get(label)
    if (refused !== undefined) throw refused
    const key = publicKeyOf(credential)
    try {
      const signature = await runOpenssl(credential, digestOf(key), data, signal)
      if (key.asymmetricKeyType !== 'ec') return signature
      const raw = ecdsaForJws(signature, algorithmOfKey(key) === 'ES384' ? 48 : 32)
      if (!raw.ok) throw notItsKey()
      return raw.value
    } catch (error) {
      if (error instanceof AgentError && error.code === 'ERR_TOKEN_PIN') this.#refused.set(label, error)
      throw error
    }
  }
}

const notItsKey = (): AgentError => new AgentError('ERR_TOKEN_KEY', 'the key in the token is not the one of the certificate')

function publicKeyOf({ chainPem }: TokenCertificate): KeyObject {
  const chain = parseCertificateChain(chainPem)
  if (!chain.ok) throw new TypeError(chain.problem)
  return chain.value[0].publicKey
}

/** `openssl dgst` over what stands on its stdin; the PIN, where there is one, on descriptor 3. */
function runOpenssl({ keyUri, pin }: TokenCertificate, digest: string, data: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const passphrase = pin === null ? [] : ['-passin', 'fd:3']
    const child = spawn('openssl', ['dgst', `-${digest}`, '-engine', 'pkcs11', '-keyform', 'engine', '-sign', keyUri, ...passphrase], {
      stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
      env: { ...tokenEnvironment(process.env), LC_ALL: 'C' },
      signal,
      killSignal: 'SIGKILL',
      timeout: TIMEOUT_MS,
    })
    const chunks: Buffer[] = []
    let complaint = ''
    child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk))
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(0, MAX_COMPLAINT_CHARACTERS)
    })
    child.on('error', (error) => reject(signal.aborted ? signal.reason : whyTokenFailed(error.message)))
    child.on('close', (exitCode) => {
      const signature = Buffer.concat(chunks)
      if (exitCode === 0 && signature.length > 0 && signature.length <= MAX_SIGNATURE_BYTES) resolve(new Uint8Array(signature))
      // After a wrong PIN libp11 has ended openssl by a segmentation fault: what it said before still counts.
      else reject(signal.aborted ? signal.reason : whyTokenFailed(complaint))
    })
    feed(child.stdin, data)
    feed(child.stdio[3], pin === null ? '' : `${pin.reveal()}\n`)
  })
}

/** A program that ended early reads no more, which is told by how it ended. */
function feed(stream: unknown, content: string | Uint8Array): void {
  if (!isWritable(stream)) return
  stream.on('error', () => {})
  stream.end(content)
}

const isWritable = (stream: unknown): stream is NodeJS.WritableStream =>
  typeof stream === 'object' && stream !== null && 'end' in stream && 'on' in stream

/** What OpenSSL, p11-kit and modules are configured by; nothing else of the agent's environment concerns them. */
function tokenEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = /^(PATH|HOME|PKCS11_MODULE_PATH|OPENSSL_(CONF|ENGINES)|P11_KIT_.*|SOFTHSM2_CONF|TPM2_PKCS11_.*|TSS2_.*)$/
  return Object.fromEntries(Object.entries(environment).filter(([name]) => kept.test(name)))
}
