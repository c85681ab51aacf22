/** The HTTP service: routes, schemas, limits, problems. It does not listen by itself. */
import rateLimit from '@fastify/rate-limit'
import swagger from '@fastify/swagger'
import fastify, { LogController } from 'fastify'
import { jsonSchemaTransform, serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod'
import { ApiProblem } from '../api-problem.ts'
import type { CloudParts } from '../parts.ts'
import { admitThrough, Places } from './admission.ts'
import { enforceDeclaredSecurity, PUBLIC } from './declared-security.ts'
import { acceptForms } from './form-body.ts'
import { answerWithProblems } from './problems.ts'
import { logAnswers, loggerOf, TurnByTurn } from './request-log.ts'
import { aaaRoutes } from './routes-aaa.ts'
import { accountRoutes } from './routes-accounts.ts'
import { adminRoutes } from './routes-admin.ts'
import { deviceRoutes } from './routes-device.ts'
import { healthRoutes } from './routes-health.ts'

/** What the service is told besides its parts. A whole hotspot may call from one address: limits are wide. */
export type ServerSettings = {
  readonly tls: { readonly cert: string; readonly key: string }
  readonly logLevel: string
  readonly requestsPerMinutePerAddress: number
  readonly requestsPerMinutePerAaaClient: number
  /** How many requests are worked on at once; the rest is sent away with Retry-After. */
  readonly requestsAtOnce: number
  /** Asks clients for certificates; who shows none is served all the same. */
  readonly clientCertificates: boolean
  /** How many connections may be open. */
  readonly connections: number
}

const BODY_LIMIT_BYTES = 1024 * 1024
/** A client that does not finish its handshake keeps a descriptor and nothing else. */
const HANDSHAKE_TIMEOUT_MS = 10_000
const MINUTE_MS = 60_000
const VERSION = '1'

const OPENAPI = {
  openapi: '3.1.0',
  info: {
    title: 'ZipKey Cloud API',
    version: VERSION,
    description: 'Errors are problem documents (RFC 9457) with types urn:zipkey:problem:…',
  },
  components: {
    securitySchemes: {
      device: { type: 'http', scheme: 'bearer', description: 'an access token of POST /v1/token' },
      operator: { type: 'http', scheme: 'bearer', description: 'an operator key' },
      aaa: { type: 'http', scheme: 'basic', description: "an AAA client's id and secret" },
    },
  },
} as const

/** Builds the service. */
export async function buildServer(parts: CloudParts, settings: ServerSettings) {
  const log = new TurnByTurn(process.stderr)
  const app = fastify({
    https: {
      ...{ cert: settings.tls.cert, key: settings.tls.key, minVersion: 'TLSv1.2' as const, handshakeTimeout: HANDSHAKE_TIMEOUT_MS },
      // Who issued it does not matter: the registered fingerprint decides. That the client holds its key, the handshake has proved.
      ...{ requestCert: settings.clientCertificates, rejectUnauthorized: false },
    },
    logger: loggerOf(settings.logLevel, log),
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: 30_000,
  }).withTypeProvider<ZodTypeProvider>()
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  app.decorateRequest('principal', null)
  logAnswers(app, log)
  answerWithProblems(app)
  acceptForms(app)
  await app.register(swagger, { openapi: OPENAPI, transform: jsonSchemaTransform })
  await app.register(rateLimit, {
    max: settings.requestsPerMinutePerAddress,
    timeWindow: MINUTE_MS,
    // Somewhere in the next window: a hotspot's devices share an address, and shall not share the moment as well.
    errorResponseBuilder: (_request, { ttl }) =>
      new ApiProblem('too-many-requests', 'too many requests from here', Math.ceil((ttl + Math.random() * MINUTE_MS) / 1000)),
  })
  // In this order: who asks too often is refused before a place is taken, and a place is taken before anything is looked up.
  admitThrough(app, new Places(settings.requestsAtOnce))
  enforceDeclaredSecurity(app, parts)
  await app.register(healthRoutes(parts))
  await app.register(deviceRoutes(parts))
  await app.register(aaaRoutes(parts, settings.requestsPerMinutePerAaaClient))
  await app.register(accountRoutes(parts))
  await app.register(adminRoutes(parts))
  app.get('/openapi.json', { schema: { summary: 'This document', security: PUBLIC } }, () => app.swagger())
  await app.ready()
  // Those that come faster than their handshakes can be done wait in the kernel's queue, which is short.
  app.server.maxConnections = settings.connections
  return app
}
