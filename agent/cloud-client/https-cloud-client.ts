/**
 * The calls of the Cloud API over HTTPS (contract §4 and §5): every call has a deadline, and no answer is believed that is not of the
 * contract's form. Whom to trust is told in pinned-tls.ts.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import type https from 'node:https'
import type { JSONWebKeySet } from 'jose'
import { parseActionsAnswer, verifyAction } from '../contract/action.ts'
import { deriveApiKey } from '../contract/derivation.ts'
import { AFTER_PARAMETER, verifyDeviceConfig } from '../contract/device-config.ts'
import { formatSubject } from '../contract/names.ts'
import type { Parsed } from '../contract/parsed.ts'
import { JWT_BEARER_ASSERTION, ROUTES } from '../contract/routes.ts'
import { verifySignedTime } from '../contract/signed-time.ts'
import { formatSwapRequest, parseSwapAnswer } from '../contract/swap.ts'
import { parseTokenAnswer, RUN_BYTES, signAssertion } from '../contract/token.ts'
import type { Credential, Identity, IssuedCredential, TokenCertificate } from '../credential/credential.ts'
import { Secret } from '../credential/secret.ts'
import { AgentError } from '../failure.ts'
import type { Log } from '../log.ts'
import type { AccessToken, Clock, CloudClient, FetchedProfiles, KeyTokens, ProfilesRequest, SwapRequest } from '../ports.ts'
import { assertionKey, contractAsk, issuedCredential } from './credential-forms.ts'
import { type CloudAnswer, type CloudRequest, exchange, type Transport, withDeadline } from './exchange.ts'
import { openProfiles } from './open-profiles.ts'
import { PinnedTls } from './pinned-tls.ts'
import { parseJson, refusal } from './refusal.ts'
import { connectUndated } from './undated-connection.ts'

/** What the client needs; `caPem` holds the only CAs that it trusts, whatever the environment says. */
export type CloudClientOptions = {
  readonly cloud: { readonly url: string; readonly issuer: string; readonly caPem: string; readonly signingKeys: JSONWebKeySet }
  readonly identity: Identity
  readonly clock: Clock
  readonly timers: { readonly cloudCallMs: number }
  readonly log: Log
  /** Null where no credential is in one. */
  readonly tokens: KeyTokens | null
  /** A certificate proves itself in the handshake (RFC 8705), and signs nothing. */
  readonly mutualTls: boolean
}

/** A client whose open connections can be closed; it may be used again after that. */
export type ClosableCloudClient = CloudClient & { close(): void }

const TIME_NONCE_BYTES = 32
const NO_CONTENT = 204
const ACCEPTED = 'application/json, application/problem+json'

/** The calls of the Cloud API. Nothing is connected before the first one, and names are looked up for each connection anew. */
export class HttpsCloudClient implements ClosableCloudClient {
  readonly #options: CloudClientOptions
  readonly #baseUrl: string
  readonly #tls: PinnedTls
  /** One process has one client: this is the run of the agent. */
  readonly #run = randomBytes(RUN_BYTES).toString('base64url')
  /** Kept from the token of scope `enrol` to the swap's request that follows it; afterwards the device joins anew. */
  #kept: https.Agent | null = null

  constructor(options: CloudClientOptions) {
    this.#options = options
    this.#baseUrl = options.cloud.url.replace(/\/+$/, '')
    this.#tls = new PinnedTls(this.#baseUrl, options.cloud.caPem)
  }

  /** Signs for nobody and reads the CA, since what a first time costs is felt on a small device; nothing is connected. */
  async rehearse(): Promise<void> {
    const { cloud, identity } = this.#options
    this.#tls.trusted()
    const claims = {
      name: identity,
      credentialId: { kind: 'flashed' },
      issuer: cloud.issuer,
      nowMs: 0,
      jti: '',
      challenge: null,
      run: null,
    } as const
    await signAssertion(claims, { kind: 'secret', apiKey: deriveApiKey(randomBytes(32), identity) })
  }

  reach(signal: AbortSignal): Promise<string> {
    return withDeadline(this.#options.timers.cloudCallMs, signal, async (ending) => {
      const socket = await connectUndated(this.#tls.server(), ending)
      const { localAddress = '' } = socket
      socket.destroy()
      return localAddress
    })
  }

  time(signal: AbortSignal): Promise<{ readonly timeMs: number; readonly challenge: string }> {
    const { cloud, timers } = this.#options
    return withDeadline(timers.cloudCallMs, signal, async (ending) => {
      const nonce = randomBytes(TIME_NONCE_BYTES).toString('base64url')
      const url = this.#url(ROUTES.time)
      url.searchParams.set('nonce', nonce)
      const socket = await connectUndated(this.#tls.server(), ending)
      try {
        const request: CloudRequest = { method: 'GET', url, headers: { connection: 'close' }, body: null }
        const answer = await this.#ask('time', request, { createConnection: () => socket }, ending)
        return believed('time', await verifySignedTime(answer.text.trim(), cloud.signingKeys, nonce))
      } finally {
        socket.destroy()
      }
    })
  }

  token(credential: Credential, challenge: string | null, signal: AbortSignal): Promise<AccessToken> {
    const { timers, clock, mutualTls } = this.#options
    this.close()
    return withDeadline(timers.cloudCallMs, signal, async (ending) => {
      if (mutualTls && credential.kind === 'token-certificate') return this.#tokenByChip(credential, ending)
      const shown = mutualTls && credential.kind === 'certificate' ? credential : null
      const agent = this.#tls.newAgent(shown)
      try {
        const askedMs = clock.nowMs()
        const request = shown === null ? await this.#tokenRequest(credential, challenge, askedMs, ending) : this.#tlsTokenRequest()
        const answer = await this.#ask('token', request, { agent }, ending)
        const token = accessTokenIn(answer, askedMs)
        if (token.scope === 'enrol') this.#kept = agent
        return token
      } finally {
        if (this.#kept !== agent) agent.destroy()
      }
    })
  }

  /** By mutual TLS with a key that only its token can use: the connection is made by way of that. */
  async #tokenByChip(credential: TokenCertificate, signal: AbortSignal): Promise<AccessToken> {
    const { tokens, clock } = this.#options
    if (tokens === null) throw new TypeError('there are no tokens here')
    const askedMs = clock.nowMs()
    const connection = await tokens.connect(credential, this.#tls.server())
    try {
      signal.throwIfAborted()
      const { headers, ...request } = this.#tlsTokenRequest()
      const once = { ...request, headers: { ...headers, connection: 'close' } }
      return accessTokenIn(await this.#ask('token', once, { createConnection: () => connection }, signal), askedMs)
    } finally {
      connection.destroy()
    }
  }

  requestCredential({ token, ask, orderId }: SwapRequest, signal: AbortSignal): Promise<IssuedCredential> {
    const asking = orderId === null ? 'credential' : `credential by order ${orderId}`
    return withDeadline(this.#options.timers.cloudCallMs, signal, async (ending) => {
      const agent = this.#kept ?? this.#tls.newAgent()
      this.#kept = null
      try {
        const request: CloudRequest = {
          method: 'POST',
          url: this.#url(ROUTES.deviceCredential),
          headers: { authorization: `Bearer ${token.value.reveal()}`, 'content-type': 'application/json', accept: ACCEPTED },
          body: JSON.stringify(formatSwapRequest(contractAsk(ask, this.#options.identity), orderId)),
        }
        const answer = await this.#ask(asking, request, { agent }, ending)
        return believed(asking, issuedCredential(ask, believed(asking, parseSwapAnswer(parseJson(answer.text)))))
      } finally {
        agent.destroy()
      }
    })
  }

  rotationOrder(token: AccessToken, signal: AbortSignal): Promise<string | null> {
    const { timers, clock, cloud, identity, log } = this.#options
    return withDeadline(timers.cloudCallMs, signal, async (ending) => {
      const agent = this.#tls.newAgent()
      try {
        const headers = { authorization: `Bearer ${token.value.reveal()}`, accept: ACCEPTED }
        const request: CloudRequest = { method: 'GET', url: this.#url(ROUTES.deviceActions), headers, body: null }
        const answer = await this.#ask('actions', request, { agent }, ending)
        for (const jws of believed('actions', parseActionsAnswer(parseJson(answer.text)))) {
          const action = await verifyAction(jws, cloud.signingKeys, identity, clock.nowMs())
          if (!action.ok) log.warn({ reason: action.problem }, 'an action of the cloud is not believed')
          else if (action.value.body.kind === 'rotate-credential') return action.value.id
          else log.warn({ action: action.value.body.name }, 'the cloud orders an action that this version does not know')
        }
        return null
      } finally {
        agent.destroy()
      }
    })
  }

  hotspotProfiles({ token, credential, after }: ProfilesRequest, signal: AbortSignal): Promise<FetchedProfiles | null> {
    const { timers, cloud, identity, log } = this.#options
    return withDeadline(timers.cloudCallMs, signal, async (ending) => {
      const agent = this.#tls.newAgent()
      try {
        const url = this.#url(ROUTES.deviceConfig)
        url.searchParams.set(AFTER_PARAMETER, String(after))
        const headers = { authorization: `Bearer ${token.value.reveal()}`, accept: 'application/jose, application/problem+json' }
        const answer = await this.#ask('config', { method: 'GET', url, headers, body: null }, { agent }, ending)
        if (answer.status === NO_CONTENT) return null
        const config = believed('config', await verifyDeviceConfig(answer.text.trim(), cloud.signingKeys, identity))
        if (config.version <= after) {
          log.warn({ version: config.version, kept: after }, 'the cloud offers a version of the profiles that is not later')
          return null
        }
        const opened = await openProfiles(config, credential, identity)
        for (const reason of opened.leftOut) log.warn({ reason }, 'a hotspot profile of the cloud is left out')
        return { version: config.version, hotspots: believed('config', opened.hotspots) }
      } finally {
        agent.destroy()
      }
    })
  }

  close(): void {
    this.#kept?.destroy()
    this.#kept = null
  }

  async #tokenRequest(credential: Credential, challenge: string | null, nowMs: number, signal: AbortSignal): Promise<CloudRequest> {
    const { cloud, identity, tokens } = this.#options
    const claims = {
      name: identity,
      credentialId: credential.id,
      issuer: cloud.issuer,
      nowMs,
      jti: randomUUID(),
      challenge,
      run: this.#run,
    }
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      client_assertion_type: JWT_BEARER_ASSERTION,
      client_assertion: await signAssertion(claims, assertionKey(credential, identity, tokens, signal)),
    })
    return this.#tokenForm(form)
  }

  /** The certificate of the connection says the rest; that is fresh, so that no challenge is needed. */
  #tlsTokenRequest(): CloudRequest {
    const { identity } = this.#options
    return this.#tokenForm(new URLSearchParams({ grant_type: 'client_credentials', client_id: formatSubject(identity), run: this.#run }))
  }

  #tokenForm(form: URLSearchParams): CloudRequest {
    return {
      method: 'POST',
      url: this.#url(ROUTES.token),
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: ACCEPTED },
      body: form.toString(),
    }
  }

  /** Asks, and gives the answer only where it is a success. */
  async #ask(asking: string, request: CloudRequest, transport: Transport, signal: AbortSignal): Promise<CloudAnswer> {
    const { clock, log } = this.#options
    const startedMs = clock.monotonicMs()
    const answer = await exchange(request, transport, signal)
    log.debug({ asking, status: answer.status, durationMs: Math.round(clock.monotonicMs() - startedMs) }, 'the Cloud API answered')
    if (answer.status === 200 || answer.status === 201 || answer.status === NO_CONTENT) return answer
    throw refusal(asking, answer, clock.nowMs())
  }

  #url(route: string): URL {
    return new URL(this.#baseUrl + route)
  }
}

function accessTokenIn({ text }: CloudAnswer, askedMs: number): AccessToken {
  const { accessToken, scope, expiresInMs } = believed('token', parseTokenAnswer(parseJson(text)))
  return { value: new Secret(accessToken), scope, expiresAtMs: askedMs + expiresInMs }
}

/** What a parser made of a success; a success of another form is the cloud's failure. */
function believed<T>(asking: string, answer: Parsed<T>): T {
  if (answer.ok) return answer.value
  throw new AgentError('ERR_CLOUD_ANSWER', `${asking}: ${answer.problem}`)
}
