/** Devices and their credentials' states, read as the rules see them and written back as the difference that a rule made. */
import type { CompiledQuery, Insertable } from 'kysely'
import type { DeviceName } from '../../agent/contract/names.ts'
import { type DeviceCredentials, type IssuedId, type IssuedRecord, issuedName, type Recovery } from '../rules/device-credentials.ts'
import type { HeardRun } from '../rules/shared-identity.ts'
import { credentialColumns, credentialsOfRow, formatRuns, isSameColumns, parseRuns } from './device-row.ts'
import { prepared } from './prepared.ts'
import type { Database, DeviceTable, IssuedSecretTable } from './tables.ts'

/** A device as it is stored. */
export type StoredDevice = {
  readonly credentials: DeviceCredentials
  /** The flashed secret, sealed; null where there is none. */
  readonly sealedSecret: string | null
  /** The runs of its agent that were heard of. */
  readonly runs: readonly HeardRun[]
  readonly createdAt: number
}

/** What is stored under a device id: a device, nothing, or one whose id differs only by case. */
export type FoundDevice = { readonly found: 'device'; readonly device: StoredDevice } | { readonly found: 'nothing' | 'other-spelling' }

/** How device ids are compared: no two of an account differ only by case. */
export const fold = (deviceId: string): string => deviceId.toLowerCase()

/** Reads a device. */
export async function findDevice(db: Database, name: DeviceName): Promise<FoundDevice> {
  const [device, issued] = await Promise.all([
    db.executeQuery(selectDevice(db, keyOf(name))),
    db.executeQuery(selectIssued(db, issuedKeyOf(name))),
  ])
  return found(name, device.rows[0], issued.rows)
}

/** Reads a device and locks it until the transaction ends. Raising a number is a lock on every engine. */
export async function findAndLockDevice(db: Database, name: DeviceName): Promise<FoundDevice> {
  const [device, issued] = await Promise.all([
    db.executeQuery(lockDevice(db, keyOf(name))),
    db.executeQuery(selectIssued(db, issuedKeyOf(name))),
  ])
  return found(name, device.rows[0], issued.rows)
}

type DeviceKey = Pick<DeviceTable, 'account' | 'folded_id'>

const keyOf = ({ account, device }: DeviceName): DeviceKey => ({ account, folded_id: fold(device) })

const issuedKeyOf = ({ account, device }: DeviceName): DeviceName => ({ account, device })

const selectDevice = prepared((db, key: DeviceKey) =>
  db.selectFrom('device').selectAll().where('account', '=', key.account).where('folded_id', '=', key.folded_id),
)

const lockDevice = prepared((db, key: DeviceKey) =>
  db
    .updateTable('device')
    .set((row) => ({ revision: row('revision', '+', 1) }))
    .where('account', '=', key.account)
    .where('folded_id', '=', key.folded_id)
    .returningAll(),
)

type IssuedRow = Pick<IssuedSecretTable, 'secret_id' | 'certificate' | 'generation' | 'nonce' | 'state' | 'rank' | 'in_backup'>

/** Asked for before it is known whether there is such a device: the unknown takes as long as the known. */
const selectIssued = prepared((db, { account, device }: DeviceName) =>
  db
    .selectFrom('issued_secret')
    .select(['secret_id', 'certificate', 'generation', 'nonce', 'state', 'rank', 'in_backup'])
    .where('account', '=', account)
    .where('device', '=', device)
    .orderBy('generation'),
)

function found(name: DeviceName, row: DeviceTable | undefined, rows: readonly IssuedRow[]): FoundDevice {
  if (row === undefined) return { found: 'nothing' }
  if (row.id !== name.device) return { found: 'other-spelling' }
  const issued = rows.map((record) => ({ id: issuedIdOf(record), generation: record.generation, nonce: record.nonce, state: record.state }))
  const credentials = { ...credentialsOfRow(row), issued, recovery: recoveryOf(row, rows) }
  const { sealed_secret: sealedSecret, created_at: createdAt } = row
  return { found: 'device', device: { credentials, sealedSecret, runs: parseRuns(row.runs), createdAt } }
}

function recoveryOf(row: DeviceTable, issued: readonly IssuedRow[]): Recovery | null {
  if (row.recovering_until === null) return null
  const inBackup = new Map<string, { was: 'good' | 'ended'; rank: number }>()
  for (const { secret_id, generation, rank, in_backup } of issued) {
    if (in_backup !== null) inBackup.set(secret_id, { was: in_backup, rank: rank ?? generation })
  }
  const shown = { rank: row.shown_rank ?? 0, generation: row.shown_generation ?? 0 }
  return { untilMs: row.recovering_until, shown, inBackup }
}

/** The id of an issued credential, by its row. */
export const issuedIdOf = (row: Pick<IssuedSecretTable, 'secret_id' | 'certificate'>): IssuedId =>
  row.certificate === null ? { kind: 'issued', secretId: row.secret_id } : { kind: 'certificate', fingerprint: row.secret_id }

/** A device that is not stored yet. */
export type NewDevice = {
  readonly name: DeviceName
  readonly credentials: DeviceCredentials
  readonly sealedSecret: string | null
  /** The certificate (PEM) among its credentials; null where there is none. */
  readonly chainPem: string | null
  readonly runs: readonly HeardRun[]
}

/** A new device's row. */
export const deviceRow = ({ name, credentials, sealedSecret, runs }: NewDevice, nowMs: number): DeviceTable => ({
  account: name.account,
  id: name.device,
  folded_id: fold(name.device),
  ...credentialColumns(credentials),
  sealed_secret: sealedSecret,
  runs: formatRuns(runs),
  revision: 0,
  created_at: nowMs,
})

/** Stores a new device; false where its id, in any case, is taken. */
export async function insertDevice(db: Database, device: NewDevice, nowMs: number): Promise<boolean> {
  const query = db.insertInto('device').values(deviceRow(device, nowMs))
  const result = await query.onConflict((conflict) => conflict.columns(['account', 'folded_id']).doNothing()).executeTakeFirst()
  if (result.numInsertedOrUpdatedRows !== 1n) return false
  await Promise.all(issuedWrites(db, device, nowMs).map((write) => db.executeQuery(write)))
  return true
}

/** What stores a new device; it fails where the id, in any case, was taken in the meantime (`isDeviceTaken`). */
export const newDeviceWrites = (db: Database, device: NewDevice, nowMs: number): readonly CompiledQuery[] => [
  insertRow(db, deviceRow(device, nowMs)),
  ...issuedWrites(db, device, nowMs),
]

const insertRow = prepared((db, row: Insertable<DeviceTable>) => db.insertInto('device').values(row))

const issuedWrites = (db: Database, { name, credentials, chainPem }: NewDevice, nowMs: number): readonly CompiledQuery[] =>
  credentials.issued.map((record) => insertIssued(db, name, { record, rank: rankNow(credentials), chainPem }, nowMs))

/** Whether what a transaction failed with is that a new device's id was taken in the meantime, which only PostgreSQL lets happen. */
export const isDeviceTaken = (error: unknown): boolean =>
  error instanceof Error && 'constraint' in error && error.constraint === 'device_pk'

/**
 * What a rule changed, the chain (PEM) of the certificate that `after` adds (null where it adds none), and the runs of its agent
 * (null where they are as they were).
 */
export type DeviceChange = {
  readonly before: DeviceCredentials
  readonly after: DeviceCredentials
  readonly chainPem: string | null
  readonly runs: readonly HeardRun[] | null
}

/** Writes what a rule changed of a device that is stored. */
export async function saveDevice(db: Database, name: DeviceName, change: DeviceChange, nowMs: number): Promise<void> {
  await Promise.all(deviceWrites(db, name, change, nowMs).map((write) => db.executeQuery(write)))
}

/** What writes a change of a device that is stored, in this order: the database never sees two current or two pending credentials. */
export function deviceWrites(db: Database, name: DeviceName, change: DeviceChange, nowMs: number): readonly CompiledQuery[] {
  const { before, after, chainPem, runs } = change
  const known = new Map(before.issued.map((record) => [issuedName(record.id), record.state]))
  const changed = after.issued.filter(({ id, state }) => known.has(issuedName(id)) && known.get(issuedName(id)) !== state)
  const ending = changed.filter((record) => record.state === 'superseded' || record.state === 'revoked')
  const columns = credentialColumns(after)
  const changes = {
    ...(isSameColumns(columns, credentialColumns(before)) ? {} : columns),
    ...(runs === null ? {} : { runs: formatRuns(runs) }),
  }
  const added = after.issued.filter(({ id }) => !known.has(issuedName(id)))
  return [
    ...ending.map((record) => setState(db, record, nowMs)),
    ...(Object.keys(changes).length > 0 ? [changeDevice(db, { ...keyOf(name), ...changes })] : []),
    ...changed.filter((record) => !ending.includes(record)).map((record) => setState(db, record, nowMs)),
    ...added.map((record) => insertIssued(db, name, { record, rank: rankNow(after), chainPem }, nowMs)),
  ]
}

type Changes = Partial<Omit<DeviceTable, keyof DeviceKey>>

const changeDevice = prepared((db, { account, folded_id, ...changes }: DeviceKey & Changes) =>
  db.updateTable('device').set(changes).where('account', '=', account).where('folded_id', '=', folded_id),
)

const setState = (db: Database, { id, state }: IssuedRecord, nowMs: number): CompiledQuery =>
  updateState(db, { secret_id: issuedName(id), state, changed_at: nowMs })

const updateState = prepared((db, { secret_id, ...changes }: Pick<IssuedSecretTable, 'secret_id' | 'state' | 'changed_at'>) =>
  db.updateTable('issued_secret').set(changes).where('secret_id', '=', secret_id),
)

/** The rank of what is issued or accepted now: null where the device's line was never broken by a restore. */
const rankNow = ({ recovery }: DeviceCredentials): number | null => recovery?.shown.rank ?? null

type NewIssued = { readonly record: IssuedRecord; readonly rank: number | null; readonly chainPem: string | null }

/** The row of a credential that is issued now. */
export function issuedRow({ account, device }: DeviceName, { record, rank, chainPem }: NewIssued, nowMs: number) {
  const { id, generation, nonce, state } = record
  const certificate = id.kind === 'certificate' ? chainPem : null
  if (id.kind === 'certificate' && certificate === null) throw new Error('a certificate is stored with its chain')
  const row = { secret_id: issuedName(id), account, device, generation, nonce, state, certificate, rank }
  return { ...row, created_at: nowMs, changed_at: nowMs }
}

const insertIssued = (db: Database, name: DeviceName, issued: NewIssued, nowMs: number): CompiledQuery =>
  insertIssuedRow(db, issuedRow(name, issued, nowMs))

const insertIssuedRow = prepared((db, row: Insertable<IssuedSecretTable>) => db.insertInto('issued_secret').values(row))
