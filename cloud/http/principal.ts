/** Who is calling: a device by its access token, an operator by a key, an AAA server by HTTP Basic. Found out before the body is looked at. */
import type { FastifyReply, FastifyRequest, onRequestAsyncHookHandler } from 'fastify'
import { parseKeyId } from '../../agent/contract/names.ts'
import type { Scope } from '../../agent/contract/token.ts'
import { ApiProblem } from '../api-problem.ts'
import { type AccessClaims, readAccessToken } from '../crypto/access-token.ts'
import { hashBearerKey, isBearerKey, splitOperatorKey } from '../crypto/bearer-key.ts'
import type { CloudParts } from '../parts.ts'
import {
  findAaaClient,
  findOperatorKey,
  mayWorkIn,
  OPERATOR_ROLES,
  type OperatorRole,
  type StoredAaaClient,
  type StoredOperatorKey,
} from '../store/principals.ts'

/** A caller that proved who it is. */
export type Principal =
  | { readonly kind: 'device'; readonly claims: AccessClaims }
  | { readonly kind: 'operator'; readonly key: StoredOperatorKey }
  | { readonly kind: 'aaa'; readonly client: StoredAaaClient }

declare module 'fastify' {
  interface FastifyRequest {
    principal: Principal | null
  }
}

// Compared where the id is unknown, so that this takes the same time.
const NO_HASH = hashBearerKey('')

const bearerOf = (request: FastifyRequest): string | null => /^Bearer ([^\s]+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? null

/** Lets devices with a token of one of these scopes pass. */
export const admitDevice =
  (parts: CloudParts, ...scopes: readonly [Scope, ...Scope[]]): onRequestAsyncHookHandler =>
  async (request, reply) => {
    const token = bearerOf(request)
    const claims = token === null ? null : readAccessToken(parts.signingKeys, parts.issuer, token, parts.nowMs())
    if (claims === null) return unauthenticated(reply, 'Bearer', 'the access token is missing, expired or not ours')
    if (!scopes.includes(claims.scope)) throw new ApiProblem('insufficient-scope', `this needs a token of scope ${scopes.join(' or ')}`)
    request.principal = { kind: 'device', claims }
  }

/** Lets operators of at least this role pass; where the path names an account, they must be allowed to work in it. */
export const admitOperator =
  (parts: CloudParts, role: OperatorRole): onRequestAsyncHookHandler =>
  async (request, reply) => {
    const key = await operatorOf(parts, bearerOf(request))
    if (key === null) return unauthenticated(reply, 'Bearer', 'the operator key is missing or not known')
    if (OPERATOR_ROLES.indexOf(key.role) > OPERATOR_ROLES.indexOf(role)) {
      throw new ApiProblem('insufficient-scope', `this needs an operator key of role ${role}`)
    }
    const account = accountInPath(request)
    if (account !== null && !mayWorkIn(key, account)) throw new ApiProblem('insufficient-scope', 'the operator key is not for this account')
    request.principal = { kind: 'operator', key }
  }

async function operatorOf(parts: CloudParts, token: string | null): Promise<StoredOperatorKey | null> {
  const { id, secret } = splitOperatorKey(token ?? '')
  const key = id === '' ? null : await findOperatorKey(parts.db, id)
  return isBearerKey(secret, key?.hash ?? NO_HASH) ? key : null
}

function accountInPath({ params }: FastifyRequest): string | null {
  const account: unknown = typeof params === 'object' && params !== null && 'account' in params ? params.account : null
  return typeof account === 'string' ? account : null
}

/** Lets AAA servers pass. */
export const admitAaaClient =
  (parts: CloudParts): onRequestAsyncHookHandler =>
  async (request, reply) => {
    const coded = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? ''
    const [id = '', secret = ''] = Buffer.from(coded, 'base64').toString('utf8').split(':', 2)
    const client = parseKeyId(id).ok ? await findAaaClient(parts.db, id) : null
    if (!isBearerKey(secret, client?.hash ?? NO_HASH) || client === null) {
      return unauthenticated(reply, 'Basic', 'the AAA client or its secret is not known')
    }
    request.principal = { kind: 'aaa', client }
  }

function unauthenticated(reply: FastifyReply, scheme: 'Bearer' | 'Basic', detail: string): never {
  reply.header('www-authenticate', `${scheme} realm="zipkey"`)
  throw new ApiProblem('invalid-token', detail)
}

/** The device that the route admitted. */
export function deviceOf(request: FastifyRequest): AccessClaims {
  if (request.principal?.kind !== 'device') throw new Error('this route admits devices only')
  return request.principal.claims
}

/** The operator that the route admitted. */
export function operatorKeyOf(request: FastifyRequest): StoredOperatorKey {
  if (request.principal?.kind !== 'operator') throw new Error('this route admits operators only')
  return request.principal.key
}

/** The AAA client that the route admitted. */
export function aaaClientOf(request: FastifyRequest): StoredAaaClient {
  if (request.principal?.kind !== 'aaa') throw new Error('this route admits AAA clients only')
  return request.principal.client
}
