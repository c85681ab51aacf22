/** Registering the devices of a batch, a part of its manifest at a time. What is registered already is never changed. */
import { timingSafeEqual } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { type Parsed, parsed, unparsed } from '../../agent/contract/parsed.ts'
import type { RegistrationRow } from '../../agent/contract/registration.ts'
import { parseSecretText } from '../../agent/contract/secret-text.ts'
import { ApiProblem } from '../api-problem.ts'
import type { RegistrationKey } from '../crypto/registration-key.ts'
import { isLost, type SealedContext, seal, unseal } from '../crypto/sealed.ts'
import { auditEntries } from '../onboarding/audit-entries.ts'
import type { CloudParts } from '../parts.ts'
import { type CredentialEvent, type DeviceCredentials, NO_CREDENTIALS } from '../rules/device-credentials.ts'
import { everyCredential } from '../rules/revocation.ts'
import { type AuditEntry, appendAudit } from '../store/audit-log.ts'
import { fold, type NewDevice } from '../store/devices.ts'
import { recordPart } from '../store/factory-keys.ts'
import { inPieces } from '../store/pieces.ts'
import { accountExists, type StoredOperatorKey } from '../store/principals.ts'
import { findHolders, findRegistered, inLockOrder, insertDevices, type RegisteredDevice } from '../store/registration.ts'
import { transact } from '../store/transact.ts'
import { operatorPrincipal } from './operator-entry.ts'
import { type KeyBudgets, readKeyBudgets } from './provisioning-budget.ts'
import { registeredRecord } from './registered-certificate.ts'
import { type OpenedPart, openPart } from './registration-part.ts'

/** What became of a row: `conflict` says that something else is registered, `refused` that the row cannot be. */
export type RegistrationResult = { id: string; status: 'registered' | 'unchanged' | 'conflict' | 'refused'; message: string }

/** What became of a part. */
export type RegistrationAnswer = { batch: string; part: number; of: number; results: RegistrationResult[] }

/** A row that may be stored. */
type Candidate = { readonly row: RegistrationRow; readonly device: NewDevice }

const SEALED_BETWEEN_TURNS = 100

/** Registers the devices of a part; one that cannot be registered does not keep the others out. */
export async function registerPart(
  parts: CloudParts,
  keys: readonly RegistrationKey[],
  by: StoredOperatorKey,
  { account, jwe }: { readonly account: string; readonly jwe: string },
): Promise<RegistrationAnswer> {
  if (!(await accountExists(parts.db, account))) throw new ApiProblem('not-found', `there is no account ${account}`)
  const opened = await openPart({ db: parts.db, keys, account }, jwe)
  const candidates = await candidatesOf(parts, opened)
  const results = await transact(parts.db, async (db) => {
    const rows = candidates.flatMap((candidate) => (candidate.ok ? [candidate.value.row] : []))
    const [stored, holders, budgets] = await Promise.all([
      findRegistered(
        db,
        account,
        rows.map(({ id }) => fold(id)),
      ),
      findHolders(db, rows.flatMap(fingerprintOf)),
      readKeyBudgets(db, account, rows.flatMap(keyIdOf), parts.nowMs()),
    ])
    const judged = candidates.map((candidate) => judge(parts, { candidate, stored, holders, budgets }))
    const accepted = candidates.flatMap((candidate, index) =>
      candidate.ok && judged[index]?.status === 'registered' ? [candidate.value.device] : [],
    )
    await store(parts, db, by, opened, accepted)
    return judged
  })
  const { part, rows } = opened
  return {
    batch: part.batch,
    part: part.part,
    of: part.of,
    results: rows.map(({ id }, index) => ({ id, ...(results[index] ?? refused('there is no such row')) })),
  }
}

type Judged = Omit<RegistrationResult, 'id'>

const refused = (message: string): Judged => ({ status: 'refused', message })
const conflict = (message: string): Judged => ({ status: 'conflict', message })

/** The rows as devices, in their order; of two with one id or certificate, the first counts. */
async function candidatesOf(parts: CloudParts, { part, rows }: OpenedPart): Promise<readonly Parsed<Candidate>[]> {
  const seen = new Set<string>()
  const candidates: Parsed<Candidate>[] = []
  for (const { row } of rows) {
    // Sealing a thousand secrets takes a while: others get their turn between.
    if (candidates.length % SEALED_BETWEEN_TURNS === 0) await setImmediate()
    candidates.push(row.ok ? candidateOf(parts, part.account, row.value, seen) : row)
  }
  return candidates
}

function candidateOf(parts: CloudParts, account: string, row: RegistrationRow, seen: Set<string>): Parsed<Candidate> {
  for (const name of [`id ${fold(row.id)}`, ...fingerprintOf(row).map((fingerprint) => `certificate ${fingerprint}`)]) {
    if (seen.has(name)) return unparsed('an earlier row of the part has the same id, perhaps in another case, or the same certificate')
    seen.add(name)
  }
  return parsed({ row, device: deviceOf(parts, account, row) })
}

const fingerprintOf = (row: RegistrationRow): readonly string[] => (row.kind === 'certificate' ? [row.fingerprint] : [])
const keyIdOf = (row: RegistrationRow): readonly string[] => (row.kind === 'temporary' ? [row.keyId] : [])

/** A device as the row wants it; it has no agent yet. */
function deviceOf(parts: CloudParts, account: string, row: RegistrationRow): NewDevice {
  const device = (credentials: Partial<DeviceCredentials>): NewDevice => ({
    name: { account, device: row.id },
    credentials: { ...NO_CREDENTIALS, ...credentials },
    sealedSecret: null,
    chainPem: null,
    runs: [],
  })
  switch (row.kind) {
    case 'shared-secret':
      return { ...device({ flashed: 'good' }), sealedSecret: seal(parts.masterKeys, sealedFor(account, row.id), bytesOf(row.secret)) }
    case 'temporary':
      return device({ temporary: { state: 'open', keyId: row.keyId } })
    case 'certificate': {
      // Only what it is called is known, as when an operator registers a fingerprint.
      const certificate = { fingerprint: row.fingerprint, pem: '' }
      return { ...device({ issued: [registeredRecord(certificate)] }), chainPem: certificate.pem }
    }
  }
}

const sealedFor = (account: string, device: string): SealedContext => ['flashed-secret', account, device]

function bytesOf(secret: string): Uint8Array {
  const bytes = parseSecretText('zks_', secret)
  if (!bytes.ok) throw new Error('a row with a damaged secret was taken')
  return bytes.value
}

type Question = {
  readonly candidate: Parsed<Candidate>
  readonly stored: ReadonlyMap<string, RegisteredDevice>
  readonly holders: Awaited<ReturnType<typeof findHolders>>
  readonly budgets: KeyBudgets
}

function judge(parts: CloudParts, { candidate, stored, holders, budgets }: Question): Judged {
  if (!candidate.ok) return refused(candidate.problem)
  const { row, device } = candidate.value
  const there = stored.get(fold(row.id)) ?? null
  if (there !== null && there.id !== row.id) return conflict(`a device ${there.id}, in another case, is registered`)
  const holder = row.kind === 'certificate' ? (holders.get(row.fingerprint) ?? null) : null
  const isHolder = holder !== null && holder.account === device.name.account && holder.device === row.id
  if (there !== null)
    return isHolder || holdsSame(parts, device.name.account, row, there)
      ? { status: 'unchanged', message: '' }
      : conflict('the device is registered with another credential')
  if (holder !== null) return conflict("the certificate is another device's")
  const problem = row.kind === 'temporary' ? budgets.take(row.keyId, row.id) : null
  return problem === null ? { status: 'registered', message: '' } : refused(problem)
}

/** Whether a device was registered with this very secret, or for this very provisioning key, whatever became of it since. */
function holdsSame(parts: CloudParts, account: string, row: RegistrationRow, { enrolled_by, sealed_secret }: RegisteredDevice): boolean {
  switch (row.kind) {
    case 'temporary':
      return enrolled_by === row.keyId
    case 'certificate':
      return false
    case 'shared-secret':
      if (sealed_secret === null || isLost(parts.masterKeys, sealed_secret)) return false
      return timingSafeEqual(unseal(parts.masterKeys, sealedFor(account, row.id), sealed_secret), bytesOf(row.secret))
  }
}

async function store(
  parts: CloudParts,
  db: Parameters<typeof insertDevices>[0],
  by: StoredOperatorKey,
  { part, signer }: OpenedPart,
  devices: readonly NewDevice[],
): Promise<void> {
  const nowMs = parts.nowMs()
  const sorted = [...devices].sort((a, b) => inLockOrder(a.name.device, b.name.device))
  // Somebody registers one of them at this moment: nothing is decided on an old view, and the factory asks again.
  if (!(await insertDevices(db, sorted, nowMs))) throw new ApiProblem('unavailable', 'devices of this part are being registered', 1)
  for (const piece of inPieces(devices.flatMap((device) => entriesOf(by, part.batch, device)))) await appendAudit(db, nowMs, piece)
  await recordPart(db, {
    ...{ account: part.account, batch: part.batch, part: part.part, first: part.from, rows: part.rows, devices: part.of },
    ...{ factory_key: signer, registered_at: nowMs },
  })
}

function entriesOf(by: StoredOperatorKey, batch: string, { name, credentials }: NewDevice): readonly AuditEntry[] {
  const events = everyCredential(credentials).map(
    (credentialId): CredentialEvent => ({
      event: credentialId.kind === 'temporary' ? 'enrolled' : 'registered',
      credentialId,
      detail: `batch ${batch}`,
    }),
  )
  return auditEntries(name, operatorPrincipal(by), events)
}
