/** Creating, showing and retiring provisioning keys. */
import { randomBytes } from 'node:crypto'
import { formatSecretText, parseSecretText, SECRET_BYTES } from '../../agent/contract/secret-text.ts'
import { ApiProblem } from '../api-problem.ts'
import { isLost, seal } from '../crypto/sealed.ts'
import type { CloudParts } from '../parts.ts'
import { appendAudit } from '../store/audit-log.ts'
import { accountExists, type StoredOperatorKey } from '../store/principals.ts'
import {
  countEnrolledBy,
  findProvisioningKey,
  insertProvisioningKey,
  listProvisioningKeys,
  retireProvisioningKey,
} from '../store/provisioning-keys.ts'
import { replaceSealed } from '../store/sealed-rows.ts'
import type { Database } from '../store/tables.ts'
import { operatorEntry } from './operator-entry.ts'

/** The rules of a new provisioning key, as the API spells them. */
export type ProvisioningKeyRequest = {
  readonly id: string
  readonly allow: readonly string[]
  readonly not_before_ms: number | null
  readonly not_after_ms: number | null
  readonly max_devices: number | null
  /** The text of a key that devices have already; null draws one. */
  readonly key: string | null
}

/** Creates a provisioning key and gives its text, this once. One that is there, under a master key that was given up, is put right by its text. */
export async function createProvisioningKey(
  parts: CloudParts,
  by: StoredOperatorKey,
  account: string,
  request: ProvisioningKeyRequest,
): Promise<{ id: string; key: string }> {
  const bytes = bytesOf(request)
  const rules = {
    keyId: request.id,
    retired: false,
    allow: request.allow,
    notBeforeMs: request.not_before_ms,
    notAfterMs: request.not_after_ms,
    maxDevices: request.max_devices,
  }
  const sealedKey = seal(parts.masterKeys, ['provisioning-key', account, request.id], bytes)
  await parts.db.transaction().execute(async (db) => {
    if (!(await accountExists(db, account))) throw new ApiProblem('not-found', `there is no account ${account}`)
    const isNew = await insertProvisioningKey(db, account, { rules, sealedKey }, parts.nowMs())
    const isPutRight = !isNew && request.key !== null && (await putRight(parts, db, account, request.id, sealedKey))
    if (!isNew && !isPutRight) throw new ApiProblem('conflict', `provisioning key ${request.id} exists already`)
    await appendAudit(db, parts.nowMs(), [operatorEntry(by, 'provisioning-key-created', account, request.id)])
  })
  return { id: request.id, key: formatSecretText('zkp_', bytes) }
}

function bytesOf({ key }: ProvisioningKeyRequest): Uint8Array {
  if (key === null) return new Uint8Array(randomBytes(SECRET_BYTES))
  const bytes = parseSecretText('zkp_', key)
  if (!bytes.ok) throw new ApiProblem('invalid-request', `key: ${bytes.problem}`)
  return bytes.value
}

async function putRight(parts: CloudParts, db: Database, account: string, id: string, sealedKey: string): Promise<boolean> {
  const sealed = (await findProvisioningKey(db, account, id))?.sealedKey ?? null
  if (sealed === null || !isLost(parts.masterKeys, sealed)) return false
  await replaceSealed(db, { kind: 'provisioning-key', account, id, sealed }, sealedKey)
  return true
}

/** The provisioning keys of an account, as the API shows them. */
export async function showProvisioningKeys(parts: CloudParts, account: string) {
  const keys = await listProvisioningKeys(parts.db, account)
  const shown = []
  for (const { rules, createdAt } of keys) {
    shown.push({
      id: rules.keyId,
      allow: [...rules.allow],
      not_before_ms: rules.notBeforeMs,
      not_after_ms: rules.notAfterMs,
      max_devices: rules.maxDevices,
      retired: rules.retired,
      created_at_ms: createdAt,
      enrolled_devices: await countEnrolledBy(parts.db, account, rules.keyId),
    })
  }
  return shown
}

/** Retires a provisioning key. */
export async function retireKey(parts: CloudParts, by: StoredOperatorKey, account: string, keyId: string): Promise<void> {
  await parts.db.transaction().execute(async (db) => {
    const retired = await retireProvisioningKey(db, account, keyId, parts.nowMs())
    if (!retired) throw new ApiProblem('not-found', `there is no provisioning key ${keyId} in use`)
    await appendAudit(db, parts.nowMs(), [operatorEntry(by, 'provisioning-key-retired', account, keyId)])
  })
}
