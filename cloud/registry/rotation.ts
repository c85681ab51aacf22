/** Ordering rotations: an operator opens orders, each device finds its own among its actions; and takes them back. */
import { type DeviceName, parseDeviceId } from '../../agent/contract/names.ts'
import { ApiProblem } from '../api-problem.ts'
import type { CloudParts } from '../parts.ts'
import type { AuditEventName } from '../rules/audit-event.ts'
import { appendAudit } from '../store/audit-log.ts'
import { accountExists, type StoredOperatorKey } from '../store/principals.ts'
import { closeOrder, insertOrder, openOrder } from '../store/rotation-orders.ts'
import type { Database } from '../store/tables.ts'
import { lockDevice } from './change-device.ts'
import { operatorEntry } from './operator-entry.ts'

/** Opens an order for a device, or gives the one that is open. A device without a permanent credential has nothing to rotate. */
export const orderRotation = (parts: CloudParts, by: StoredOperatorKey, name: DeviceName): Promise<string> =>
  parts.db.transaction().execute(async (db) => {
    const { flashed, issued, frozenMs } = await lockDevice(db, name)
    if (flashed !== 'good' && !issued.some(({ state }) => state === 'current')) {
      throw new ApiProblem('conflict', 'the device has no permanent credential; its next connection may bring one')
    }
    if (frozenMs !== null) throw new ApiProblem('conflict', 'rotation of this device is frozen; look at it, and unfreeze it')
    const open = await openOrder(db, name)
    if (open !== null) return open
    const id = await insertOrder(db, name, parts.nowMs())
    await tell(db, by, 'rotation-ordered', name, id, parts.nowMs())
    return id
  })

const tell = (db: Database, by: StoredOperatorKey, event: AuditEventName, { account, device }: DeviceName, id: string, nowMs: number) =>
  appendAudit(db, nowMs, [{ ...operatorEntry(by, event, account, id), device }])

/** Takes the open order of a device back: whoever asks by it is told `order-closed`. What it issued already stays good. */
export const takeOrderBack = (parts: CloudParts, by: StoredOperatorKey, name: DeviceName): Promise<string> =>
  parts.db.transaction().execute(async (db) => {
    await lockDevice(db, name)
    const open = await openOrder(db, name)
    if (open === null) throw new ApiProblem('not-found', 'there is no open order for the device')
    await closeOrder(db, name, parts.nowMs())
    await tell(db, by, 'rotation-order-taken-back', name, open, parts.nowMs())
    return open
  })

/** A few at once wait for the disk together; more would leave others no connection to the database. */
const AT_ONCE = 5

/** What became of one device of a list; `order` is null where there was an error. */
export type OrderResult = { id: string; status: 'done' | 'error'; order: string | null; message: string }

/** Does the same to each device of a list; one that fails does not keep the others out. */
export async function forEachDevice(
  parts: CloudParts,
  by: StoredOperatorKey,
  account: string,
  ids: readonly string[],
  work: typeof orderRotation,
): Promise<OrderResult[]> {
  if (!(await accountExists(parts.db, account))) throw new ApiProblem('not-found', `there is no account ${account}`)
  const results: OrderResult[] = []
  for (let start = 0; start < ids.length; start += AT_ONCE) {
    const some = ids.slice(start, start + AT_ONCE).map((id) => resultOf(id, () => work(parts, by, { account, device: id })))
    results.push(...(await Promise.all(some)))
  }
  return results
}

async function resultOf(id: string, work: () => Promise<string>): Promise<OrderResult> {
  const parsed = parseDeviceId(id)
  if (!parsed.ok) return { id, status: 'error', order: null, message: parsed.problem }
  try {
    return { id, status: 'done', order: await work(), message: '' }
  } catch (error) {
    if (!(error instanceof ApiProblem) || error.problem === 'unavailable') throw error
    return { id, status: 'error', order: null, message: error.detail }
  }
}
