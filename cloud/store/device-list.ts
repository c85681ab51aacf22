/** Devices of an account, page by page, by what is the matter with them. */
import type { FlashedState, IssuedId, TemporaryState } from '../rules/device-credentials.ts'
import { credentialsOfRow } from './device-row.ts'
import { fold, issuedIdOf } from './devices.ts'
import { inPieces } from './pieces.ts'
import type { Database } from './tables.ts'

/**
 * What devices can be asked for by: `enrolling` has no permanent credential yet, `permanent` works with one, `ended` has nothing that is
 * good, `frozen` is not rotated, `rearmed` was re-armed and that was neither followed by a promotion nor cancelled.
 */
export const DEVICE_STATES = ['enrolling', 'permanent', 'ended', 'frozen', 'rearmed'] as const

/** One of them. */
export type DeviceState = (typeof DEVICE_STATES)[number]

/** A device in a list. */
export type ListedDevice = {
  readonly id: string
  readonly createdMs: number
  readonly temporary: TemporaryState['state']
  readonly flashed: FlashedState
  readonly current: IssuedId | null
  readonly promotedMs: number | null
  readonly frozenMs: number | null
  readonly rearmedUntilMs: number | null
}

/** Which devices, in the order of their ids; null does not filter. `after` is the id of the last one seen, empty for the first page. */
export type DeviceFilter = {
  readonly account: string
  readonly state: DeviceState | null
  readonly after: string
  readonly limit: number
}

/** Every device of an account with its current and its pending credential; a device has at most one of each. */
const withLive = (db: Database, account: string) =>
  db
    .selectFrom('device')
    .leftJoin('issued_secret as current', (join) =>
      join.onRef('current.account', '=', 'device.account').onRef('current.device', '=', 'device.id').on('current.state', '=', 'current'),
    )
    .leftJoin('issued_secret as pending', (join) =>
      join.onRef('pending.account', '=', 'device.account').onRef('pending.device', '=', 'device.id').on('pending.state', '=', 'pending'),
    )
    .where('device.account', '=', account)

function inState(query: ReturnType<typeof withLive>, state: DeviceState | null): ReturnType<typeof withLive> {
  switch (state) {
    case null:
      return query
    case 'enrolling':
      return query.where('device.temporary', '=', 'open')
    case 'permanent':
      return query.where((where) => where.or([where('device.flashed', '=', 'good'), where('current.secret_id', 'is not', null)]))
    case 'ended':
      return query
        .where('device.temporary', '!=', 'open')
        .where('device.flashed', '!=', 'good')
        .where('current.secret_id', 'is', null)
        .where('pending.secret_id', 'is', null)
    case 'frozen':
      return query.where('device.frozen_at', 'is not', null)
    case 'rearmed':
      return query.where('device.rearmed', 'is not', null)
  }
}

/** Reads a page. */
export async function listDevices(db: Database, { account, state, after, limit }: DeviceFilter): Promise<readonly ListedDevice[]> {
  const page = inState(withLive(db, account), state).where('device.folded_id', '>', fold(after))
  return (await listed(page).orderBy('device.folded_id').limit(limit).execute()).map(listedOf)
}

/** Those of these devices that there are. */
export async function devicesByIds(db: Database, account: string, ids: readonly string[]): Promise<readonly ListedDevice[]> {
  const found: ListedDevice[] = []
  for (const piece of inPieces(ids)) {
    const query = withLive(db, account).where('device.folded_id', 'in', piece.map(fold))
    const wanted = new Set(piece)
    found.push(...(await listed(query).execute()).filter(({ id }) => wanted.has(id)).map(listedOf))
  }
  return found
}

const listed = (query: ReturnType<typeof withLive>) =>
  query.selectAll('device').select(['current.secret_id as current_id', 'current.certificate as current_certificate'])

function listedOf(row: Awaited<ReturnType<ReturnType<typeof listed>['execute']>>[number]): ListedDevice {
  const { temporary, flashed, promotedMs, frozenMs, rearmed } = credentialsOfRow(row)
  const current = row.current_id === null ? null : issuedIdOf({ secret_id: row.current_id, certificate: row.current_certificate })
  const states = { temporary: temporary.state, flashed, promotedMs, frozenMs, rearmedUntilMs: rearmed?.untilMs ?? null }
  return { id: row.id, createdMs: row.created_at, current, ...states }
}
