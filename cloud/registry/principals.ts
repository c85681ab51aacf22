/** Creating accounts, operator keys and AAA clients. Keys are drawn here, shown once, and kept as hashes. */
import { ApiProblem } from '../api-problem.ts'
import { createBearerKey, formatOperatorKey, hashBearerKey } from '../crypto/bearer-key.ts'
import type { CloudParts } from '../parts.ts'
import { appendAudit } from '../store/audit-log.ts'
import {
  accountExists,
  insertAaaClient,
  insertAccount,
  insertOperatorKey,
  mayWorkIn,
  type OperatorRole,
  type StoredOperatorKey,
} from '../store/principals.ts'
import type { Database } from '../store/tables.ts'
import { operatorEntry } from './operator-entry.ts'

/** Creates an account. */
export async function createAccount(parts: CloudParts, by: StoredOperatorKey, id: string): Promise<void> {
  if (!mayWorkIn(by, id)) throw new ApiProblem('insufficient-scope', 'the operator key is not for this account')
  await parts.db.transaction().execute(async (db) => {
    if (!(await insertAccount(db, id, parts.nowMs()))) throw new ApiProblem('conflict', `account ${id} exists already`)
    await appendAudit(db, parts.nowMs(), [operatorEntry(by, 'account-created', id, '')])
  })
}

/** What a new operator key may do. */
export type OperatorKeyRequest = { readonly id: string; readonly role: OperatorRole; readonly accounts: readonly string[] | null }

/** Creates an operator key; nobody gives more than they have. */
export async function createOperatorKey(
  parts: CloudParts,
  by: StoredOperatorKey,
  request: OperatorKeyRequest,
): Promise<{ readonly id: string; readonly key: string }> {
  const key = createBearerKey()
  requireOwnAccounts(by, request.accounts)
  await parts.db.transaction().execute(async (db) => {
    await requireAccounts(db, request.accounts)
    const stored = { ...request, hash: hashBearerKey(key) }
    if (!(await insertOperatorKey(db, stored, parts.nowMs()))) throw new ApiProblem('conflict', `operator key ${request.id} exists already`)
    const detail = `${request.id} ${request.role} ${request.accounts?.join(',') ?? 'all accounts'}`
    await appendAudit(db, parts.nowMs(), [operatorEntry(by, 'operator-key-created', null, detail)])
  })
  return { id: request.id, key: formatOperatorKey(request.id, key) }
}

/** Which hotspots a new AAA client stands for, and whose devices it may let in; `secret` is null unless it has one already. */
export type AaaClientRequest = {
  readonly id: string
  readonly aaa_domain: string
  readonly accounts: readonly string[] | null
  readonly secret: string | null
}

/** Creates an AAA client. */
export async function createAaaClient(
  parts: CloudParts,
  by: StoredOperatorKey,
  request: AaaClientRequest,
): Promise<{ readonly id: string; readonly secret: string }> {
  const secret = request.secret ?? createBearerKey()
  requireOwnAccounts(by, request.accounts)
  await parts.db.transaction().execute(async (db) => {
    await requireAccounts(db, request.accounts)
    const stored = { id: request.id, hash: hashBearerKey(secret), aaaDomain: request.aaa_domain, accounts: request.accounts }
    if (!(await insertAaaClient(db, stored, parts.nowMs()))) throw new ApiProblem('conflict', `AAA client ${request.id} exists already`)
    const detail = `${request.id} ${request.aaa_domain} ${request.accounts?.join(',') ?? 'all accounts'}`
    await appendAudit(db, parts.nowMs(), [operatorEntry(by, 'aaa-client-created', null, detail)])
  })
  return { id: request.id, secret }
}

function requireOwnAccounts(by: StoredOperatorKey, accounts: readonly string[] | null): void {
  const within = by.accounts === null || (accounts?.every((account) => mayWorkIn(by, account)) ?? false)
  if (!within) throw new ApiProblem('insufficient-scope', 'the operator key is not for all of these accounts')
}

async function requireAccounts(db: Database, accounts: readonly string[] | null): Promise<void> {
  for (const account of accounts ?? []) {
    if (!(await accountExists(db, account))) throw new ApiProblem('not-found', `there is no account ${account}`)
  }
}
