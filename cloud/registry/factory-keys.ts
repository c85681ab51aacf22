/** Whose registration manifests an account believes. */
import { createPublicKey } from 'node:crypto'
import { calculateJwkThumbprint } from 'jose'
import { ApiProblem } from '../api-problem.ts'
import type { CloudParts } from '../parts.ts'
import { appendAudit } from '../store/audit-log.ts'
import { insertFactoryKey, listFactoryKeys, listParts, retireFactoryKey } from '../store/factory-keys.ts'
import { accountExists, type StoredOperatorKey } from '../store/principals.ts'
import { operatorEntry } from './operator-entry.ts'

/** A P-256 public key, as `zipkey-factory key create` writes it. */
export type FactoryJwk = { readonly kty: 'EC'; readonly crv: 'P-256'; readonly x: string; readonly y: string }

/** Lets a factory sign manifests of an account; gives what its key is called in them. */
export async function addFactoryKey(
  parts: CloudParts,
  by: StoredOperatorKey,
  account: string,
  { id, key: { kty, crv, x, y } }: { readonly id: string; readonly key: FactoryJwk },
): Promise<{ id: string; kid: string }> {
  const jwk = { kty, crv, x, y }
  if (!isOnCurve(jwk)) throw new ApiProblem('invalid-request', 'the key is no point of P-256')
  const kid = await calculateJwkThumbprint(jwk)
  const nowMs = parts.nowMs()
  await parts.db.transaction().execute(async (db) => {
    if (!(await accountExists(db, account))) throw new ApiProblem('not-found', `there is no account ${account}`)
    if (!(await insertFactoryKey(db, { account, id, kid, jwk: JSON.stringify(jwk), created_at: nowMs })))
      throw new ApiProblem('conflict', `factory key ${id}, or this key by another id, exists already`)
    await appendAudit(db, nowMs, [operatorEntry(by, 'factory-key-added', account, `${id} ${kid}`)])
  })
  return { id, kid }
}

function isOnCurve(jwk: FactoryJwk): boolean {
  try {
    createPublicKey({ key: jwk, format: 'jwk' })
    return true
  } catch {
    return false
  }
}

/** The factory keys of an account. */
export async function showFactoryKeys(parts: CloudParts, account: string) {
  const keys = await listFactoryKeys(parts.db, account)
  return keys.map(({ id, kid, retired_at, created_at }) => ({ id, kid, retired: retired_at !== null, created_at_ms: created_at }))
}

/** Believes nothing any more that a factory key signs. What it registered stays. */
export async function retireFactory(parts: CloudParts, by: StoredOperatorKey, account: string, id: string): Promise<void> {
  await parts.db.transaction().execute(async (db) => {
    if (!(await retireFactoryKey(db, account, id, parts.nowMs())))
      throw new ApiProblem('not-found', `there is no factory key ${id} that is not retired yet`)
    await appendAudit(db, parts.nowMs(), [operatorEntry(by, 'factory-key-retired', account, id)])
  })
}

/** Which parts of a batch arrived. */
export async function showBatch(parts: CloudParts, account: string, batch: string) {
  const arrived = await listParts(parts.db, account, batch)
  return {
    batch,
    devices: arrived[0]?.devices ?? null,
    parts: arrived.map(({ part, first, rows, factory_key, registered_at }) => ({
      part,
      from: first,
      rows,
      factory_key,
      registered_at_ms: registered_at,
    })),
  }
}
