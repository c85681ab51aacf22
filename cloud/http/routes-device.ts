/** What devices call (contract §4 and §5). */
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { CompactSign } from 'jose'
import { z } from 'zod'
import { AFTER_PARAMETER } from '../../agent/contract/device-config.ts'
import { type Parsed, unparsed } from '../../agent/contract/parsed.ts'
import { JWT_BEARER_ASSERTION, ROUTES } from '../../agent/contract/routes.ts'
import { formatSecretText } from '../../agent/contract/secret-text.ts'
import { SIGNED_TIME_TYP } from '../../agent/contract/signed-time.ts'
import { ApiProblem } from '../api-problem.ts'
import type { AccessClaims } from '../crypto/access-token.ts'
import { createChallenge } from '../crypto/challenge.ts'
import { SIGNING_ALGORITHM } from '../crypto/signing-key.ts'
import { signedActions } from '../onboarding/actions.ts'
import { type Assertion, claimedByTls, parseAssertion } from '../onboarding/assertion.ts'
import { signedConfig } from '../onboarding/device-config.ts'
import { issueToken } from '../onboarding/issue-token.ts'
import { swapCredential } from '../onboarding/swap.ts'
import { swapForCertificate } from '../onboarding/swap-for-certificate.ts'
import type { CloudParts } from '../parts.ts'
import { devices, PUBLIC } from './declared-security.ts'
import { deviceOf } from './principal.ts'
import { problemAnswers } from './problems.ts'

const tokenRequest = z.object({
  grant_type: z.literal('client_credentials'),
  client_assertion_type: z.literal(JWT_BEARER_ASSERTION).optional(),
  // With a certificate's chain in it: up to eight certificates.
  client_assertion: z.string().max(32_768).describe('RFC 7523; needs client_assertion_type').optional(),
  client_id: z.string().max(128).describe('by mutual TLS (RFC 8705) in place of an assertion: <account>/<device>').optional(),
  run: z.string().max(64).describe('with client_id: the run of the agent').optional(),
})

/** What the request claims, by its assertion or by the certificate of its connection. */
function claimsOf(parts: CloudParts, body: z.infer<typeof tokenRequest>, socket: Socket): Parsed<Assertion> {
  const { client_assertion_type: type, client_assertion: jws, client_id: clientId, run } = body
  if (clientId === undefined) {
    return jws !== undefined && type !== undefined
      ? parseAssertion(jws)
      : unparsed('give client_assertion_type and client_assertion, or client_id with a certificate of the connection')
  }
  if (jws !== undefined || type !== undefined) return unparsed('give an assertion or a client_id, and not both')
  const shown = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined
  if (shown === undefined) return unparsed(NO_CERTIFICATE)
  return claimedByTls({ clientId, run, certificate: new Uint8Array(shown.raw) }, parts.issuer, parts.nowMs())
}

const NO_CERTIFICATE =
  'this connection has no client certificate: clientCertificates in config.json asks for one, and no proxy may end TLS on the way'

const tokenAnswer = z.object({
  access_token: z.string(),
  token_type: z.literal('Bearer'),
  expires_in: z.number().int(),
  scope: z.enum(['enrol', 'device']),
})

const swapRequest = z.object({
  nonce: z
    .string()
    .regex(/^[A-Za-z0-9_-]{43}$/, 'a nonce is 43 characters of base64url')
    .describe('asks for a secret')
    .optional(),
  csr: z
    .string()
    .max(4096)
    .regex(/^[A-Za-z0-9+/]+={0,2}$/, 'csr is base64')
    .describe("asks for a certificate: a request (PKCS#10, DER in base64) of the device's own P-256 key")
    .optional(),
  order: z.string().max(64).nullable().default(null),
})

const swapAnswer = z.union([
  z.object({ secret_id: z.string(), secret: z.string() }),
  z.object({ certificate: z.string().describe("PEM: the device's own certificate, then its issuers") }),
])

/** Answers a request for a secret, or for a certificate. */
async function answerSwap(parts: CloudParts, claims: AccessClaims, { nonce, csr, order }: z.infer<typeof swapRequest>) {
  if (nonce !== undefined && csr === undefined) {
    const { secretId, secret } = await swapCredential(parts, claims, { nonce, order })
    return { secret_id: secretId, secret: formatSecretText('zks_', secret) }
  }
  if (csr === undefined || nonce !== undefined) throw new ApiProblem('invalid-request', 'a request has a nonce or a csr, and not both')
  return { certificate: await swapForCertificate(parts, claims, { request: new Uint8Array(Buffer.from(csr, 'base64')), order }) }
}

const NO_STORE = 'no-store'

/** The device's routes. */
export const deviceRoutes =
  (parts: CloudParts): FastifyPluginAsyncZod =>
  async (app) => {
    const tokenSchema = {
      summary: 'Trades a client assertion (RFC 7523), or a client certificate (RFC 8705), for an access token',
      security: PUBLIC,
      consumes: ['application/x-www-form-urlencoded'],
      body: tokenRequest,
      response: { 200: tokenAnswer, ...problemAnswers('unknown-credential', 'revoked', 'already-enrolled') },
    }
    app.post(ROUTES.token, { schema: tokenSchema }, async (request, reply) => {
      const assertion = claimsOf(parts, request.body, request.raw.socket)
      if (!assertion.ok) throw new ApiProblem('invalid-request', assertion.problem)
      const grant = await issueToken(parts, assertion.value)
      reply.header('cache-control', NO_STORE)
      return { access_token: grant.accessToken, token_type: 'Bearer' as const, expires_in: grant.expiresInS, scope: grant.scope }
    })

    const swapSchema = {
      summary:
        'Issues a permanent secret or certificate, the first or by a rotation order the next; the same nonce or key gets the same answer',
      security: devices('enrol', 'device'),
      body: swapRequest,
      response: {
        201: swapAnswer,
        ...problemAnswers('invalid-token', 'insufficient-scope', 'nonce-spent', 'order-closed', 'unavailable'),
      },
    }
    app.post(ROUTES.deviceCredential, { schema: swapSchema }, async (request, reply) => {
      const issued = await answerSwap(parts, deviceOf(request), request.body)
      reply.code(201).header('cache-control', NO_STORE)
      return issued
    })

    const actionsSchema = {
      summary: 'What the device is ordered to do: compact JWSs over {account, device, id, exp, body}',
      security: devices('device'),
      response: { 200: z.object({ actions: z.array(z.string()) }), ...problemAnswers('invalid-token', 'insufficient-scope', 'revoked') },
    }
    app.get(ROUTES.deviceActions, { schema: actionsSchema }, async (request, reply) => {
      reply.header('cache-control', NO_STORE)
      return { actions: [...(await signedActions(parts, deviceOf(request)))] }
    })

    const configSchema = {
      summary: 'The hotspot profiles for the device, where there is a version later than the one it has: a compact JWS',
      security: devices('device'),
      querystring: z.object({ [AFTER_PARAMETER]: z.coerce.number().int().nonnegative().default(0) }),
      response: {
        200: { description: 'A compact JWS', content: { 'application/jose': { schema: z.string() } } },
        204: z.null(),
        ...problemAnswers('invalid-token', 'insufficient-scope'),
      },
    }
    app.get(ROUTES.deviceConfig, { schema: configSchema }, async (request, reply) => {
      const jws = await signedConfig(parts, deviceOf(request), request.query[AFTER_PARAMETER])
      reply.header('cache-control', NO_STORE)
      return jws === null ? reply.code(204).send(null) : reply.type('application/jose').send(jws)
    })

    await app.register(timeRoutes(parts))
  }

const timeRoutes =
  (parts: CloudParts): FastifyPluginAsyncZod =>
  async (app) => {
    const timeSchema = {
      summary: 'The time, signed: a compact JWS over {nonce, time, challenge}',
      security: PUBLIC,
      querystring: z.object({ nonce: z.string().regex(/^[A-Za-z0-9_-]{16,86}$/, 'a nonce is 16 to 86 characters of base64url') }),
      response: { 200: { description: 'A compact JWS', content: { 'application/jose': { schema: z.string() } } }, ...problemAnswers() },
    }
    app.get(ROUTES.time, { schema: timeSchema }, async (request, reply) => {
      const nowMs = parts.nowMs()
      const body = { nonce: request.query.nonce, time: Math.floor(nowMs / 1000), challenge: createChallenge(parts.masterKeys[0], nowMs) }
      const jws = await new CompactSign(Buffer.from(JSON.stringify(body)))
        .setProtectedHeader({ alg: SIGNING_ALGORITHM, typ: SIGNED_TIME_TYP, kid: parts.signingKeys.kid })
        .sign(parts.signingKeys.privateKey)
      reply.header('cache-control', NO_STORE).type('application/jose')
      return jws
    })

    const jwk = z.record(z.string(), z.unknown())
    const keysSchema = {
      summary: "The cloud's public signing keys",
      security: PUBLIC,
      response: { 200: z.object({ keys: z.array(jwk) }), ...problemAnswers() },
    }
    const caSchema = {
      summary: "The CA certificates (PEM) that hotspots check devices' certificates against",
      security: PUBLIC,
      response: { 200: z.object({ ca: z.string() }), ...problemAnswers() },
    }
    app.get('/v1/device-ca', { schema: caSchema }, async () => ({ ca: parts.deviceIssuer.caPem }))

    app.get('/v1/jwks', { schema: keysSchema }, async () => ({ keys: parts.signingKeys.publicKeys.keys.map((key) => ({ ...key })) }))
  }
