/** A row of the device table as the rules see it, and back. */
import { type CredentialId, formatCredentialId, parseCredentialId } from '../../agent/contract/names.ts'
import { type DeviceCredentials, type IssuedId, isIssuedId, type Rearmed, type TemporaryState } from '../rules/device-credentials.ts'
import type { HeardRun } from '../rules/shared-identity.ts'
import type { DeviceTable } from './tables.ts'

/** The columns that hold a device's credentials, apart from the issued ones. */
export type CredentialColumns = Pick<
  DeviceTable,
  'temporary' | 'enrolled_by' | 'flashed' | 'promoted_at' | 'frozen_at' | 'rearmed' | 'recovering_until' | 'shown_rank' | 'shown_generation'
>

/** The credentials as columns. */
export const credentialColumns = ({
  temporary,
  flashed,
  promotedMs,
  frozenMs,
  rearmed,
  recovery,
}: DeviceCredentials): CredentialColumns => ({
  temporary: temporary.state,
  enrolled_by: temporary.state === 'none' ? null : temporary.keyId,
  flashed,
  promoted_at: promotedMs,
  frozen_at: frozenMs,
  rearmed: rearmed === null ? null : formatRearmed(rearmed),
  recovering_until: recovery?.untilMs ?? null,
  shown_rank: recovery?.shown.rank ?? null,
  shown_generation: recovery?.shown.generation ?? null,
})

/** Whether two sets of columns say the same. */
export const isSameColumns = (one: CredentialColumns, other: CredentialColumns): boolean =>
  one.temporary === other.temporary &&
  one.enrolled_by === other.enrolled_by &&
  one.flashed === other.flashed &&
  one.promoted_at === other.promoted_at &&
  one.frozen_at === other.frozen_at &&
  one.rearmed === other.rearmed &&
  one.recovering_until === other.recovering_until &&
  one.shown_rank === other.shown_rank &&
  one.shown_generation === other.shown_generation

/** The credentials of a row, apart from the issued ones and what they are to a restore. */
export const credentialsOfRow = (row: CredentialColumns): Omit<DeviceCredentials, 'issued' | 'recovery'> => ({
  temporary: temporaryOf(row),
  flashed: row.flashed,
  promotedMs: row.promoted_at,
  frozenMs: row.frozen_at,
  rearmed: row.rearmed === null ? null : parseRearmed(row.rearmed),
})

const temporaryOf = (row: CredentialColumns): TemporaryState =>
  row.temporary === 'none' || row.enrolled_by === null ? { state: 'none' } : { state: row.temporary, keyId: row.enrolled_by }

const formatRearmed = ({ credentialId, untilMs, orderId, issued }: Rearmed): string =>
  JSON.stringify([formatCredentialId(credentialId), untilMs, orderId, issued === null ? null : formatCredentialId(issued)])

function parseRearmed(text: string): Rearmed {
  const [credential, untilMs, orderId, issued]: unknown[] = JSON.parse(text)
  if (typeof untilMs !== 'number' || typeof orderId !== 'string') throw new Error('the database holds a damaged re-arming')
  return { credentialId: credentialOf(credential), untilMs, orderId, issued: issued === null ? null : issuedOf(credentialOf(issued)) }
}

function credentialOf(value: unknown): CredentialId {
  const id = value === null || typeof value === 'string' ? parseCredentialId(value) : null
  if (id?.ok !== true) throw new Error('the database holds a damaged re-arming')
  return id.value
}

function issuedOf(id: CredentialId): IssuedId {
  if (!isIssuedId(id)) throw new Error('the database holds a damaged re-arming')
  return id
}

/** The runs of a device's agent as text. */
export const formatRuns = (runs: readonly HeardRun[]): string =>
  JSON.stringify(runs.map(({ run, firstMs, lastMs }) => [run, firstMs, lastMs]))

/** The runs of a device's agent; what is damaged is forgotten, since it is no more than a hint. */
export function parseRuns(text: string): readonly HeardRun[] {
  const rows: unknown = JSON.parse(text)
  if (!Array.isArray(rows)) return []
  return rows.flatMap((row: unknown) => {
    const [run, firstMs, lastMs]: unknown[] = Array.isArray(row) ? row : []
    return typeof run === 'string' && typeof firstMs === 'number' && typeof lastMs === 'number' ? [{ run, firstMs, lastMs }] : []
  })
}
