/** A device as the Cloud API sees it, by the contract's own functions; and what somebody has who copied its disk along the way. */
import { generateKeyPairSync, type KeyObject, randomBytes, randomUUID, X509Certificate } from 'node:crypto'
import { Agent, request } from 'node:https'
import { z } from 'zod'
import { makeCertificateRequest } from '../../../agent/contract/certificate.ts'
import { deriveApiKey, deriveTemporarySecret } from '../../../agent/contract/derivation.ts'
import { type CredentialId, type DeviceName, formatCredentialId } from '../../../agent/contract/names.ts'
import { parseProblem } from '../../../agent/contract/problems.ts'
import { JWT_BEARER_ASSERTION, ROUTES } from '../../../agent/contract/routes.ts'
import { formatSwapRequest, NONCE_BYTES, parseSwapAnswer, type SwapAsk } from '../../../agent/contract/swap.ts'
import { type AssertionKey, parseTokenAnswer, RUN_BYTES, signAssertion } from '../../../agent/contract/token.ts'
import { ACCOUNT, type CloudAccess, KEY_ID } from '../cloud/site.ts'

/** A credential: how it is called, and what it signs with. */
export type Held = { readonly id: CredentialId; readonly key: AssertionKey }

/** What a token request was answered with. */
export type TokenOutcome =
  | { readonly said: 'granted'; readonly token: string }
  | { readonly said: string; readonly token: null; readonly retryAfterS: number }

type Answer = { readonly status: number; readonly body: unknown; readonly retryAfterS: number }

/** The way to the cloud that all devices use. */
export class Way {
  readonly #access: CloudAccess
  readonly #agent = new Agent({ keepAlive: true })

  constructor(access: CloudAccess) {
    this.#access = access
  }

  get issuer(): string {
    return this.#access.issuer
  }

  /** Forgets its connections, as when the cloud was restarted. */
  close(): void {
    this.#agent.destroy()
  }

  post(path: string, headers: Readonly<Record<string, string>>, body: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const options = { method: 'POST', ca: this.#access.caPem, agent: this.#agent, headers }
      const call = request(new URL(path, this.#access.url), options, (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (part: string) => {
          text += part
        })
        response.on('error', reject)
        response.on('end', () => {
          const retryAfterS = Number(response.headers['retry-after'] ?? 0)
          resolve({ status: response.statusCode ?? 0, body: JSON.parse(text), retryAfterS })
        })
      })
      call.on('error', reject)
      call.end(body)
    })
  }
}

/** A device, and every credential that it held and replaced. */
export class ContractDevice {
  readonly name: DeviceName
  readonly temporary: Held
  held: Held
  readonly replaced: Held[] = []
  readonly #way: Way
  readonly #permanent: SwapAsk['kind']
  readonly #run = randomBytes(RUN_BYTES).toString('base64url')

  constructor(way: Way, device: string, provisioningKey: Uint8Array, permanent: SwapAsk['kind']) {
    this.#way = way
    this.#permanent = permanent
    this.name = { account: ACCOUNT, device }
    const secret = deriveTemporarySecret(provisioningKey, this.name)
    this.temporary = { id: { kind: 'temporary', keyId: KEY_ID }, key: { kind: 'secret', apiKey: deriveApiKey(secret, this.name) } }
    this.held = this.temporary
  }

  /** A token request by one of its credentials, whoever sends it. */
  async token({ id, key }: Held): Promise<TokenOutcome> {
    const claims = { name: this.name, credentialId: id, issuer: this.#way.issuer, nowMs: Date.now(), jti: randomUUID(), challenge: null }
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      client_assertion_type: JWT_BEARER_ASSERTION,
      client_assertion: await signAssertion({ ...claims, run: this.#run }, key),
    })
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const { body, status, retryAfterS } = await this.#way.post(ROUTES.token, headers, form.toString())
    const token = parseTokenAnswer(body)
    if (token.ok) return { said: 'granted', token: token.value.accessToken }
    const problem = parseProblem(body)
    return { said: problem.ok ? problem.value.type : String(status), token: null, retryAfterS }
  }

  /** Asks by one of its credentials for the next, and gives that. */
  async next(by: Held, order: string | null): Promise<Held> {
    const outcome = await this.token(by)
    if (outcome.token === null) throw new Error(`${this.name.device}: no token by ${formatCredentialId(by.id)}: ${outcome.said}`)
    const headers = { authorization: `Bearer ${outcome.token}`, 'content-type': 'application/json' }
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const answer = await this.#way.post(ROUTES.deviceCredential, headers, JSON.stringify(formatSwapRequest(this.#ask(privateKey), order)))
    const issued = parseSwapAnswer(answer.body)
    if (!issued.ok) throw new Error(`${this.name.device}: nothing was issued: ${JSON.stringify(answer.body)}`)
    switch (issued.value.kind) {
      case 'secret': {
        const { secretId, secret } = issued.value
        return { id: { kind: 'issued', secretId }, key: { kind: 'secret', apiKey: deriveApiKey(secret, this.name) } }
      }
      case 'certificate': {
        const { fingerprint, chainPem } = issued.value
        return {
          id: { kind: 'certificate', fingerprint },
          key: { kind: 'certificate', privateKey, chain: [new X509Certificate(chainPem).raw] },
        }
      }
    }
  }

  #ask(privateKey: KeyObject): SwapAsk {
    switch (this.#permanent) {
      case 'secret':
        return { kind: 'secret', nonce: randomBytes(NONCE_BYTES).toString('base64url') }
      case 'certificate':
        return { kind: 'certificate', certificateRequest: makeCertificateRequest(privateKey, this.name) }
    }
  }

  /** Moves on to the next credential and proves it. */
  async moveOn(order: string | null): Promise<void> {
    await this.prove(await this.next(this.held, order))
  }

  /** Works with a credential from now on; the one before is replaced. */
  async prove(next: Held): Promise<void> {
    const { said } = await this.token(next)
    if (said !== 'granted') throw new Error(`${this.name.device}: not proved: ${said}`)
    this.replaced.push(this.held)
    this.held = next
  }
}

/** The answer to an order of rotation. */
export const orderAnswer = z.object({ order: z.string() })
