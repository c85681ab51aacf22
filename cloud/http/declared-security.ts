/**
 * Who may call a route is said once, in its schema as the OpenAPI document shows it, and enforced from there. A route that says
 * nothing, or that the document does not show, keeps the service from starting.
 */
import type { FastifyInstance, onRequestAsyncHookHandler, RouteOptions } from 'fastify'
import type { Scope } from '../../agent/contract/token.ts'
import type { CloudParts } from '../parts.ts'
import { OPERATOR_ROLES, type OperatorRole } from '../store/principals.ts'
import { admitAaaClient, admitDevice, admitOperator } from './principal.ts'

/** Nobody has to say who they are. */
export const PUBLIC = [] as const

/** An operator of at least this role and, where the path names an account, for that account. */
export const operators = (role: OperatorRole) => [{ operator: [role] }]

/** A device, with a token of one of these scopes. */
export const devices = (...scopes: readonly [Scope, ...Scope[]]) => [{ device: scopes }]

/** An AAA client. */
export const AAA_CLIENTS = [{ aaa: [] }]

const SCOPES: readonly Scope[] = ['enrol', 'device']

type Declared =
  | { readonly kind: 'public' }
  | { readonly kind: 'aaa' }
  | { readonly kind: 'operator'; readonly role: OperatorRole }
  | { readonly kind: 'device'; readonly scopes: readonly [Scope, ...Scope[]] }

function declared({ method, url, schema }: Pick<RouteOptions, 'method' | 'url' | 'schema'>): Declared {
  const wrong = new Error(`${method} ${url} does not say in the OpenAPI document who may call it`)
  const security = schema?.security
  if (security === undefined || security.length > 1 || schema?.hide === true) throw wrong
  const [only] = security
  if (only === undefined) return { kind: 'public' }
  const { aaa, operator, device } = only
  if (aaa !== undefined) return { kind: 'aaa' }
  const role = OPERATOR_ROLES.find((each) => each === operator?.[0])
  if (role !== undefined) return { kind: 'operator', role }
  const [scope, ...scopes] = SCOPES.filter((each) => device?.includes(each))
  if (scope !== undefined) return { kind: 'device', scopes: [scope, ...scopes] }
  throw wrong
}

function admit(parts: CloudParts, who: Declared): onRequestAsyncHookHandler | null {
  switch (who.kind) {
    case 'public':
      return null
    case 'aaa':
      return admitAaaClient(parts)
    case 'operator':
      return admitOperator(parts, who.role)
    case 'device':
      return admitDevice(parts, ...who.scopes)
  }
}

/** Enforces what each route that is added from now on declares. */
export function enforceDeclaredSecurity(app: FastifyInstance, parts: CloudParts): void {
  app.addHook('onRoute', (route) => {
    const who = declared(route)
    const admission = admit(parts, who)
    route.config = { caller: who.kind, ...route.config }
    if (admission !== null) route.onRequest = [route.onRequest ?? [], admission].flat()
  })
}
