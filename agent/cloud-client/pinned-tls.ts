/** TLS to the Cloud API (contract §4): the pinned CA and nothing else is trusted, and no session is resumed. */
import https from 'node:https'
import { createSecureContext, type SecureContext } from 'node:tls'
import type { DeviceCertificate } from '../credential/credential.ts'
import { FAMILY_ATTEMPT_MS, type UndatedServer } from './undated-connection.ts'

/** A connection that waits longer than this for the swap's request is closed. */
const IDLE_MS = 10_000
const HTTPS_PORT = 443

/** How the Cloud API is connected to; nothing is read or connected before the first call. */
export class PinnedTls {
  readonly #baseUrl: string
  readonly #caPem: string
  #trust: SecureContext | null = null

  constructor(baseUrl: string, caPem: string) {
    this.#baseUrl = baseUrl
    this.#caPem = caPem
  }

  /** The pinned CA, read once. */
  trusted(): SecureContext {
    this.#trust ??= createSecureContext({ ca: this.#caPem, minVersion: 'TLSv1.2' })
    return this.#trust
  }

  /** Connections of their own, which show this certificate if any. No session is resumed: a resumed one would skip the certificate. */
  newAgent(shown: DeviceCertificate | null = null): https.Agent {
    return new https.Agent({
      keepAlive: true,
      timeout: IDLE_MS,
      maxCachedSessions: 0,
      autoSelectFamilyAttemptTimeout: FAMILY_ATTEMPT_MS,
      secureContext: shown === null ? this.trusted() : this.#trustedShowing(shown),
      rejectUnauthorized: true,
    })
  }

  /** The server, for those who connect by other means. */
  server(): UndatedServer {
    const { hostname, port } = new URL(this.#baseUrl)
    return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || HTTPS_PORT, caPem: this.#caPem }
  }

  #trustedShowing({ chainPem, privateKeyPem }: DeviceCertificate): SecureContext {
    return createSecureContext({ ca: this.#caPem, minVersion: 'TLSv1.2', cert: chainPem, key: privateKeyPem.reveal() })
  }
}
