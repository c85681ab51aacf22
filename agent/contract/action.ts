/**
 * What the cloud tells a device to do (contract §7): each action is a JWS of the cloud over {account, device, id, exp, body}, so
 * that nobody between the two can forge one, keep one for later, or hand it to another device.
 */
import { compactVerify, createLocalJWKSet, type JSONWebKeySet } from 'jose'
import type { DeviceName } from './names.ts'
import { isObject, type Parsed, parsed, unparsed } from './parsed.ts'

/** The JWS `typ` of an action. */
export const ACTION_TYP = 'zipkey-action+jwt'

const ACTION_ID = /^[a-z0-9-]{1,64}$/

/** An action this version knows, or the name of one it does not. For `rotate-credential` the action's id is the order's. */
export type ActionBody = { readonly kind: 'rotate-credential' } | { readonly kind: 'unsupported'; readonly name: string }

/** An action that the cloud ordered for this device. */
export type Action = { readonly id: string; readonly body: ActionBody }

/** Reads the answer of `GET /v1/device/actions`: compact JWSs, oldest first. */
export function parseActionsAnswer(body: unknown): Parsed<readonly string[]> {
  if (!isObject(body) || !Array.isArray(body.actions)) return unparsed('the actions answer has no actions')
  const texts: string[] = []
  for (const each of body.actions) {
    if (typeof each !== 'string') return unparsed('an action is not a JWS')
    texts.push(each)
  }
  return parsed(texts)
}

/** Checks an action against the cloud's signing keys, this device and the time. */
export async function verifyAction(jws: string, keys: JSONWebKeySet, name: DeviceName, nowMs: number): Promise<Parsed<Action>> {
  try {
    const { payload, protectedHeader } = await compactVerify(jws, createLocalJWKSet(keys))
    if (protectedHeader.typ !== ACTION_TYP) return unparsed('the signed text is not an action')
    const value: unknown = JSON.parse(Buffer.from(payload).toString('utf8'))
    return isObject(value) ? readAction(value, name, nowMs) : unparsed('the action is malformed')
  } catch {
    return unparsed("the action does not verify against the cloud's signing keys")
  }
}

function readAction(
  { account, device, id, exp, body }: Readonly<Record<string, unknown>>,
  name: DeviceName,
  nowMs: number,
): Parsed<Action> {
  if (account !== name.account || device !== name.device) return unparsed('the action is for another device')
  if (typeof id !== 'string' || !ACTION_ID.test(id)) return unparsed('the action has no id')
  if (typeof exp !== 'number' || exp * 1000 <= nowMs) return unparsed('the action has expired')
  if (!isObject(body) || typeof body.kind !== 'string') return unparsed('the action has no body')
  return parsed({
    id,
    body: body.kind === 'rotate-credential' ? { kind: 'rotate-credential' } : { kind: 'unsupported', name: body.kind.slice(0, 64) },
  })
}
