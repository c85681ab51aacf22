/**
 * Keys in tokens, by openssl(1) and OpenSSL's engine for PKCS#11 (libp11): the same that wpa_supplicant opens them with. A process of its
 * own, so that no vendor's module is ever loaded into the agent. The PIN goes through a pipe.
 */
import { type KeyObject, randomBytes, verify } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { parseCertificateChain } from '../contract/certificate.ts'
import { ecdsaForJws } from '../contract/ecdsa-signature.ts'
import { algorithmOfKey, digestOf } from '../contract/token.ts'
import { credentialLabel, type TokenCertificate } from '../credential/credential.ts'
import { AgentError } from '../failure.ts'
import type { KeyTokens, TlsServer } from '../ports.ts'
import { connectByToken } from './openssl-connection.ts'
import { MAX_COMPLAINT_CHARACTERS, startOpenssl } from './openssl-process.ts'
import { whyTokenFailed } from './token-failure.ts'

const MAX_SIGNATURE_BYTES = 1024
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
    this.#requireGoodPin(credential)
    const key = publicKeyOf(credential)
    try {
      const signature = await signData(credential, digestOf(key), data, signal)
      if (key.asymmetricKeyType !== 'ec') return signature
      const raw = ecdsaForJws(signature, algorithmOfKey(key) === 'ES384' ? 48 : 32)
      if (!raw.ok) throw notItsKey()
      return raw.value
    } catch (error) {
      this.#remember(credential, error)
      throw error
    }
  }

  async connect(credential: TokenCertificate, server: TlsServer): Promise<Duplex> {
    this.#requireGoodPin(credential)
    const connection = await connectByToken(credential, server)
    return connection.once('error', (error) => this.#remember(credential, error))
  }

  #requireGoodPin(credential: TokenCertificate): void {
    const refused = this.#refused.get(credentialLabel(credential))
    if (refused !== undefined) throw refused
  }

  #remember(credential: TokenCertificate, error: unknown): void {
    if (error instanceof AgentError && error.code === 'ERR_TOKEN_PIN') this.#refused.set(credentialLabel(credential), error)
  }
}

const notItsKey = (): AgentError => new AgentError('ERR_TOKEN_KEY', 'the key in the token is not the one of the certificate')

function publicKeyOf({ chainPem }: TokenCertificate): KeyObject {
  const chain = parseCertificateChain(chainPem)
  if (!chain.ok) throw new TypeError(chain.problem)
  return chain.value[0].publicKey
}

/** Signs by way of a file: openssl reads a PIN that is not given from its stdin, and what stood there would be shown to the token as one. */
async function signData(credential: TokenCertificate, digest: string, data: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), 'zipkey-sign-')).catch(notWritten)
  try {
    const file = join(folder, 'data')
    await writeFile(file, data).catch(notWritten)
    return await runOpenssl(credential, [`-${digest}`, '-sign', credential.keyUri, file], signal)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function notWritten(cause: unknown): never {
  throw new AgentError('ERR_STORE_IO', `what is to be signed cannot be written below ${tmpdir()}`, { cause })
}

/** `openssl dgst`; gives the signature. */
function runOpenssl(credential: TokenCertificate, args: readonly string[], signal: AbortSignal): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const child = startOpenssl({ name: 'dgst', pinOption: '-passin', args }, credential)
    const kill = (): void => void child.kill('SIGKILL')
    const timer = setTimeout(kill, TIMEOUT_MS)
    signal.addEventListener('abort', kill, { once: true })
    const end = (act: () => void): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', kill)
      if (signal.aborted) reject(signal.reason)
      else act()
    }
    const chunks: Buffer[] = []
    let complaint = ''
    child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk))
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(0, MAX_COMPLAINT_CHARACTERS)
    })
    child.on('error', (error) => end(() => reject(whyTokenFailed(error.message))))
    child.on('close', (exitCode) => {
      const signature = Buffer.concat(chunks)
      const isGood = exitCode === 0 && signature.length > 0 && signature.length <= MAX_SIGNATURE_BYTES
      // After a wrong PIN libp11 has ended openssl by a segmentation fault: what it said before still counts.
      end(() => (isGood ? resolve(new Uint8Array(signature)) : reject(whyTokenFailed(complaint))))
    })
    child.stdin?.end()
  })
}
